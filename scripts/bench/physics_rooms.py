"""The halls that `bench.physics` measures on, and the replay of a week in one of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from physics.calibration import following
from physics.layout import Layout, RackPlace, UnitPlace
from physics.model import RoomModel
from physics.parameters import Parameters

_PER_ROW: Final = 25
_WEEK_S: Final = 7 * 86_400


def hall(racks: int, *, units: int | None = None) -> Layout:
    """A hall of rows of at most 25 racks of 8 to 11 kW, with cooling units along both sides, one of them to spare."""
    per_row = min(_PER_ROW, max(1, racks // 2))
    rows = math.ceil(racks / per_row)
    width, depth = 4.0 + 0.6 * per_row, 2.4 * rows + 2.4
    placed = tuple(
        RackPlace(
            f"r{k // per_row:03d}-{k % per_row:02d}",
            2.0 + 0.6 * (k % per_row),
            2.4 + 2.4 * (k // per_row),
            yaw_deg=90.0 if (k // per_row) % 2 == 0 else 270.0,
            row=f"r{k // per_row:03d}",
            power_capacity_w=8000.0 + 1000.0 * (k % 4),
        )
        for k in range(racks)
    )
    heat = 0.9 * sum(rack.power_capacity_w for rack in placed)
    count = units or max(2, racks // 50)
    each = 1.1 * heat / max(1, count - 1)
    sides = math.ceil(count / 2)
    cooling = tuple(
        UnitPlace(
            f"u{k:03d}",
            0.6 if k % 2 == 0 else width - 0.6,
            depth * (k // 2 + 0.5) / sides,
            capacity_w=each,
            airflow_m3s=each * 0.065 / 1000.0,
            fan_power_w=each * 0.045,
            setpoint_c=19.0,
        )
        for k in range(count)
    )
    return Layout("hall", width, depth, 4.0, placed, cooling)


def replay_figure(note: Callable[[str], None], racks: int = 100) -> float:
    """CPU time (s) to let a room's model follow a week, told powers and supplies each minute, in steps of 5 s."""
    room = hall(racks)
    model = RoomModel(room, following(Parameters()))
    inputs = model.default_inputs(0.5)
    state = model.steady(inputs)
    rng = np.random.default_rng(0)
    minutes = _WEEK_S // 60
    load = (
        0.5 + 0.2 * np.sin(np.arange(minutes) / 1440.0 * 2.0 * np.pi)[:, None] + rng.normal(0.0, 0.02, (minutes, racks))
    )
    supply = 19.0 + 0.4 * np.sin(np.arange(minutes)[:, None] / 20.0 + np.arange(model.units))
    inlet = np.empty((minutes, 2, racks))
    began = time.process_time()
    for minute in range(minutes):
        inputs.it_power[...] = model.power(load[minute])
        inputs.setpoint[0] = supply[minute]
        model.advance(state, inputs, 60.0, 5.0)
        inlet[minute] = state.inlet[0]
    seconds = time.process_time() - began
    note(f"a week of {racks} racks replayed in {seconds:.1f} s, inlets {inlet.min():.1f} to {inlet.max():.1f} degrees")
    return seconds


def step_dependence(layout: Layout) -> float:
    """Largest difference of an inlet (K) between steps of 1 s and 5 s, through a failure and a jump of the load."""
    model = RoomModel(layout)
    inputs = model.default_inputs(0.6)
    one, five = (model.steady(inputs) for _ in range(2))
    worst = 0.0
    for minute in range(30):
        if minute == 5:
            inputs.capacity[0, 0] = 0.0
        if minute == 15:
            inputs.it_power *= 1.3
        model.advance(one, inputs, 60.0, 1.0)
        model.advance(five, inputs, 60.0, 5.0)
        worst = max(worst, float(np.abs(one.inlet - five.inlet).max()))
    return worst
