"""The bar for forecasts of power: a rolling law of three parameters plus bias, and a model beside it on its rows."""

from __future__ import annotations

import numpy as np
import pytest

from models import power_law
from models.definition import read_definition
from models.samples import Samples
from physics.laws import server_power
from physics_files import power_fit

CELLS = 360
DEFINITION = read_definition("server_power")
AHEAD = [horizon // DEFINITION.resolution_s for horizon in DEFINITION.horizons]


def loads(rows, seed=0):
    rng = np.random.default_rng(seed)
    wander = np.cumsum(rng.normal(0.0, 0.02, (rows, CELLS)), axis=1)
    return np.clip(0.5 + wander + rng.uniform(-0.2, 0.2, (rows, 1)), 0.05, 0.95)


def way(forecasts, name):
    return forecasts[:, :, power_law.WAYS.index(name)]


@pytest.mark.parametrize("exponent", [1.0, 1.4, 2.5])
def test_each_window_gets_its_own_law(exponent):
    load = loads(3)
    idle, busy = np.array([[100.0], [50.0], [400.0]]), np.array([[300.0], [90.0], [800.0]])
    law = power_law.fit(load, server_power(load, idle, busy, exponent))
    for u in (0.3, 0.6):
        np.testing.assert_allclose(law(np.full(3, u)), server_power(np.array(u), idle, busy, exponent)[:, 0], rtol=1e-3)


def test_the_law_is_that_of_files():
    load = loads(1, seed=4)
    power = server_power(load, np.array(120.0), np.array(340.0), 1.7) + np.random.default_rng(1).normal(
        0, 1, load.shape
    )
    known = power_fit.fit("one", load[0], power[0])
    law = power_law.fit(load, power)
    low, high = load.min(), load.max()
    for u in np.linspace(low, high, 5):
        assert law(np.array([u]))[0] == pytest.approx(known.power(np.array(u)), rel=0.01)


def test_what_is_missing_is_not_fitted_and_too_little_is_the_mean():
    load = loads(2)
    power = server_power(load, np.array(100.0), np.array(300.0))
    power[0, ::3], load[0, 1::3] = np.nan, np.nan
    power[1, : CELLS - 10] = np.nan
    law = power_law.fit(load, power)
    assert law(np.array([0.5, 0.5]))[0] == pytest.approx(
        server_power(np.array(0.5), np.array(100.0), np.array(300.0)), 0.01
    )
    assert law.span[1] == 0.0
    assert law(np.array([0.1, 0.9]))[1] == pytest.approx(np.nanmean(power[1]))


def test_a_load_that_is_held_says_what_persistence_says():
    power = server_power(loads(4), np.array(2000.0), np.array(6000.0)).astype(np.float32)
    found = power_law.forecasts(power_law.shares(power), power, AHEAD)
    assert found.shape == (4, 2, 3)
    np.testing.assert_allclose(way(found, "held"), np.repeat(power[:, -1:], 2, axis=1), rtol=1e-4)
    nothing = power_law.forecasts(np.full_like(power, np.nan), power, AHEAD)
    np.testing.assert_allclose(nothing, np.broadcast_to(power[:, -1, None, None], nothing.shape), rtol=1e-6)
    assert np.isnan(power_law.forecasts(power, np.full_like(power, np.nan), AHEAD)).all()


def test_a_load_whose_newest_reading_is_fresher_than_powers_counts():
    load = loads(1).astype(np.float32)
    load[0, -2:] = 0.8
    power = server_power(load.astype(np.float64), np.array(100.0), np.array(300.0)).astype(np.float32)
    wanted = power[0, -1]
    load[0, -3], power[0, -3] = 0.3, server_power(np.array(0.3), np.array(100.0), np.array(300.0))
    power[0, -2:] = np.nan
    assert way(power_law.forecasts(load, power, AHEAD), "held")[0, 0] == pytest.approx(wanted, rel=0.01)


def test_a_mean_load_is_what_the_law_makes_of_it():
    load = loads(1).astype(np.float32)
    power = server_power(load.astype(np.float64), np.array(100.0), np.array(300.0)).astype(np.float32)
    mean = server_power(np.array(load.mean(), dtype=float), np.array(100.0), np.array(300.0))
    assert way(power_law.forecasts(load, power, AHEAD), "mean")[0, 1] == pytest.approx(mean, rel=0.01)


def test_power_that_follows_its_load_by_a_horizon_is_foreseen():
    rng = np.random.default_rng(3)
    cells = AHEAD[1]
    long = np.clip(0.5 + np.cumsum(rng.normal(0, 0.02, (1, CELLS + cells))), 0.05, 0.95)[None, :]
    later = server_power(long, np.array(100.0), np.array(300.0))
    # Power at a time is of the load one horizon before.
    load, power = long[:, cells:].astype(np.float32), later[:, :-cells].astype(np.float32)
    said = way(power_law.forecasts(load, power, AHEAD), "lagged")[0, 1]
    assert said == pytest.approx(later[0, -1], rel=0.02)


def samples(truth, last, mean, rivals):
    count = len(truth)
    inputs = np.stack([last, mean], axis=1).astype(np.float32)
    both = np.ones((count, 2), dtype=np.float32)
    return Samples(
        inputs, both * truth[:, None], both * last[:, None], both, np.ones((count, 2), dtype=bool),
        np.repeat(rivals[:, None, :], 2, axis=1).astype(np.float32),
    )  # fmt: skip


def test_model_and_bar_are_judged_on_the_same_rows():
    rng = np.random.default_rng(0)
    truth = rng.normal(300.0, 30.0, 500).astype(np.float32)
    last, mean = truth + 20.0, np.full(500, 300.0, dtype=np.float32)
    rivals = np.stack([last, truth + 10.0, truth - 40.0], axis=1)
    test = samples(truth, last, mean, rivals)
    test.usable[:250, 1] = False
    value = np.repeat((truth + 5.0)[:, None], 2, axis=1)
    bar = power_law.compare(DEFINITION, value, test, 1)
    assert (bar["way"], bar["count"]) == ("mean", 250)
    assert bar["rmse"] == pytest.approx(10.0, abs=0.01)
    assert bar["skill"] == pytest.approx(0.75, abs=1e-3)
    assert bar["lead"] == pytest.approx(0.75, abs=1e-3)
    assert [bar["ways"][name]["skill"] for name in power_law.WAYS] == pytest.approx([0.0, 0.75, -3.0], abs=1e-3)
    assert power_law.compare(DEFINITION, value + 15.0, test, 1)["lead"] == pytest.approx(-3.0, abs=1e-2)
    assert 0.0 <= bar["returns"]["skill"] < 1.0


def test_without_a_row_there_is_no_bar():
    truth = np.full(3, 100.0, dtype=np.float32)
    test = samples(truth, truth, truth, np.full((3, 3), np.nan))
    assert power_law.compare(DEFINITION, np.repeat(truth[:, None], 2, axis=1), test, 1) == {}
