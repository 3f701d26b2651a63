"""The simulated plant: physically plausible, reproducible, and learnable from what its sensors read."""

from __future__ import annotations

import numpy as np
import pytest

from racktwin.psychrometrics import dew_point
from racktwin.simulation import Parameters, Plant, RackSpec, simulate_history
from racktwin.simulation.plant import RHO_CP
from racktwin.simulation.workload import WorkloadParameters

QUIET = Parameters(temperature_noise=0.0, humidity_noise=0.0, power_noise=0.0)


def racks(n: int = 20, rooms: int = 2) -> list[RackSpec]:
    return [
        RackSpec(f"racktwin.t:rack-{i:02}", f"room-{i * rooms // n}", f"row-{i // 5}", 0.6 * (i % 5), 8000.0)
        for i in range(n)
    ]


def test_equal_seeds_give_equal_readings() -> None:
    one, two = (simulate_history(racks(), duration_s=600, seed=7) for _ in range(2))
    assert np.array_equal(one.top_temperature, two.top_temperature)
    assert np.array_equal(one.power, two.power)


def test_another_seed_gives_other_readings() -> None:
    one, two = (simulate_history(racks(), duration_s=600, seed=seed) for seed in (7, 8))
    assert not np.array_equal(one.power, two.power)


def test_values_are_those_of_a_working_room() -> None:
    h = simulate_history(racks(), duration_s=6 * 3600, seed=1)
    assert h.top_temperature.shape == (2160, 20)
    for temperature in (h.bottom_temperature, h.top_temperature):
        assert temperature.min() > 12.0
        assert temperature.max() < 35.0
    assert 20.0 < h.top_humidity.min() <= h.bottom_humidity.max() < 95.0
    assert 0.0 < h.power.min() <= h.power.max() <= 8000.0


def test_recirculation_warms_the_top() -> None:
    h = simulate_history(racks(), duration_s=3600, seed=1)
    spread = (h.top_temperature - h.bottom_temperature).mean(axis=0)
    assert (spread > 0.5).all()
    assert (spread < 8.0).all()


def test_a_busier_rack_draws_more_power_and_breathes_warmer_air() -> None:
    def plant(base: float) -> Plant:
        calm = WorkloadParameters(base=(base, base), daily=0.0, noise=0.0, job_size=(0.0, 0.0))
        return Plant(racks(5, 1), 3, parameters=Parameters(workload=calm, temperature_noise=0.0))

    low, high = plant(0.2).step(10.0), plant(0.8).step(10.0)
    assert (high.power > low.power).all()
    assert (high.top_temperature > low.top_temperature).all()


def test_top_and_bottom_share_one_dew_point() -> None:
    now = Plant(racks(), 1, parameters=QUIET).step(10.0)
    for i in range(20):
        bottom = dew_point(float(now.bottom_temperature[i]), float(now.bottom_humidity[i]))
        top = dew_point(float(now.top_temperature[i]), float(now.top_humidity[i]))
        assert bottom == pytest.approx(top, abs=0.1)  # what quantisation leaves


def test_outlet_settles_at_the_steady_heat_balance() -> None:
    calm = WorkloadParameters(base=(0.5, 0.5), daily=0.0, noise=0.0, job_size=(0.0, 0.0))
    plant = Plant(racks(5, 1), 3, parameters=Parameters(workload=calm, stage=0.0, supply_drift=0.0))
    for _ in range(500):
        plant.step(60.0)
    share = Parameters().flow_floor + (1.0 - Parameters().flow_floor) * 0.5
    flow = plant._full_flow * share
    inlet = 0.5 * (plant._bottom + plant._top)
    assert plant._out - inlet == pytest.approx(plant.power_w / (RHO_CP * flow), abs=0.02)


def test_the_result_does_not_hang_on_the_step() -> None:
    calm = WorkloadParameters(daily=0.0, noise=0.0, job_size=(0.0, 0.0))
    parameters = Parameters(workload=calm, stage=0.0, supply_drift=0.0, temperature_noise=0.0, temperature_step=1e-6)
    fine, coarse = (Plant(racks(), 5, parameters=parameters) for _ in range(2))
    for _ in range(100):
        a = fine.step(1.0)
    for _ in range(10):
        b = coarse.step(10.0)
    assert a.top_temperature == pytest.approx(b.top_temperature, abs=0.05)


def test_readings_are_quantised() -> None:
    now = Plant(racks(), 1).step(1.0)
    steps = now.top_temperature / Parameters().temperature_step
    assert steps == pytest.approx(np.round(steps), abs=1e-6)


def test_a_rack_that_joins_leaves_the_others_as_they_were() -> None:
    plant = Plant(racks(10, 1), 1, parameters=QUIET)
    before = plant.step(1.0)
    after = plant.with_racks([*racks(10, 1), RackSpec("racktwin.t:rack-new", "room-0", "row-9")]).step(1.0)
    assert after.top_temperature.shape == (11,)
    assert after.top_temperature[:10] == pytest.approx(before.top_temperature, abs=0.2)
    assert after.power[:10] == pytest.approx(before.power, rel=0.1)


def test_a_rack_that_leaves() -> None:
    assert Plant(racks(10, 1), 1).with_racks(racks(10, 1)[2:]).step(1.0).power.shape == (8,)


def test_no_racks_is_a_plant_too() -> None:
    assert Plant([]).step(1.0).power.shape == (0,)


def test_refuses_racks_of_one_id() -> None:
    with pytest.raises(ValueError, match="only once"):
        Plant([RackSpec("a"), RackSpec("a")])


@pytest.mark.parametrize("dt", [0.0, -1.0])
def test_refuses_to_stand_still(dt: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Plant(racks()).step(dt)


def test_fifteen_minutes_ahead_can_be_learnt_better_than_persistence() -> None:
    """A linear model on past readings alone, scored on a later part of the time: the plant has structure to learn."""
    h = simulate_history(racks(10, 1), duration_s=30 * 3600, seed=11)
    ahead, lags = 90, (0, 3, 6, 12, 30, 60, 90, 180)
    at = np.arange(180, h.time_s.size - ahead, 6)

    def rows(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        blocks = [
            np.column_stack(
                [s[part - lag, r] for s in (h.top_temperature, h.bottom_temperature, h.power) for lag in lags]
            )
            for r in range(10)
        ]
        change = [h.top_temperature[part + ahead, r] - h.top_temperature[part, r] for r in range(10)]
        x = np.concatenate(blocks)
        return np.column_stack([x, np.ones(len(x))]), np.concatenate(change)

    cut = at[len(at) * 2 // 3]
    x, y = rows(at[at < cut - ahead])
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    x, y = rows(at[at >= cut])
    skill = 1.0 - np.mean((y - x @ weights) ** 2) / np.mean(y**2)
    assert skill > 0.2
