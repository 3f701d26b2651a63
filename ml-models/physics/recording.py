"""What was measured in a room, on a regular grid: the one form that calibration, twin and fidelity read. Pure.

Whoever has readings (InfluxDB, files, a simulated plant) makes one: :func:`from_history` here, the commands for files.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from physics.history import History
from physics.laws import Floats
from physics.layout import Layout


class RecordingError(ValueError):
    """A recording that cannot be used: names what is missing."""


@dataclass(frozen=True, slots=True)
class Recording:
    """K moments, ``step_s`` apart. ``time_s`` (K,) epoch seconds; NaN where nothing was recorded.

    ``inlet`` (K, 2, N) °C at bottom and top; ``power`` (K, N) W of each rack; of units (K, M): ``supply`` and
    ``return_`` °C, ``airflow`` m3/s, ``setpoint`` °C, ``fan`` %, ``power`` of units ``unit_power`` W. ``delta_t``
    (K, N) K through each rack.
    """

    time_s: Floats
    inlet: Floats
    power: Floats
    supply: Floats
    return_: Floats
    airflow: Floats
    setpoint: Floats
    fan: Floats
    unit_power: Floats
    delta_t: Floats

    @property
    def step_s(self) -> float:
        """Time between two moments (s)."""
        return float(self.time_s[1] - self.time_s[0])

    def __len__(self) -> int:
        return int(self.time_s.size)

    def part(self, begin: int, end: int) -> Recording:
        """Moments ``begin`` to ``end`` (not included)."""
        return replace(self, **{item.name: getattr(self, item.name)[begin:end] for item in fields(self)})


def check(recording: Recording, layout: Layout, *, least_s: float = 0.0) -> None:
    """See that a recording is of this room and that there is enough of it.

    Raises:
        RecordingError: it is too short, of another shape, has irregular times, or lacks temperatures or power.
    """
    n, m, k = len(layout.racks), len(layout.units), len(recording)
    if k < 2:
        raise RecordingError(f"room {layout.room}: history has {k} moments, at least 2 are needed")
    steps = np.diff(recording.time_s)
    if np.abs(steps - steps[0]).max() > 1e-3 or steps[0] <= 0.0:
        raise RecordingError(f"room {layout.room}: history is not on a regular grid")
    if k * recording.step_s < least_s:
        raise RecordingError(
            f"room {layout.room}: history of {k * recording.step_s / 3600:.1f} h, {least_s / 3600:.1f} h are needed"
        )
    shapes = {"inlet": (k, 2, n), "power": (k, n), "delta_t": (k, n)}
    shapes |= dict.fromkeys(("supply", "return_", "airflow", "setpoint", "fan", "unit_power"), (k, m))
    for name, shape in shapes.items():
        if getattr(recording, name).shape != shape:
            raise RecordingError(f"{name}: expected the shape {shape}, found {getattr(recording, name).shape}")
    for what, values in (("power", recording.power[:, None]), ("inlet temperature", recording.inlet)):
        for at in np.flatnonzero(~np.asarray(np.isfinite(values)).any(axis=(0, 1))):
            raise RecordingError(f"{layout.racks[at].id}: no {what} in the history")


def filled(recording: Recording, layout: Layout) -> Recording:
    """The recording with power, supply, set-points and flows without gaps: the last known value, or the first; for
    units of which nothing is known, their set-point and full speed, and for a supply unknown the set-point.

    Inlets, returns and powers of units keep their gaps: they are compared with, not driven by.
    """
    k = len(recording)
    usual = np.array([unit.setpoint_c for unit in layout.units])
    rated = np.array([unit.airflow_m3s for unit in layout.units])
    speed = np.array([unit.fan_percent for unit in layout.units])
    setpoint = _held(recording.setpoint, np.tile(usual, (k, 1)))
    fan = _held(recording.fan, np.tile(speed, (k, 1)))
    return replace(
        recording,
        power=_held(recording.power, np.zeros_like(recording.power)),
        setpoint=setpoint,
        fan=fan,
        airflow=_held(recording.airflow, rated * fan / 100.0),
        supply=_held(recording.supply, setpoint),
    )


def from_history(history: History, room: int = 0) -> Recording:
    """A recording from a simulated plant's history: of one of its rooms."""
    h = {name: values[:, room] for name, values in history.columns.items()}
    return Recording(
        time_s=history.time_s,
        inlet=np.stack([h["bottom_temperature"], h["top_temperature"]], axis=1),
        power=h["power"],
        supply=h["supply"],
        return_=h["return_"],
        airflow=h["unit_airflow"],
        setpoint=h["setpoint"],
        fan=h["fan"],
        unit_power=h["unit_power"],
        delta_t=h["delta_t"],
    )


def _held(values: Floats, otherwise: Floats) -> Floats:
    """Each gap filled with the last known value of its column, or the first; columns without any by ``otherwise``."""
    known = np.isfinite(values)
    rows = np.where(known, np.arange(values.shape[0])[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    first = np.argmax(known, axis=0)
    index = np.where(last >= 0, last, first[None, :])
    found = np.take_along_axis(values, index, axis=0)
    return np.asarray(np.where(np.isfinite(found), found, otherwise))
