"""Servers of a rack: work of their own, one law of power, and together what their half of the rack does."""

from __future__ import annotations

import numpy as np
import pytest

from physics import layout
from physics.faults import Fault
from physics.plant import Plant
from physics.servers import Halves

START_S = 1_767_225_600.0
STEP_S = 10.0


def watched(seed=3, hours=2.0, faults=()):
    place = layout.assumed("hall", [(f"r-{k}", "row", 0.6 * k, 6000.0 + 2000.0 * k) for k in range(3)])
    plant = Plant(place, [seed, seed + 1], start_s=START_S, faults=faults)
    capacity = np.array([rack.power_capacity_w for rack in place.racks])
    halves = Halves(capacity, plant.hidden, np.random.default_rng(seed))
    truth, seen = [], []
    for _ in range(round(hours * 3600 / STEP_S)):
        plant.step(STEP_S)
        truth.append(plant.truth())
        seen.append(halves.step(plant.time_s, STEP_S, truth[-1]))
    return plant, truth, seen


@pytest.fixture(scope="module")
def usual():
    return watched()


def stacked(seen, name):
    return np.stack([getattr(now, name) for now in seen])


def test_servers_together_draw_what_their_half_of_the_rack_draws(usual):
    plant, truth, seen = usual
    share = np.array([1.0 - room.bottom_share for room in plant.hidden])[None, :, None]
    without_fans = stacked(seen, "power").sum(axis=3) - stacked(seen, "fan_power").sum(axis=3)
    wanted = share * (stacked(truth, "rack_power") - stacked(truth, "server_fan_power"))
    assert np.abs(without_fans / wanted - 1.0).mean() < 0.002
    with_fans = stacked(seen, "power").sum(axis=3) / (share * stacked(truth, "rack_power"))
    assert np.abs(with_fans - 1.0).max() < 0.05


def test_each_follows_its_own_load_by_the_power_law(usual):
    plant, _, seen = usual
    load = stacked(seen, "utilisation")
    bare = stacked(seen, "power") - stacked(seen, "fan_power")
    for room, hidden in enumerate(plant.hidden):
        for rack in range(3):
            u, p = load[:, room, rack, 0], bare[:, room, rack, 0]
            law = 2.0 * u - u**hidden.power_exponent
            slope, idle = np.polyfit(law, p, 1)
            np.testing.assert_allclose(p, idle + slope * law, rtol=1e-6)
            assert idle / (idle + slope) == pytest.approx(hidden.idle_share, abs=1e-6)


def test_jobs_of_one_are_not_those_of_the_others(usual):
    _, _, seen = usual
    load = stacked(seen, "utilisation")[:, 0, 0]
    assert 0.02 <= load.min() <= load.max() <= 1.0
    assert np.ptp(load, axis=0).max() > 0.3
    apart = np.corrcoef(load.T)[np.triu_indices(load.shape[1], 1)]
    assert np.abs(apart).mean() < 0.6


def test_a_processor_is_warmer_than_its_inlet_and_follows_its_own_power(usual):
    _, truth, seen = usual
    rise = stacked(seen, "processor") - stacked(truth, "inlet")[:, :, 1, :, None]
    assert rise.min() > 5.0
    power = stacked(seen, "power")
    mine = [np.corrcoef(rise[:, 0, 0, k], power[:, 0, 0, k])[0, 1] for k in range(power.shape[3])]
    assert np.mean(mine) > 0.8


def test_fans_cost_more_where_the_inlet_is_warm():
    warm = [Fault("blanking-missing", "r-1", 0.5, START_S)]
    calm, hot = (watched(hours=1.0, faults=faults)[2][-1].fan_power[0, 1].sum() for faults in ((), warm))
    assert hot > 1.1 * calm


def test_equal_seeds_give_equal_servers():
    one, other = (watched(hours=0.05)[2] for _ in range(2))
    np.testing.assert_array_equal(stacked(one, "power"), stacked(other, "power"))
