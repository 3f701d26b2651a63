"""Calibration of the room model on a recorded hall, and how the calibrated twin does on what it has not seen. Pure.

Next: `racktwin_cli.calibrate` writes the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from physics import calibration, twin
from physics.calibration import Calibration
from physics.layout import Layout
from physics.recording import Recording, RecordingError
from physics_files.grid import Grid
from physics_files.readings import Floats

HORIZONS_S: Final = (60, 900)
# Long enough for the twin to know its biases before it is judged (s).
_FOLLOW_S: Final = 3600.0


@dataclass(frozen=True)
class Score:
    """How the twin did at one horizon on the part that was held out (K)."""

    horizon_s: float
    count: int
    rmse_k: float
    persistence_rmse_k: float

    @property
    def skill(self) -> float:
        """1 - MSE/MSE of persistence."""
        naive = self.persistence_rmse_k**2
        return 1.0 - self.rmse_k**2 / naive if naive > 0.0 else 0.0


def recording(grid: Grid) -> tuple[Recording, Layout, list[str]]:
    """The record as calibration reads it, the layout of what it has, and notes of what was left out.

    Racks without temperature or power are left out: nothing could be fitted to them.

    Raises:
        RecordingError: no rack has both; it says which is missing.
    """
    count = len(grid.layout.racks)
    inlet = np.full((grid.cells, 3, count), np.nan)
    rear = np.full((grid.cells, 3, count), np.nan)
    place = {"bottom": (inlet, 0), "top": (inlet, 1), "middle": (inlet, 2)}
    place |= {"rear-bottom": (rear, 0), "rear-top": (rear, 1), "rear-middle": (rear, 2)}
    for column, (rack, position) in enumerate(grid.targets):
        if position in place:
            array, height = place[position]
            array[:, height, rack] = grid.mean[:, column]
    front = np.where(np.isfinite(inlet[:, :2]), inlet[:, :2], inlet[:, 2:3])
    has_power: Any = np.isfinite(grid.power).any(axis=0)
    has_inlet: Any = np.isfinite(front).any(axis=(0, 1))
    if not has_power.any():
        raise RecordingError(f"room {grid.layout.room}: no rack has power in the history, and without heat no physics")
    kept = np.flatnonzero(has_power & has_inlet)
    if not kept.size:
        raise RecordingError(f"room {grid.layout.room}: no rack has both power and temperature in the history")
    notes = [
        f"{rack.id}: no {'power' if not powered else 'temperature'} in the history, left out"
        for rack, powered, warm in zip(grid.layout.racks, has_power.tolist(), has_inlet.tolist(), strict=True)
        if not (powered and warm)
    ]
    layout = grid.layout
    if kept.size < count:
        layout = Layout(
            room=layout.room,
            width_m=layout.width_m,
            depth_m=layout.depth_m,
            height_m=layout.height_m,
            racks=tuple(layout.racks[at] for at in kept),
            units=layout.units,
            containment=layout.containment,
        )
    rated = np.array([unit.airflow_m3s for unit in layout.units])
    airflow = np.where(np.isfinite(grid.airflow), grid.airflow, rated * grid.fan / 100.0)
    made = Recording(
        time_s=grid.time_ms / 1000.0,
        inlet=front[:, :, kept],
        power=grid.power[:, kept],
        supply=grid.supply,
        return_=grid.back,
        airflow=airflow,
        setpoint=grid.setpoint,
        fan=grid.fan,
        unit_power=grid.unit_power,
        delta_t=(_mean(rear) - _mean(front))[:, kept],
    )
    return made, layout, notes


def fit(measured: Recording, layout: Layout, *, held_out: float) -> tuple[Calibration, list[Score]]:
    """Parameters from the first part of a record, and the twin's scores on the last, which is a share of it.

    Raises:
        RecordingError: too short.
    """
    cut = int(len(measured) * (1.0 - held_out))
    found = calibration.calibrate(layout, measured.part(0, cut))
    return found, score(measured, layout, found, cut)


def score(
    measured: Recording,
    layout: Layout,
    found: Calibration,
    cut: int,
    note: Callable[[float], None] = lambda _share: None,
) -> list[Score]:
    """The twin's forecasts after `cut` against what came, beside persistence."""
    step = measured.step_s
    horizons = [h for h in HORIZONS_S if h >= step]
    if cut >= len(measured) - 2 or not horizons:
        return []
    follower = twin.Twin(layout, found.parameters, step_s=step, horizons_s=horizons)
    begin = max(0, cut - round(_FOLLOW_S / step))
    moments = twin.moments(measured.part(begin, len(measured)))
    # Each forecast costs a run of the model: some hundred tell as much as all.
    every = max(1, (len(measured) - cut) // 300)
    errors: dict[float, list[Floats]] = {h: [] for h in horizons}
    naive: dict[float, list[Floats]] = {h: [] for h in horizons}
    for k, moment in enumerate(moments):
        follower.observe(moment)
        at = begin + k
        if at < cut or (at - cut) % every:
            continue
        for one in follower.forecast(keep=False):
            later = at + round(one.horizon_s / step)
            if later < len(measured):
                errors[one.horizon_s].append(one.value - measured.inlet[later])
                naive[one.horizon_s].append(moment.inlet - measured.inlet[later])
        note((at - cut) / (len(measured) - cut))
    return [made for h in horizons if (made := _score(h, errors[h], naive[h])) is not None]


def _score(horizon_s: float, errors: list[Floats], naive: list[Floats]) -> Score | None:
    if not errors:
        return None
    e, n = np.stack(errors), np.stack(naive)
    known = np.isfinite(e) & np.isfinite(n)
    if not known.any():
        return None
    rmse, persistence = (float(np.sqrt(np.mean(x[known] ** 2))) for x in (e, n))
    return Score(horizon_s, int(known.sum()), rmse, persistence)


def _mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
