"""`make -s bench-physics`: speed, balance and accuracy of the room's physics. The last line is one JSON object.

Speed on one core at a 1 s step, with racks whose power changes every minute. Times are CPU times of this process, which
has one thread: on a quiet machine the same as by the clock, on a busy one still what a core can do. Balance over a grid
of set-point x utilisation, each with a failure in it. Accuracy: rooms with parameters, seeds and faults that no fit has
seen; a day of their noisy readings calibrates a twin, which then forecasts from the past alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any, Final

# Before numpy is loaded: one core is what the figures speak of.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402

from bench.physics_rooms import hall, replay_figure, step_dependence  # noqa: E402
from physics import calibration, recording  # noqa: E402
from physics.faults import Fault  # noqa: E402
from physics.history import record  # noqa: E402
from physics.model import RoomModel  # noqa: E402
from physics.plant import Plant  # noqa: E402
from physics.twin import Twin, moments  # noqa: E402

SEEDS: Final = (101, 102, 103)
# What happens to the rooms after their twins were calibrated; none of it was in the day they were calibrated on.
FAULTS: Final = ("unit-fails", "unit-stops", "unit-fan-degrades")
# A figure in seconds of simulated time.
_SPEED_S: Final = 300
_DAY_S: Final = 86_400.0


def note(text: str) -> None:
    """Progress for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def realtime(racks: int) -> float:
    """How many times faster than real time a hall of racks runs at a 1 s step; the best of three runs."""
    model = RoomModel(hall(racks))
    inputs = model.default_inputs(0.5)
    state = model.steady(inputs)
    rng = np.random.default_rng(0)
    model.advance(state, inputs, 60.0)
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        for _minute in range(_SPEED_S // 60):
            inputs.it_power[...] = model.power(rng.uniform(0.3, 0.7, racks))
            model.advance(state, inputs, 60.0)
        best = max(best, _SPEED_S / (time.process_time() - began))
    return best


def residuals() -> tuple[float, float]:
    """Largest energy residual (share) and mass residual (share) over a grid of set-point x utilisation."""
    model = RoomModel(hall(50))
    energy = mass = 0.0
    for setpoint in (14.0, 18.0, 22.0, 27.0):
        for load in (0.05, 0.3, 0.6, 1.0):
            inputs = model.default_inputs(load)
            inputs.setpoint[...] = setpoint
            state = model.steady(inputs)
            stored = model.stored_energy(state)
            model.advance(state, inputs, 300.0)
            inputs.capacity[0, 0] = 0.0
            inputs.fan[0, -1] = 0.5
            model.advance(state, inputs, 900.0)
            put_in = model.energy_put_in(state)
            rest = put_in - state.scalar("heat_removed") - (model.stored_energy(state) - stored)
            energy = max(energy, float(np.abs(rest / put_in).max()))
            assert state.network is not None
            sums = np.asarray(state.network.mix.sum(axis=1))
            mass = max(mass, float(np.abs(sums - 1.0).max()))
    return energy, mass


def nplus1(units: int = 20) -> float:
    """Time (s) of an N+1 report: each of a 1,000-rack hall's units fails in turn, an hour each, in one batch."""
    room = hall(1000, units=units)
    single = RoomModel(room)
    inputs = single.default_inputs(0.6)
    settled = single.steady(inputs)
    began = time.process_time()
    model = RoomModel(room, scenarios=units)
    told = model.default_inputs(0.6)
    for unit in range(units):
        told.capacity[unit, unit] = told.fan[unit, unit] = 0.0
    state = settled.repeat(units)
    trace = model.run(state, told, 3600.0, step_s=5.0, sample_s=60.0)
    assert trace.inlet.shape[:2] == (61, units)
    return time.process_time() - began


def accuracy(seeds: tuple[int, ...]) -> dict[str, float]:
    """Errors (K) of calibrated twins and of persistence, over rooms whose parameters are hidden from them."""
    errors: dict[str, list[np.ndarray]] = {}
    for seed, fault in zip(seeds, FAULTS, strict=False):
        room = hall(20, units=2)
        plant = Plant(room, seed)
        day = recording.from_history(record(plant, _DAY_S))
        began = time.process_time()
        made = calibration.calibrate(room, day)
        note(f"seed {seed}: calibrated in {time.process_time() - began:.1f} s, fits within {made.rmse_k:.3f} K")
        quiet = 4 * 60
        failed_s = plant.time_s + quiet * 60.0
        plant.inject(Fault(fault, room.units[0].id, start_s=failed_s))  # type: ignore[arg-type]
        later = recording.from_history(record(plant, (quiet + 45) * 60.0))
        twin = Twin(room, made.parameters, horizons_s=(60.0, 900.0))
        told = moments(day)[-360:] + moments(later)
        first = len(told) - len(moments(later))
        onset = first + quiet
        for k, moment in enumerate(told):
            twin.observe(moment)
            for forecast in twin.forecast():
                due = k + round(forecast.horizon_s / 60.0)
                if k < first or due >= len(told):
                    continue
                truth = told[due].inlet
                # What began after a forecast was made, nobody could have known.
                name = "" if due < onset else "failure_" if k > onset else "unknowable_"
                key = f"{name}{'1min' if due == k + 1 else '15min'}"
                errors.setdefault(key, []).append(forecast.value - truth)
                errors.setdefault(f"persistence_{key}", []).append(moment.inlet - truth)
        note(f"seed {seed}, {fault}: " + _told({key: _rms(value) for key, value in errors.items()}))
    return {key: _rms(value) for key, value in errors.items()}


def _rms(values: list[np.ndarray]) -> float:
    return float(np.sqrt(np.nanmean(np.array(values) ** 2)))


def _told(figures: dict[str, float]) -> str:
    return ", ".join(f"{key} {value:.3f}" for key, value in sorted(figures.items()) if "unknowable" not in key)


def main() -> None:
    """Run everything and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.physics", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed: for trying it out")
    options = parser.parse_args()
    figures: dict[str, Any] = {"racks": 1000}
    figures["realtime_x"] = round(realtime(1000))
    note(f"1,000 racks: {figures['realtime_x']} x real time")
    figures["racks_5000_realtime_x"] = round(realtime(5000))
    note(f"5,000 racks: {figures['racks_5000_realtime_x']} x real time")
    energy, mass = residuals()
    figures |= {"energy_residual": float(f"{energy:.2e}"), "mass_residual": float(f"{mass:.2e}")}
    figures["step_dependence_K"] = round(step_dependence(hall(50)), 4)
    note(f"residuals {energy:.1e} and {mass:.1e}, step dependence {figures['step_dependence_K']} K")
    figures["nplus1_20_units_s"] = round(nplus1(), 2)
    note(f"N+1 of 20 units in {figures['nplus1_20_units_s']} s")
    figures["replay_7d_100_racks_s"] = round(replay_figure(note), 1)
    found = accuracy(SEEDS[:1] if options.quick else SEEDS)
    figures |= {
        "calib_rmse_K": round(found["1min"], 3),
        "persistence_rmse_K": round(found["persistence_1min"], 3),
        "calib_15min_rmse_K": round(found["15min"], 3),
        "persistence_15min_rmse_K": round(found["persistence_15min"], 3),
        "failure_1min_rmse_K": round(found["failure_1min"], 3),
        "persistence_failure_1min_rmse_K": round(found["persistence_failure_1min"], 3),
        "failure_15min_rmse_K": round(found["failure_15min"], 3),
        "persistence_failure_15min_rmse_K": round(found["persistence_failure_15min"], 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
