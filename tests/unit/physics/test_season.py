"""The year around a simulated room: its air's moisture follows it, nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from physics import season
from physics.hidden import Nature
from physics.history import record
from physics.laws import dew_point
from physics.layout import Layout
from physics.plant import Plant

DAYS = np.array([0.0, 91.0, 198.0, 290.0])
STILL = {"dew_point_drift": 0.0, "supply_drift": 0.0, "hunting": 0.0}
START_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_summer_is_in_july_and_winter_in_january() -> None:
    assert season.summer(datetime(2026, 7, 18, tzinfo=UTC).timestamp()) == pytest.approx(1.0, abs=0.01)
    assert season.summer(datetime(2031, 1, 16, tzinfo=UTC).timestamp()) == pytest.approx(-1.0, abs=0.01)
    assert season.summer(START_S, 198.0) == pytest.approx(1.0, abs=0.01)


def test_rooms_are_spread_over_the_year() -> None:
    days = season.days(12, np.random.default_rng(1))
    assert sorted((days * 12 / 365.2425).astype(int)) == list(range(12))


def test_dew_points_follow_each_rooms_calendar(hall: Layout) -> None:
    nature = Nature(season_dew_k=10.0, season_ahead_days=DAYS, **STILL)
    there, alike = (Plant(hall, [1, 2, 3, 4], start_s=START_S, nature=one).truth() for one in (nature, Nature(**STILL)))
    winter, spring, summer, autumn = there.dew_point - alike.dew_point
    assert winter < -5.0
    # What coils condense holds it below the supply's temperature.
    assert summer > 2.0
    assert winter < spring < summer > autumn > winter
    np.testing.assert_array_equal(there.supply, alike.supply)


def test_moisture_changes_no_temperature_and_no_power(hall: Layout) -> None:
    dry, usual = (
        record(Plant(hall, 1, start_s=START_S, nature=Nature(season_dew_k=swing)), 3600.0) for swing in (10.0, 0.0)
    )
    for name in ("top_temperature", "power", "supply", "airflow"):
        np.testing.assert_array_equal(dry[name], usual[name])
    assert np.nanmean(dry["top_humidity"]) < np.nanmean(usual["top_humidity"]) - 10.0


def test_weather_moves_both_dew_points_of_a_rack_alike(hall: Layout) -> None:
    h = record(Plant(hall, 3, start_s=START_S, nature=Nature(dew_point_drift=4.0)), 6 * 3600.0)
    top, bottom = (dew_point(h[f"{place}_temperature"], h[f"{place}_humidity"]) for place in ("top", "bottom"))
    hourly = np.nanmean(top.reshape(6, 60, -1), axis=(1, 2))
    assert np.ptp(hourly) > 0.5
    assert np.nanmax(np.abs(np.nanmean(top - bottom, axis=0))) < 0.4


def test_equal_seeds_have_equal_weather(hall: Layout) -> None:
    one, two = (record(Plant(hall, 7), 600.0) for _ in range(2))
    np.testing.assert_array_equal(one["top_humidity"], two["top_humidity"])
