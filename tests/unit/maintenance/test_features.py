"""What the maintenance model reads of a thing's past: wear shows, set-points and seasons do not, gaps do no harm."""

from __future__ import annotations

import numpy as np
import pytest

from models.maintenance import features
from models.maintenance.features import DAYS, HOURS, Past, compute, whole_days
from models.maintenance.serve import past_of

NAMES = features.inputs()


def units(count: int = 1, *, air=None, supply=20.0, heat_per_watt=1.0) -> Past:
    """Cooling units whose channels are what is given, by day; hours are the last week of days."""

    def spread(value, length, hours):
        whole = np.broadcast_to(np.asarray(value, dtype=float), (count, DAYS))
        return np.repeat(whole[:, -7:], 24, axis=1).copy() if hours else whole.copy()

    def channels(hours):
        air_ = spread(1.0 if air is None else air, DAYS, hours)
        supply_ = spread(supply, DAYS, hours)
        heat = 30_000.0
        flow = 3.0 * air_
        cop = features.chiller_cop(supply_) * spread(heat_per_watt, DAYS, hours)
        back = supply_ + heat / (features.RHO_CP * flow)
        speed = np.full_like(air_, 70.0)
        return {"airflow": flow, "supply": supply_, "back": back, "speed": speed, "power": heat / cop}

    return Past(channels(hours=False), channels(hours=True), np.zeros(count, dtype=np.int64))


def of(past: Past, name: str, row: int = 0) -> float:
    return float(compute(past)[row, NAMES.index(name)])


def test_a_fan_that_loses_air_shows_how_much_and_how_fast():
    worn = 1.0 - 0.001 * np.arange(DAYS)
    past = units(air=worn)
    assert of(past, "air.loss") == pytest.approx(-np.log(worn[-1]), abs=0.02)
    assert of(past, "air.slope30") == pytest.approx(-0.03 / worn[-15], rel=0.05)
    assert of(past, "air.slope7") < 0
    # The heat that it removes per watt is as it was.
    assert of(past, "refrigeration.loss") == pytest.approx(0.0, abs=1e-3)


def test_another_set_point_is_no_wear_of_the_refrigeration():
    past = units(supply=np.where(np.arange(DAYS) < 120, 24.0, 18.0))
    assert of(past, "refrigeration.loss") == pytest.approx(0.0, abs=1e-3)
    fouled = units(heat_per_watt=np.where(np.arange(DAYS) < 120, 1.0, 0.8))
    assert of(fouled, "refrigeration.loss") == pytest.approx(-np.log(0.8), abs=1e-3)
    assert of(fouled, "refrigeration.step") == pytest.approx(-np.log(0.8), abs=1e-3)


def test_what_was_before_a_repair_is_the_past():
    days = np.arange(DAYS)
    mended = np.where(days < 100, 1.0 - 0.002 * days, 1.0)
    past = units(air=mended)
    assert of(past, "air.loss") == pytest.approx(0.0, abs=0.01)
    assert np.expm1(of(past, "air.span")) == pytest.approx(77, abs=4)


def test_what_all_units_of_a_site_do_stands_beside():
    season = 1.0 - 0.0005 * np.arange(DAYS)
    past = units(4, heat_per_watt=season)
    own, peers = of(past, "refrigeration.slope"), of(past, "refrigeration.peers.slope")
    assert peers == pytest.approx(own)
    assert np.isnan(of(units(2, heat_per_watt=season), "refrigeration.peers.slope"))


def test_nothing_known_is_nothing_said():
    empty = past_of("cooling", {}, {"airflow": np.full((2, HOURS), np.nan)})
    assert np.isnan(compute(empty)).all()
    # A unit without a meter is judged by its air alone.
    past = units()
    past.days["power"][:] = np.nan
    past.hours["power"][:] = np.nan
    found = compute(past)[0]
    assert np.isfinite(found[NAMES.index("air.loss")])
    assert np.isnan(found[[n for n, name in enumerate(NAMES) if name.startswith("refrigeration.")]]).all()
    assert np.isnan(found[[n for n, name in enumerate(NAMES) if name.startswith("fan.")]]).all()


def test_nonsense_and_gaps_do_no_harm():
    rng = np.random.default_rng(1)
    past = units(3, air=1.0 - 0.001 * np.arange(DAYS))
    for table in (past.days, past.hours):
        for values in table.values():
            values[rng.random(values.shape) < 0.3] = np.nan
    past.days["airflow"][0, 5] = -4.0
    past.days["speed"][1, 7] = 0.0
    past.days["back"][2, :9] = -40.0
    found = compute(past)
    assert np.isfinite(found[:, NAMES.index("air.loss")]).all()
    assert not np.isinf(found).any()


def test_days_are_made_of_hours_where_none_are_known():
    hours = np.full((1, HOURS), 5.0)
    hours[0, -10:] = 9.0
    past = past_of("server", {"turns": np.full((1, 3), 4.0)}, {"turns": hours, "asked": hours}, end_day=10 / 24)
    # Six whole days; the seventh is not over.
    assert past.days["turns"][0, -6:].tolist() == [5.0] * 6
    assert np.isnan(past.days["turns"][0, 0])
    assert past.hours["turns"][0, -1] == 9.0


def test_whole_days_leave_out_the_one_that_is_not_over_and_what_came_before_the_first():
    hours = np.concatenate([[99.0] * 5, [1.0] * 24, [2.0] * 12, [np.nan] * 12, [np.nan] * 24, [99.0] * 3])[None]
    np.testing.assert_array_equal(whole_days(hours, 3), [[1.0, 2.0, np.nan]])
    assert whole_days(hours[:, :10], 0).shape == (1, 0)
