"""Promise: forecasts use the past alone, beat persistence where that can be, and hold what they say they hold."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.unit.physics_files import other_hall
from tests.unit.physics_files.conftest import grid_of, layout_of

from physics_files import forecast, grid, readings
from physics_files.grid import Grid
from physics_files.problems import FileProblem

HORIZONS = [60.0, 300.0, 900.0, 1800.0, 3600.0]


@pytest.fixture(scope="module")
def made(hall_grid: Grid) -> forecast.Forecasts:
    return forecast.make(hall_grid, HORIZONS)


def cut(whole: Grid, cells: int) -> Grid:
    """The same record, ended after some cells."""
    changes = {
        field.name: value[:cells]
        for field in dataclasses.fields(whole)
        if isinstance(value := getattr(whole, field.name), np.ndarray)
    }
    return dataclasses.replace(whole, **changes)


def test_a_hall_of_other_physics_is_forecast_better_than_by_persistence(made: forecast.Forecasts) -> None:
    scores = {score["horizonS"]: score for score in made.scores()}
    assert set(scores) == set(HORIZONS)
    for horizon, least in ((60.0, 0.6), (300.0, 0.4), (900.0, 0.05), (1800.0, 0.05), (3600.0, 0.05)):
        assert scores[horizon]["skill"] > least, scores[horizon]


def test_bounds_hold_what_they_say(made: forecast.Forecasts) -> None:
    for score in made.scores():
        assert 0.87 <= score["coverage"] <= 0.97, score
    known = np.isfinite(made.value)
    assert (made.low[known] <= made.value[known]).all()
    assert (made.value[known] <= made.high[known]).all()


@pytest.mark.parametrize("cells", [37, 700, 1234])
def test_what_comes_later_changes_nothing(hall_grid: Grid, made: forecast.Forecasts, cells: int) -> None:
    short = forecast.make(cut(hall_grid, cells), HORIZONS)
    for one, other in ((short.value, made.value), (short.low, made.low), (short.high, made.high)):
        np.testing.assert_array_equal(one, other[:cells])


def test_a_record_read_in_part_is_forecast_as_the_whole(hall: other_hall.Hall, hall_grid: Grid) -> None:
    end = other_hall.START + (hall.long["time"].max() - other_hall.START) / 3
    part = dataclasses.replace(hall, long=hall.long[hall.long["time"] <= end])
    some = grid_of(part)
    whole = forecast.make(hall_grid, [900.0])
    np.testing.assert_array_equal(forecast.make(some, [900.0]).value, whole.value[: some.cells])


def test_the_first_forecasts_are_persistence_with_bounds(hall_grid: Grid, made: forecast.Forecasts) -> None:
    first = made.value[0]
    now = hall_grid.temperature[0]
    known = np.isfinite(now)
    np.testing.assert_allclose(first[:, known], np.broadcast_to(now[known], first[:, known].shape), atol=1e-5)
    assert (made.high[0][:, known] - made.low[0][:, known] > 0.3).all()


def test_noise_that_nobody_can_foresee_is_not_forecast() -> None:
    """A random walk: persistence is the best there is, and the forecast stays with it."""
    rng = np.random.default_rng(3)
    hall = other_hall.make(hours=4.0, seed=1)
    base = grid_of(hall)
    cells = 1200
    walk = 22.0 + np.cumsum(rng.normal(0.0, 0.05, (cells, len(base.targets))), axis=0)
    blank = {
        name: np.full((cells, getattr(base, name).shape[1]), np.nan)
        for name in ("humidity", "power", "utilization", "supply", "back", "setpoint", "airflow", "fan", "unit_power")
    }
    time_ms = base.time_ms[0] + np.arange(cells, dtype=np.int64) * 60_000
    walked = dataclasses.replace(base, time_ms=time_ms, temperature=walk, mean=walk.copy(), **blank)
    for score in forecast.make(walked, [300.0, 1800.0]).scores():
        assert score["skill"] > -0.01, score


def test_a_sensor_that_jumps_does_not_make_wild_forecasts(hall_grid: Grid) -> None:
    broken = hall_grid.temperature.copy()
    broken[600:603, 0] = 80.0
    faulty = dataclasses.replace(hall_grid, temperature=broken, mean=np.where(broken == 80.0, 80.0, hall_grid.mean))
    made = forecast.make(faulty, [900.0])
    after = made.value[640:, 0]
    truth = hall_grid.temperature[640:]
    error = np.abs(after[np.isfinite(after) & np.isfinite(truth)] - truth[np.isfinite(after) & np.isfinite(truth)])
    assert error.max() < 12.0


def test_horizons_between_steps_are_interpolated(hall: other_hall.Hall) -> None:
    place = layout_of(hall)
    found = readings.collect(hall.long, place, "x.csv")
    coarse = grid.make(found, place, step_s=600)
    made = forecast.make(coarse, [300.0, 600.0])
    now = coarse.temperature
    half, full = made.value[:, 0] - now, made.value[:, 1] - now
    known = np.isfinite(half) & np.isfinite(full)
    np.testing.assert_allclose(half[known], full[known] / 2.0, atol=1e-4)


def test_missing_readings_have_no_forecast(hall_grid: Grid, made: forecast.Forecasts) -> None:
    missing = np.isnan(hall_grid.temperature)
    assert missing.any()
    assert np.isnan(made.value.transpose(0, 2, 1)[missing]).all()


@pytest.mark.parametrize(("horizons", "coverage"), [([], 0.9), ([0.0], 0.9), ([60.0], 1.0)])
def test_what_cannot_be_asked_is_refused(hall_grid: Grid, horizons: list[float], coverage: float) -> None:
    with pytest.raises(FileProblem):
        forecast.make(cut(hall_grid, 20), horizons, coverage=coverage)
