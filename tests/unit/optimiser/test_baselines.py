"""The baselines do what they say: they are what the optimiser is measured against."""

from __future__ import annotations

import numpy as np
from tests.unit.optimiser.halls import hall

from optimiser.baselines import PiPerUnit, PiTuning
from physics.plant import Plant


def test_each_unit_looks_at_the_racks_nearest_to_it() -> None:
    layout = hall()
    pi = PiPerUnit(layout, PiTuning("fan", 20.0, 26.0, 0.05, 600.0))
    inlet = np.full((2, 12), 26.0)
    inlet[1, 0] = 30.0
    setpoint, fan = pi.step(inlet, 60.0)
    assert fan[0] > fan[1]
    assert (setpoint == 20.0).all()


def test_it_finds_its_reference() -> None:
    plant = Plant(hall(), 4, start_s=1.8e9)
    pi = PiPerUnit(plant.layout, PiTuning("setpoint", 0.8, 25.0, 0.4, 900.0))
    readings = plant.step(60.0)
    for _ in range(300):
        inlet = np.stack([readings.bottom_temperature[0], readings.top_temperature[0]])
        for unit, setpoint, fan in zip(plant.layout.unit_ids, *pi.step(inlet, 60.0), strict=True):
            plant.set_control(unit, setpoint=float(setpoint), fan=100.0 * float(fan))
        readings = plant.step(60.0)
    assert abs(float(plant.truth().inlet.max()) - 25.0) < 1.2


def test_the_integral_is_bounded() -> None:
    pi = PiPerUnit(hall(), PiTuning("fan", 20.0, 26.0, 0.05, 600.0))
    for _ in range(5000):
        pi.step(np.full((2, 12), 40.0), 60.0)
    cooled = [pi.step(np.full((2, 12), 20.0), 60.0)[1][0] for _ in range(60)]
    assert cooled[-1] < 1.0


def test_lost_samples_do_not_stop_it() -> None:
    pi = PiPerUnit(hall(), PiTuning("setpoint", 0.8, 25.0, 0.4, 900.0))
    before, _ = pi.step(np.full((2, 12), 25.0), 60.0)
    lost = np.full((2, 12), 25.0)
    lost[:, 3] = np.nan
    after, _ = pi.step(lost, 60.0)
    assert np.isfinite(after).all() and (after == before).all()
    nothing, _ = pi.step(np.full((2, 12), np.nan), 60.0)
    assert np.isfinite(nothing).all()
