"""The room at the base time: the twin follows what was recorded before it, and hands over state and inputs.

What the model does not explain of the measured inlets at that moment stays with each zone as an offset, so that a case
begins at what was measured and differs from the baseline by physics alone. Next: `whatif`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics import twin as physics_twin
from physics.laws import Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters
from physics.state import Inputs, State
from racktwin.history import spans
from scenarios.history import Past, Row, rfc3339
from scenarios.question import ScenarioError, short

STEP_S: Final = 60
# The twin follows this long, so that slow masses are warm; readings older than `_FRESH_S` say nothing of the present.
FOLLOWED_S: Final = 5400
_FRESH_S: Final = 900
_SETTLE_S: Final = 120.0
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "environment": ("temperature",),
    "power": ("power",),
    "cooling": ("supplyTemperature", "returnTemperature", "airflow", "setpoint", "fanSpeed"),
}
_POSITIONS: Final = {"environment.bottom": 0, "environment.top": 1, "environment.middle": 2}


@dataclass(frozen=True)
class Start:
    """State and inputs (one scenario) at the base time; what each zone's inlet is off by (2, N); what was lacking."""

    base_ms: int
    layout: Layout
    parameters: Parameters
    state: State
    inputs: Inputs
    offset: Floats
    notes: tuple[str, ...]


def load(past: Past, layout: Layout, parameters: Parameters, *, site: str, base_ms: int, now_ms: int) -> Start:
    """The room at `base_ms` (epoch ms).

    Raises:
        ScenarioError: nothing was recorded of the room around that time.
        HistoryUnreadable: InfluxDB does not answer.
    """
    end = (base_ms // 1000 // STEP_S) * STEP_S * 1000
    begin = end - FOLLOWED_S * 1000
    # Up to the base time itself: its last cell is cut short.
    wanted = spans(site, begin, base_ms, resolution_s=STEP_S, now_ms=now_ms)
    series = _Series(layout, begin, FOLLOWED_S // STEP_S + 1)
    for row in past.rows(wanted, layout.room, FIELDS, STEP_S):
        series.take(row)
    return follow(series, layout, parameters, base_ms)


def follow(series: _Series, layout: Layout, parameters: Parameters, base_ms: int) -> Start:
    """Let the twin follow the series to their end.

    Raises:
        ScenarioError: there is nothing near the end.
    """
    notes = series.lacks(base_ms)
    follower = physics_twin.Twin(layout, parameters, step_s=float(STEP_S))
    for moment in series.moments():
        follower.observe(moment)
    state, inputs = follower.state_now()
    expected = state.inlet[0].copy()
    model = RoomModel(layout, parameters)
    model.advance(state, inputs, _SETTLE_S, 5.0)
    last = series.last_inlet()
    offset = np.where(np.isfinite(last), last, expected) - state.inlet[0]
    return Start(base_ms, layout, parameters, state, inputs, offset, tuple(notes))


class _Series:
    """Rows on a grid of minutes, as the twin is told them. The newest value of a cell stands."""

    def __init__(self, layout: Layout, begin_ms: int, cells: int) -> None:
        self._layout = layout
        self._begin_ms = begin_ms
        self._cells = cells
        n, m = len(layout.racks), len(layout.units)
        self._rack = {rack: at for at, rack in enumerate(layout.rack_ids)}
        self._unit = {unit: at for at, unit in enumerate(layout.unit_ids)}
        self._inlet = np.full((cells, 3, n), np.nan)
        self._power = np.full((cells, n), np.nan)
        self._units = {name: np.full((cells, m), np.nan) for name in FIELDS["cooling"]}
        self._rows = 0

    def take(self, row: Row) -> None:
        """Note one value."""
        cell = min(self._cells - 1, round((row.at - self._begin_ms) / (STEP_S * 1000)))
        if cell < 0 or not row.value:
            return
        value = float(row.value)
        if (rack := self._rack.get(row.thing)) is not None:
            if row.field == "temperature" and row.feature in _POSITIONS:
                self._inlet[cell, _POSITIONS[row.feature], rack] = value
                self._rows += 1
            elif row.field == "power":
                self._power[cell, rack] = value
        elif (unit := self._unit.get(row.thing)) is not None and row.field in self._units:
            self._units[row.field][cell, unit] = value

    def lacks(self, base_ms: int) -> list[str]:
        """What is missing near the end, for the result's notes.

        Raises:
            ScenarioError: no rack has a temperature there.
        """
        fresh = slice(max(0, self._cells - _FRESH_S // STEP_S), self._cells)
        room = self._layout.room
        warm = np.isfinite(self._inlet[fresh]).any(axis=(0, 1))
        if not warm.any():
            when = f"{rfc3339(base_ms - _FRESH_S * 1000)} and {rfc3339(base_ms)}"
            raise ScenarioError(
                f"room {room}: no rack's temperature was recorded between {when}: "
                "choose a baseTime for which there is history"
            )
        notes = []
        for what, known in (
            ("temperature", warm),
            ("power", np.isfinite(self._power[fresh]).any(axis=0)),
        ):
            missing = [short(r.id) for r, there in zip(self._layout.racks, known, strict=True) if not there]
            if missing:
                notes.append(f"{len(missing)} rack(s) without {what}, usual values taken: {', '.join(missing[:5])}")
        supply = np.isfinite(self._units["supplyTemperature"][fresh]).any(axis=0)
        without = [short(u.id) for u, there in zip(self._layout.units, supply, strict=True) if not there]
        if without:
            notes.append(f"cooling unit(s) without readings, their set-points taken: {', '.join(without[:5])}")
        return notes

    def last_inlet(self) -> Floats:
        """The newest inlet temperatures (2, N), NaN where there is none near the end."""
        fresh = self._heights()[max(0, self._cells - _FRESH_S // STEP_S) :]
        # Of the last minutes the mean: a single reading carries the sensor's noise.
        newest = np.full(fresh.shape[1:], np.nan)
        for row in fresh[-5:]:
            newest = np.where(np.isfinite(row), row, newest)
        mean = _mean(fresh[-5:])
        return np.asarray(np.where(np.isfinite(mean), mean, _last(fresh)))

    def moments(self) -> Iterable[physics_twin.Moment]:
        """The cells that hold something, in order."""
        inlet = self._heights()
        fan = self._units["fanSpeed"]
        rated = np.array([unit.airflow_m3s for unit in self._layout.units])
        airflow = np.where(np.isfinite(self._units["airflow"]), self._units["airflow"], rated * fan / 100.0)
        for cell in range(self._cells):
            if np.isfinite(inlet[cell]).any() or np.isfinite(self._power[cell]).any():
                yield physics_twin.Moment(
                    time_s=self._begin_ms / 1000.0 + cell * STEP_S,
                    inlet=inlet[cell],
                    power=self._power[cell],
                    supply=self._units["supplyTemperature"][cell],
                    return_=self._units["returnTemperature"][cell],
                    airflow=airflow[cell],
                    setpoint=self._units["setpoint"][cell],
                )

    def _heights(self) -> Floats:
        """Bottom and top; a sensor in the middle stands in for one that is not there."""
        middle = self._inlet[:, 2:3]
        return np.asarray(np.where(np.isfinite(self._inlet[:, :2]), self._inlet[:, :2], middle))


def _mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _last(values: Floats) -> Floats:
    found = np.full(values.shape[1:], np.nan)
    for row in values:
        found = np.where(np.isfinite(row), row, found)
    return found
