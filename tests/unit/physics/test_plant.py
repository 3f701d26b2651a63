"""The simulated plant: plausible, reproducible, commanded, broken, and learnable from what its sensors read."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.physics.conftest import room

from physics import faults, layout
from physics.faults import Fault
from physics.hidden import Nature
from physics.history import record
from physics.layout import Layout, LayoutError
from physics.plant import Plant
from physics.workload import WorkloadParameters

QUIET = Nature(temperature_noise=0.0, humidity_noise=0.0, power_noise=0.0, sensor_offset=0.0, dropout=0.0)


def test_equal_seeds_give_equal_readings(hall: Layout) -> None:
    one, two = (record(Plant(hall, 7), 600.0) for _ in range(2))
    for name in ("top_temperature", "power", "supply"):
        assert np.array_equal(one[name], two[name], equal_nan=True)
    other = record(Plant(hall, 8), 600.0)
    assert not np.array_equal(one["power"], other["power"])


def test_values_are_those_of_a_working_room(hall: Layout) -> None:
    h = record(Plant(hall, 1), 6 * 3600.0)
    assert h["top_temperature"].shape == (360, 1, 10)
    for name in ("bottom_temperature", "top_temperature"):
        assert np.nanmin(h[name]) > 12.0
        assert np.nanmax(h[name]) < 35.0
    assert np.nanmin(h["top_humidity"]) > 20.0
    assert np.nanmax(h["bottom_humidity"]) < 95.0
    assert (h["delta_t"] > 4.0).all()
    assert (h["return_"] > h["supply"]).all()
    spread = np.nanmean(h["top_temperature"] - h["bottom_temperature"], axis=(0, 1))
    assert (spread > 0.2).all()
    assert (spread < 8.0).all()


@pytest.mark.parametrize("step_s", [0.99995, 0.9999, 0.9995, 1.0, 1.0005])
def test_a_fault_that_ends_throws_no_rack_out_of_its_bounds(hall: Layout, step_s: float) -> None:
    """Steps by a clock leave milliseconds of a hold; what changes at its end is no rate of change."""
    for broken_steps in range(20, 31):
        plant = Plant(hall, 5, nature=QUIET)
        plant.set_faults([Fault("blanking-missing", "r0-2", magnitude=0.6, start_s=float("-inf"))])
        for _ in range(broken_steps):
            plant.step(step_s)
        plant.set_faults([])
        for _ in range(30):
            plant.step(step_s)
            inlet, supply = plant.state.inlet, plant.state.supply
            assert inlet.min() > 15.0
            assert inlet.max() < 45.0
            assert supply.min() > 15.0
            assert supply.max() < 25.0


def test_a_busier_rack_draws_more_power_and_breathes_warmer_air(hall: Layout) -> None:
    def plant(base: float) -> Plant:
        calm = WorkloadParameters(base=(base, base), daily=0.0, noise=0.0, job_size=(0.0, 0.0))
        return Plant(hall, 3, nature=Nature(workload=calm, dropout=0.0))

    low, high = plant(0.2).step(10.0), plant(0.8).step(10.0)
    assert (high.power > low.power).all()
    assert high.top_temperature.mean() > low.top_temperature.mean()


def test_top_and_bottom_share_one_dew_point(hall: Layout) -> None:
    from racktwin.psychrometrics import dew_point

    now = Plant(hall, 1, nature=QUIET).step(10.0)
    for i in range(10):
        bottom = dew_point(float(now.bottom_temperature[0, i]), float(now.bottom_humidity[0, i]))
        top = dew_point(float(now.top_temperature[0, i]), float(now.top_humidity[0, i]))
        assert bottom == pytest.approx(top, abs=0.1)  # what quantisation leaves


def test_readings_are_quantised_and_sometimes_lost(hall: Layout) -> None:
    h = record(Plant(hall, 1, nature=Nature(dropout=0.05)), 3600.0)
    shown = h["top_temperature"][np.isfinite(h["top_temperature"])]
    steps = shown / Nature().temperature_step
    assert steps == pytest.approx(np.round(steps), abs=1e-6)
    assert 0.02 < np.isnan(h["top_temperature"]).mean() < 0.1


def test_the_result_does_not_hang_on_the_step(hall: Layout) -> None:
    calm = WorkloadParameters(daily=0.0, noise=0.0, job_size=(0.0, 0.0))
    still = Nature(
        workload=calm, supply_drift=0.0, hunting=0.0, recirculation_drift=0.0, temperature_noise=0.0, dropout=0.0
    )
    fine, coarse = (Plant(hall, 5, nature=still) for _ in range(2))
    for _ in range(100):
        a = fine.step(1.0)
    for _ in range(10):
        b = coarse.step(10.0)
    assert a.top_temperature == pytest.approx(b.top_temperature, abs=0.06)


def test_a_unit_takes_commands_within_its_limits(hall: Layout) -> None:
    plant = Plant(hall, 2, nature=QUIET)
    plant.set_control("u0", setpoint=24.0, fan=50.0)
    after = [plant.step(60.0) for _ in range(20)][-1]
    assert after.supply[0, 0] > 22.5
    assert after.unit_airflow[0, 0] == pytest.approx(0.5 * hall.units[0].airflow_m3s, rel=0.05)
    plant.set_control("u0", setpoint=50.0, fan=1.0)
    assert plant.control("u0") == (27.0, 30.0)
    with pytest.raises(LayoutError, match="no cooling 'u9'"):
        plant.set_control("u9", setpoint=20.0)


def test_a_disks_fault_is_none_of_the_rooms(hall: Layout) -> None:
    with pytest.raises(LayoutError, match="a server's disk"):
        Plant(hall, 1).inject(Fault("disk-fails", "storage-1/sda"))


# A controller that does not obey changes nothing in the room by itself: the gateway's tests have it.
_OF_ROOMS = [k for k, (whose, *_) in faults.KINDS.items() if whose != "disk" and k not in faults.OF_CONTROLLERS]


@pytest.mark.parametrize("kind", _OF_ROOMS)
def test_every_fault_shows_and_is_mended(hall: Layout, kind: faults.Kind) -> None:
    whose = faults.KINDS[kind][0]
    target = {"unit": "u0", "rack": "r0-2", "room": ""}[whose]
    sound, broken = Plant(room(containment="cold"), 4), Plant(room(containment="cold"), 4)
    broken.inject(Fault(kind, target))
    a, b = record(sound, 1800.0), record(broken, 1800.0)
    shows = {
        "unit-fails": b["supply"][-1, 0, 0] > a["supply"][-1, 0, 0] + 1.0,
        "unit-stops": b["unit_airflow"][-1, 0, 0] < 0.01,
        "unit-fan-degrades": b["unit_airflow"][-1, 0, 0] < 0.8 * a["unit_airflow"][-1, 0, 0],
        "unit-coil-fouls": b["cop"][-1, 0, 0] < 0.75 * a["cop"][-1, 0, 0]
        and b["unit_power"][-1, 0, 0] > 1.1 * a["unit_power"][-1, 0, 0],
        "rack-fan-degrades": b["delta_t"][-1, 0, 2] > 1.2 * a["delta_t"][-1, 0, 2],
        "blanking-missing": b["top_temperature"][-1, 0, 2] > a["top_temperature"][-1, 0, 2] + 0.5,
        "containment-opens": np.nanmean(b["top_temperature"][-1]) > np.nanmean(a["top_temperature"][-1]) + 0.2,
        "leak": np.nanmean(b["top_humidity"][-1]) > np.nanmean(a["top_humidity"][-1]) + 1.0,
        "sensor-sticks": np.nanstd(b["top_temperature"][:, 0, 2]) < 1e-9,
        "sensor-drifts": b["top_temperature"][-1, 0, 2] > a["top_temperature"][-1, 0, 2] + 0.05,
        "sensor-drops": np.isnan(b["top_temperature"][:, 0, 2]).mean() > 0.2,
    }
    assert shows[kind]
    assert broken.clear(kind) == 1
    assert broken.faults == ()


def test_faults_begin_end_and_grow() -> None:
    fault = Fault("unit-fan-degrades", "u0", 0.4, start_s=100.0, end_s=300.0, ramp_s=100.0)
    assert [fault.at(t) for t in (99.0, 150.0, 250.0, 300.0)] == [0.0, pytest.approx(0.2), 0.4, 0.0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "kind"),
        ({"kind": "melts"}, "melts"),
        ({"kind": "unit-fails"}, "target"),
        ({"kind": "leak", "magnitude": -1}, "magnitude"),
        ({"kind": "sensor-sticks", "target": "a", "sensor": "left"}, "sensor"),
        ({"kind": "leak", "where": "roof"}, "where"),
    ],
)
def test_faults_that_cannot_be_are_named(data: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        faults.from_dict(data)


def test_a_fault_of_a_rack_that_is_not_there(hall: Layout) -> None:
    with pytest.raises(LayoutError, match="no rack 'x'"):
        Plant(hall, 1, faults=[Fault("blanking-missing", "x")])


def test_a_rack_that_joins_leaves_the_others_as_they_were(hall: Layout) -> None:
    plant = Plant(hall, 1, nature=QUIET)
    before = plant.step(1.0)
    more = hall.with_racks(layout.RackPlace("new", 2.0 + 0.6 * 5, 2.4, yaw_deg=90, row="r0"))
    after = plant.with_layout(more).step(1.0)
    assert after.top_temperature.shape == (1, 11)
    assert after.top_temperature[0, :10] == pytest.approx(before.top_temperature[0], abs=0.3)
    assert after.power[0, :10] == pytest.approx(before.power[0], rel=0.1)


def test_several_rooms_of_one_layout_are_different_rooms(hall: Layout) -> None:
    now = Plant(hall, [1, 2, 3]).step(60.0)
    assert now.top_temperature.shape == (3, 10)
    assert np.ptp(now.power.sum(axis=1)) > 100.0


def test_a_room_of_racks_alone_is_furnished() -> None:
    made = layout.assumed("x", [(f"a{k}", "r", 0.6 * k, 8000.0) for k in range(5)])
    now = Plant(made, 1).step(60.0)
    assert np.nanmax(now.top_temperature) < 30.0


@pytest.mark.parametrize("dt", [0.0, -1.0])
def test_refuses_to_stand_still(hall: Layout, dt: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Plant(hall).step(dt)


def test_fifteen_minutes_ahead_can_be_learnt_better_than_persistence(hall: Layout) -> None:
    """A linear model on past readings alone, scored on a later part of the time: the plant has structure to learn."""
    h = record(Plant(hall, 11, nature=Nature(dropout=0.0)), 30 * 3600.0)
    top, bottom, power = (h[name][:, 0] for name in ("top_temperature", "bottom_temperature", "power"))
    ahead, lags = 15, (0, 1, 2, 5, 10, 15, 20, 30)
    at = np.arange(30, h.time_s.size - ahead)

    def rows(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        blocks = [np.column_stack([s[part - lag, r] for s in (top, bottom, power) for lag in lags]) for r in range(10)]
        x = np.concatenate(blocks)
        change = np.concatenate([top[part + ahead, r] - top[part, r] for r in range(10)])
        return np.column_stack([x, np.ones(len(x))]), change

    cut = at[len(at) * 2 // 3]
    x, y = rows(at[at < cut - ahead])
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    x, y = rows(at[at >= cut])
    assert 1.0 - np.mean((y - x @ weights) ** 2) / np.mean(y**2) > 0.2


@pytest.mark.parametrize("watts", [30_000.0, 40_000.0, 80_000.0])
def test_a_room_of_dense_racks_is_as_warm_as_its_balance_says_whatever_the_step(watts):
    # Its air is changed within less than a step of five seconds.
    racks = [(f"rack-{k}", f"row-{k % 2}", 0.6 * (k // 2), watts) for k in range(20)]
    plants = [Plant(layout.assumed("dense", racks), 7, start_s=1_767_225_600.0) for _ in range(2)]
    usual, fine = (plant.step(3600.0, step_s=step_s) for plant, step_s in zip(plants, (5.0, 0.5), strict=True))
    for name in ("top_temperature", "supply", "return_"):
        assert np.nanmax(np.abs(getattr(usual, name) - getattr(fine, name))) < 0.5, name
    assert 15.0 < np.nanmin(usual.supply) < np.nanmax(usual.top_temperature) < 45.0
