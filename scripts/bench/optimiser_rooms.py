"""Rooms and runs for `make bench-optimiser`: plants with hidden parameters under one controller or another.

All controllers of a comparison see the same room, seed, load and sensors; each run is a plant of its own, stepped
alike. Energy is the plant's own meter: chillers and units' fans. Next: :mod:`bench.optimiser`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from optimiser.baselines import Fixed, PiPerUnit, PiTuning
from optimiser.controller import Controller, Seen, Tuning
from optimiser.problem import SolverFailed
from physics import ashrae, calibration
from physics.calibration import Calibration
from physics.laws import Floats
from physics.layout import Layout, RackPlace, UnitPlace
from physics.plant import Plant
from physics.recording import Recording

# 3 November 2025, 00:00 UTC, a Monday.
START_S: Final = 1_762_128_000.0
DAY_S: Final = 86_400.0
# Between two looks at the plant (s): the PI controllers' interval; the true inlets are judged every fifth.
STEP_S: Final = 60.0
_JUDGED_EVERY: Final = 5
# The first hours let every controller find its place; they do not count.
_SETTLING_S: Final = 21_600.0


def hall(rows: int, per_row: int, units: int, seed: int = 7) -> Layout:
    """Rows in pairs around cold aisles, racks of 4 to 12 kW by row and place, cooling units along two walls."""
    rng = np.random.default_rng(seed)
    dense = rng.choice([4000.0, 6000.0, 8000.0, 12000.0], rows, p=[0.25, 0.3, 0.3, 0.15])
    racks = []
    for row in range(rows):
        y, yaw = 1.8 + (row // 2) * 3.6 + (1.2 if row % 2 else 0.0), (-90.0 if row % 2 else 90.0)
        for place in range(per_row):
            power = float(dense[row] * rng.uniform(0.7, 1.2))
            racks.append(
                RackPlace(
                    id=f"rack-{row:02d}-{place:02d}", x=2.0 + 0.6 * place, y=y, yaw_deg=yaw, row=f"r{row:02d}",
                    power_capacity_w=power,
                )
            )  # fmt: skip
    width, depth = 4.0 + 0.6 * per_row, 3.8 + (rows // 2) * 3.6
    share = sum(rack.power_capacity_w for rack in racks) / units
    along = max(units // 2, 1)
    places = [
        UnitPlace(
            id=f"unit-{k:02d}", x=0.6 if k % 2 else width - 0.6, y=2.4 + (k // 2) * (depth - 4.0) / along,
            capacity_w=1.05 * share, airflow_m3s=6.5e-5 * share, fan_power_w=0.0375 * share, setpoint_c=20.0,
            fan_percent=80.0,
        )
        for k in range(units)
    ]  # fmt: skip
    return Layout("hall", width, depth, 3.5, tuple(racks), tuple(places))


class Control(Protocol):
    """Whatever sets a room's units."""

    def step(self, time_s: float, inlet: Floats, readings: Any) -> tuple[Floats, Floats] | None:
        """Set-points (°C) and fans (shares) of all units from the measured inlets (2, N); None: leave them."""


@dataclass(slots=True)
class Outcome:
    """What a run came to. Energy in kWh over the time that counts, index in %, temperatures in °C."""

    cooling_kwh: float = 0.0
    fans_kwh: float = 0.0
    """Of it, the units' fans."""
    server_fans_kwh: float = 0.0
    rci_hi: float = 100.0
    hottest_c: float = 0.0
    inlet_c: float = 0.0
    """Mean inlet; with it the mean set-point, fan speed (share) and CoP."""
    setpoint_c: float = 0.0
    fan: float = 0.0
    cop: float = 0.0
    violations: int = 0
    seconds: float = 0.0
    solve_ms: list[float] = field(default_factory=list)
    respond_ms: list[float] = field(default_factory=list)
    failed_solves: int = 0


