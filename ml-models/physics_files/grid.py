"""Series on a regular grid: at each step what was known by then, and nothing that came later. Pure.

Gaps stay gaps: a value is held for a while and is then missing. Next: `regressors` and `forecast`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.layout import Layout
from physics_files.problems import FileProblem
from physics_files.readings import Floats, Readings, Times

_NICE_S: Final = (60, 120, 300, 600, 900, 1800, 3600)
# Times from which the sampling is told, so that a file that goes on longer is read the same from its start.
_FIRST_TIMES: Final = 400
_MOST_CELLS: Final = 400_000


@dataclass(frozen=True)
class Grid:
    """A hall's record. Cell i speaks of `time_ms[i]` and holds what was read in the `step_s` up to and with it.

    Arrays are [cells, racks], [cells, units] or [cells, targets], NaN where nothing is known. A target is one
    temperature sensor: (index of its rack, position). `temperature` is the newest reading, `mean` that of the cell.
    """

    layout: Layout
    step_s: int
    time_ms: Times
    targets: tuple[tuple[int, str], ...]
    temperature: Floats
    mean: Floats
    humidity: Floats
    power: Floats
    utilization: Floats
    supply: Floats
    back: Floats
    setpoint: Floats
    airflow: Floats
    fan: Floats
    unit_power: Floats
    sampling_s: float
    notes: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.time_ms.size)

    def target_names(self) -> list[tuple[str, str]]:
        """(rack id, position as the file calls it) of each target."""
        labels = dict(self.labels)
        return [(self.layout.racks[rack].id, labels.get(place, place)) for rack, place in self.targets]


def make(readings: Readings, layout: Layout, *, step_s: int | None = None, shortest_horizon_s: float = 60.0) -> Grid:
    """The readings on a grid.

    Args:
        readings: of the hall.
        layout: its racks and units, whose order the arrays follow.
        step_s: of the grid; left out, the sampling decides, and is at least the shortest horizon or a minute.
        shortest_horizon_s: of the forecasts that are wanted.

    Raises:
        FileProblem: too short a record, or times too far apart.
    """
    temperatures = readings.of("temperature")
    every = np.unique(np.concatenate([times for times, _ in temperatures.values()]))
    typical_s = _sampling_s([times for times, _ in temperatures.values()])
    step = step_s or _step(typical_s, shortest_horizon_s)
    first = int(-(-every[0] // (step * 1000))) * step * 1000
    cells = int((every[-1] - first) // (step * 1000)) + 1
    if cells < 2:
        raise FileProblem(
            f"the history spans {(every[-1] - every[0]) / 1000:.0f} s, its sampling is {typical_s:.0f} s",
            "bring at least some hours of readings",
        )
    if cells > _MOST_CELLS:
        raise FileProblem(
            f"the history spans {cells} steps of {step} s", "is a time wrong? otherwise give a longer --step"
        )
    time_ms = first + np.arange(cells, dtype=np.int64) * step * 1000
    hold_ms = round(max(2.5 * typical_s, 2.0 * step) * 1000)
    index = {thing: at for at, thing in enumerate(layout.rack_ids)}
    targets = sorted((index[rack], place) for rack, place in temperatures)
    shape = (cells, len(targets))
    newest, mean = np.full(shape, np.nan), np.full(shape, np.nan)
    for at, (rack, place) in enumerate(targets):
        times, values = temperatures[layout.racks[rack].id, place]
        newest[:, at] = held(times, values, time_ms, hold_ms)
        mean[:, at] = _cell_mean(times, values, time_ms, step * 1000)
    mean = np.where(np.isnan(mean), newest, mean)

    def racks(quantity: str) -> Floats:
        return _by_thing(readings, quantity, layout.rack_ids, time_ms, hold_ms)

    def units(quantity: str) -> Floats:
        return _by_thing(readings, quantity, layout.unit_ids, time_ms, hold_ms)

    wet = readings.of("relativeHumidity")
    humidity = np.full(shape, np.nan)
    for at, (rack, place) in enumerate(targets):
        if (found := wet.get((layout.racks[rack].id, place))) is not None:
            humidity[:, at] = held(*found, time_ms, hold_ms)
    return Grid(
        layout=layout,
        step_s=step,
        time_ms=time_ms,
        targets=tuple(targets),
        temperature=newest,
        mean=mean,
        humidity=humidity,
        power=racks("power"),
        utilization=racks("utilization"),
        supply=units("supplyTemperature"),
        back=units("returnTemperature"),
        # A set-point is logged when it changes, and holds until then.
        setpoint=_by_thing(readings, "setpoint", layout.unit_ids, time_ms, 365 * 86_400_000),
        airflow=units("airflow"),
        fan=units("fanSpeed"),
        unit_power=units("unitPower"),
        sampling_s=typical_s,
        notes=(*readings.notes, *_lacks(readings, layout)),
        labels=tuple(readings.labels.items()),
    )


def held(times: Times, values: Floats, at_ms: Times, hold_ms: int) -> Floats:
    """The newest value at or before each moment, NaN where that is older than `hold_ms`."""
    found = np.searchsorted(times, at_ms, side="right") - 1
    known = found >= 0
    age = np.where(known, at_ms - times[np.maximum(found, 0)], np.iinfo(np.int64).max)
    return np.asarray(np.where(age <= hold_ms, values[np.maximum(found, 0)], np.nan))


def _cell_mean(times: Times, values: Floats, at_ms: Times, step_ms: int) -> Floats:
    """The mean of what lies in each (moment - step, moment]; NaN where nothing does."""
    cell = -(-(times - at_ms[0]) // step_ms)
    inside = (cell >= 0) & (cell < at_ms.size)
    counts = np.bincount(cell[inside], minlength=at_ms.size)
    sums = np.bincount(cell[inside], weights=values[inside], minlength=at_ms.size)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def _by_thing(readings: Readings, quantity: str, things: list[str], at_ms: Times, hold_ms: int) -> Floats:
    found = readings.of(quantity)
    made = np.full((at_ms.size, len(things)), np.nan)
    for column, thing in enumerate(things):
        if (series := found.get((thing, ""))) is not None:
            made[:, column] = held(*series, at_ms, hold_ms)
    return made


def _sampling_s(series: list[Times]) -> float:
    """The usual time between two readings of one sensor, from the beginnings of all."""
    gaps = [float(np.median(np.diff(times[:_FIRST_TIMES]))) for times in series if times.size > 1]
    return float(np.median(gaps)) / 1000.0 if gaps else 60.0


def _step(sampling_s: float, shortest_horizon_s: float) -> int:
    # A little less than the sampling: what comes every 61 s is on a grid of a minute, its gaps are held over.
    wanted = max(sampling_s * 0.9, min(shortest_horizon_s, _NICE_S[0]))
    return next((nice for nice in _NICE_S if nice >= wanted), int(np.ceil(wanted)))


def _lacks(readings: Readings, layout: Layout) -> list[str]:
    """What is missing and would help, by name."""
    notes = []
    with_temperature = {rack for rack, _ in readings.of("temperature")}
    without = [rack for rack in layout.rack_ids if rack not in with_temperature]
    if without:
        notes.append(f"{len(without)} rack(s) of the layout have no temperature: {', '.join(without[:5])}")
    if not readings.of("power"):
        notes.append("no rack has power: forecasts do without it")
    if not readings.of("supplyTemperature"):
        notes.append("no cooling unit has supplyTemperature: forecasts do without it")
    return notes