def run(layout: Layout, seed: int, days: float, control: Control, say: Callable[[str], None] | None = None) -> Outcome:
    """One plant under one controller."""
    began = time.monotonic()
    plant = Plant(layout, seed, start_s=START_S)
    limits = ashrae.limits(layout.racks[0].ashrae_class)
    readings = plant.step(STEP_S)
    outcome, excess, samples = Outcome(), 0.0, 0
    start: Floats | None = None
    sums = np.zeros(3)
    steps = int(days * DAY_S / STEP_S)
    for k in range(steps):
        inlet = np.stack([readings.bottom_temperature[0], readings.top_temperature[0]])
        wanted = control.step(plant.time_s, inlet, readings)
        if wanted is not None:
            for unit, setpoint, fan in zip(layout.unit_ids, *wanted, strict=True):
                plant.set_control(unit, setpoint=float(setpoint), fan=100.0 * float(fan))
        readings = plant.step(STEP_S)
        if k * STEP_S < _SETTLING_S:
            continue
        state = plant.state
        names = "chiller_energy", "unit_fan_energy", "server_fan_energy", "heat_removed"
        meters = np.array([float(state.scalar(name)[0]) for name in names]) / 3.6e6
        start = meters if start is None else start
        chiller, outcome.fans_kwh, outcome.server_fans_kwh, heat = (float(each) for each in meters - start)
        outcome.cooling_kwh, outcome.cop = chiller + outcome.fans_kwh, heat / max(chiller, 1e-9)
        if k % _JUDGED_EVERY == 0:
            true = plant.truth().inlet.ravel()
            over = np.maximum(true - limits.recommended_high, 0.0)
            excess += float(over.mean()) / (limits.allowable_high - limits.recommended_high)
            sums += true.mean(), readings.setpoint[0].mean(), readings.fan[0].mean() / 100.0
            samples += 1
            outcome.violations += int((true > limits.allowable_high).sum())
            outcome.hottest_c = max(outcome.hottest_c, float(true.max()))
        if say is not None and k and k % int(DAY_S / STEP_S) == 0:
            say(f"day {k * STEP_S / DAY_S:.0f}: {outcome.cooling_kwh:,.0f} kWh, {time.monotonic() - began:.0f} s")
    outcome.rci_hi = 100.0 * (1.0 - excess / max(samples, 1))
    outcome.inlet_c, outcome.setpoint_c, outcome.fan = (float(each) for each in sums / max(samples, 1))
    outcome.seconds = time.monotonic() - began
    return outcome


class FixedControl:
    """One setting for ever."""

    def __init__(self, layout: Layout, fixed: Fixed) -> None:
        self._once: tuple[Floats, Floats] | None = (
            np.full(len(layout.units), fixed.setpoint_c),
            np.full(len(layout.units), fixed.fan),
        )

    def step(self, time_s: float, inlet: Floats, readings: Any) -> tuple[Floats, Floats] | None:
        """The setting, once."""
        once, self._once = self._once, None
        return once


class PiControl:
    """A PI controller for each unit."""

    def __init__(self, layout: Layout, tuning: PiTuning) -> None:
        self._pi = PiPerUnit(layout, tuning)

    def step(self, time_s: float, inlet: Floats, readings: Any) -> tuple[Floats, Floats] | None:
        """Every minute."""
        return self._pi.step(inlet, STEP_S)


class OptimalControl:
    """The optimiser in closed loop. It begins with parameters as rooms usually have them, and calibrates its model from
    the first day's readings, as a room's twin does: the plant's own parameters are hidden from it."""

    def __init__(self, layout: Layout, tuning: Tuning, *, calibrate: bool = True) -> None:
        self.controller, self._tuning, self._layout = Controller(layout, None, tuning), tuning, layout
        self._due = -np.inf
        self.solve_ms: list[float] = []
        self.respond_ms: list[float] = []
        self.failed = 0
        self.calibrated: Calibration | None = None
        self._units = len(layout.units)
        self._day: list[dict[str, Floats]] | None = [] if calibrate else None

    def step(self, time_s: float, inlet: Floats, readings: Any) -> tuple[Floats, Floats] | None:
        """At each interval."""
        self._record(time_s, inlet, readings)
        if time_s < self._due:
            return None
        self._due = time_s + self._tuning.interval_s - 1.0
        seen = Seen(
            time_s, inlet, readings.power[0], readings.setpoint[0], readings.fan[0] / 100.0, np.ones(self._units),
            readings.unit_airflow[0],
        )  # fmt: skip
        began = time.perf_counter()
        if self.controller.prepare(seen):
            self.respond_ms.append(1000.0 * (time.perf_counter() - began))
        began = time.perf_counter()
        try:
            decision = self.controller.decide(seen)
        except SolverFailed:
            self.failed += 1
            return None
        self.solve_ms.append(1000.0 * (time.perf_counter() - began))
        return decision.setpoint, decision.fan

    def _record(self, time_s: float, inlet: Floats, readings: Any) -> None:
        if self._day is None:
            return
        self._day.append(
            {"time_s": np.float64(time_s), "inlet": inlet, "unit_power": readings.unit_power[0]}
            | {"airflow": readings.unit_airflow[0]}
            | {
                name: getattr(readings, name)[0]
                for name in ("power", "supply", "return_", "setpoint", "fan", "delta_t")
            }
        )
        if len(self._day) * STEP_S < DAY_S:
            return
        day, self._day = self._day, None
        recording = Recording(**{name: np.stack([one[name] for one in day]) for name in day[0]})
        self.calibrated = calibration.calibrate(self._layout, recording, windows=8, iterations=3)
        self.controller = Controller(self._layout, self.calibrated.parameters, self._tuning)
