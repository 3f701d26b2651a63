"""Calibration, the twin that follows, its forecasts and its fidelity: against a plant whose parameters it never sees,
and against a hall that other equations made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.physics.conftest import room

from physics import calibration, recording
from physics.calibration import Calibration
from physics.faults import Fault
from physics.fidelity import Scorer, Watch, cvrmse, nmbe, skill
from physics.history import record
from physics.layout import Layout
from physics.model import RoomModel
from physics.online import BiasAndGain
from physics.plant import Plant
from physics.recording import Recording, RecordingError
from physics.supply import SupplyHabits
from physics.twin import Twin, moments


@pytest.fixture(scope="module")
def day() -> tuple[Layout, Plant, Recording, Calibration]:
    """Ten hours of a plant, and what a twin makes of them."""
    hall = room()
    plant = Plant(hall, 21)
    past = recording.from_history(record(plant, 10 * 3600.0))
    return hall, plant, past, calibration.calibrate(hall, past, windows=10, iterations=4)


def test_calibration_explains_the_history_better_than_assumptions(
    day: tuple[Layout, Plant, Recording, Calibration],
) -> None:
    _hall, _plant, past, made = day
    assert made.rmse_k < 0.2
    assert abs(made.bias_k) < 0.1
    assert (made.from_s, made.to_s) == (past.time_s[0], past.time_s[-1])


def test_calibration_finds_what_is_hidden(day: tuple[Layout, Plant, Recording, Calibration]) -> None:
    _hall, plant, _past, made = day
    hidden, found = plant.hidden[0], made.parameters
    assert hidden.zone_recirculation is not None
    assert found.zone_recirculation is not None
    tops = slice(10, 20)
    truth = hidden.recirculation_top * hidden.zone_recirculation[tops]
    seen = found.recirculation_top * found.zone_recirculation[tops]
    assert np.corrcoef(truth, seen)[0, 1] > 0.8
    assert found.flow_per_kw == pytest.approx(hidden.flow_per_kw, rel=0.25)


def test_a_calibration_survives_its_file_and_fits_its_room_alone(
    day: tuple[Layout, Plant, Recording, Calibration],
) -> None:
    hall, _plant, _past, made = day
    again = calibration.load(made.as_dict(), hall)
    assert again.version == made.version
    assert np.allclose(again.parameters.zone_recirculation, made.parameters.zone_recirculation)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="other racks"):
        calibration.load(made.as_dict(), room(per_row=4))
    with pytest.raises(ValueError, match="format"):
        calibration.load({})
    with pytest.raises(ValueError, match="racks is missing"):
        calibration.load({key: value for key, value in made.as_dict().items() if key != "racks"})


def errors(
    hall: Layout, made: Calibration, past: Recording, later: Recording, horizon: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Errors of forecasts and of persistence over ``later``, and the share of truths within the intervals."""
    twin = Twin(hall, made.parameters, horizons_s=(horizon,))
    for moment in moments(past)[-180:]:
        twin.observe(moment)
    steps = int(horizon / 60)
    said, then, within = [], [], []
    told = moments(later)
    for k, moment in enumerate(told[:-steps]):
        twin.observe(moment)
        if k % 3:
            continue
        forecast = twin.forecast()[0]
        truth = told[k + steps].inlet
        said.append(forecast.value - truth)
        then.append(moment.inlet - truth)
        within.append((truth >= forecast.lo) & (truth <= forecast.hi))
    return np.array(said), np.array(then), float(np.mean(within))


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(values**2)))


def test_forecasts_beat_persistence_and_their_intervals_hold(
    day: tuple[Layout, Plant, Recording, Calibration],
) -> None:
    hall, plant, past, made = day
    later = recording.from_history(record(plant, 3.0 * 3600.0))
    minute, still, _share = errors(hall, made, past, later, 60.0)
    assert rms(minute) < min(0.2, rms(still))
    quarter, still, share = errors(hall, made, past, later, 900.0)
    assert rms(quarter) < min(0.35, rms(still))
    assert 0.75 < share <= 1.0


def test_after_a_cooling_failure_it_sees_what_comes(day: tuple[Layout, Plant, Recording, Calibration]) -> None:
    hall, _plant, past, made = day
    plant = Plant(hall, 21, start_s=float(past.time_s[-1]))
    calm = recording.from_history(record(plant, 3600.0))
    plant.inject(Fault("unit-fails", "u0", start_s=plant.time_s))
    failed = recording.from_history(record(plant, 2400.0))
    said, still, _share = errors(hall, made, calm, failed, 900.0)
    assert rms(said[1:]) < 0.4 * rms(still[1:])


def test_the_twin_does_without_units_readings_and_with_gaps(day: tuple[Layout, Plant, Recording, Calibration]) -> None:
    hall, _plant, past, made = day
    nothing = np.full_like(past.supply, np.nan)
    holes = past.inlet.copy()
    holes[::7, 1, 3] = np.nan
    blind = replace(past, supply=nothing, return_=nothing, airflow=nothing, setpoint=nothing, inlet=holes)
    twin = Twin(hall, made.parameters)
    for moment in moments(blind)[:60]:
        twin.observe(moment)
    assert all(np.isfinite(forecast.value).all() for forecast in twin.forecast())
    with pytest.raises(ValueError, match="expected after"):
        twin.observe(moments(blind)[0])


def test_a_twin_that_was_told_nothing_says_so(hall: Layout) -> None:
    with pytest.raises(ValueError, match="told nothing"):
        Twin(hall).forecast()


def test_scenarios_start_from_the_twins_state(day: tuple[Layout, Plant, Recording, Calibration]) -> None:
    hall, _plant, past, made = day
    twin = Twin(hall, made.parameters)
    for moment in moments(past)[-60:]:
        twin.observe(moment)
    state, inputs = twin.state_now()
    model = RoomModel(hall, made.parameters)
    before = state.inlet.copy()
    model.advance(state, inputs, 300.0)
    assert np.abs(state.inlet - before).max() < 2.0
    assert state.repeat(3).inlet.shape == (3, 2, 10)


def other_hall(hall: Layout, hours: float, seed: int) -> Recording:
    """A hall of other equations: each inlet a lagged linear mixture of its own rack's load, one supply, a slow wave and
    noise; nothing of flows, returns or units is known."""
    rng = np.random.default_rng(seed)
    k, n = int(hours * 60), len(hall.racks)
    power = np.empty((k, n))
    level = rng.uniform(3000.0, 6000.0, n)
    now = level.copy()
    for i in range(k):
        now = now + 0.05 * (level - now) + rng.normal(0.0, 60.0, n)
        power[i] = now
    supply = 18.0 + 0.8 * np.sin(np.arange(k) / 35.0)[:, None] + rng.normal(0.0, 0.02, (k, 1))
    inlet = np.empty((k, 2, n))
    warm = np.zeros((2, n))
    share = np.stack([rng.uniform(2e-4, 5e-4, n), rng.uniform(5e-4, 1.2e-3, n)])
    for i in range(k):
        warm += (share * power[i] - warm) / 6.0
        inlet[i] = supply[i] + warm
    inlet = np.round((inlet + rng.normal(0.0, 0.05, inlet.shape)) / 0.1) * 0.1
    m = len(hall.units)
    unknown = np.full((k, m), np.nan)
    return Recording(
        time_s=1.7e9 + 60.0 * np.arange(k),
        inlet=inlet,
        power=power,
        supply=np.repeat(supply, m, axis=1),
        return_=unknown,
        airflow=unknown,
        setpoint=np.full((k, m), 18.0),
        fan=unknown,
        unit_power=unknown,
        delta_t=np.full((k, n), np.nan),
    )


def test_a_hall_of_other_equations_is_learnt_too() -> None:
    hall = room(1, 5)
    whole = other_hall(hall, 8.0, 5)
    past, later = whole.part(0, 360), whole.part(360, 480)
    made = calibration.calibrate(hall, past, windows=6, iterations=4)
    assert made.rmse_k < 0.3
    said, still, _share = errors(hall, made, past, later, 900.0)
    assert rms(said) < rms(still)


def test_what_a_history_lacks_is_named(hall: Layout) -> None:
    whole = other_hall(hall, 4.0, 1)
    with pytest.raises(RecordingError, match="h are needed"):
        calibration.calibrate(hall, whole.part(0, 60))
    silent = replace(whole, power=np.where(np.arange(10) == 3, np.nan, whole.power))
    with pytest.raises(RecordingError, match="r0-3: no power"):
        calibration.calibrate(hall, silent)
    cold = replace(whole, inlet=np.where(np.arange(10) == 4, np.nan, whole.inlet))
    with pytest.raises(RecordingError, match="r0-4: no inlet temperature"):
        calibration.calibrate(hall, cold)
    with pytest.raises(RecordingError, match="supply: expected the shape"):
        calibration.calibrate(room(units=3), whole)
    with pytest.raises(RecordingError, match="regular grid"):
        calibration.calibrate(hall, replace(whole, time_s=whole.time_s[0] + 60.0 * np.arange(240) ** 1.1))


def test_bias_and_gain_are_found_and_a_stuck_sensor_is_not_believed(rng: np.random.Generator) -> None:
    filters = BiasAndGain(3)
    supply = np.full(3, 18.0)
    for k in range(600):
        model = 18.0 + np.array([2.0, 3.0, 4.0]) + 1.5 * np.sin(k / 20.0)
        measured = supply + 1.2 * (model - supply) + 0.3 + rng.normal(0.0, 0.05, 3)
        filters.update(measured, model, supply, 1.0)
    assert filters.expected(model, supply) == pytest.approx(measured, abs=0.2)
    before = filters.bias.copy()
    filters.update(measured + np.array([30.0, 0.0, np.nan]), model, supply, 1.0)
    assert abs(filters.bias[0] - before[0]) < 0.5
    assert filters.bias[2] == before[2]


def test_habits_of_a_unit_are_forecast(rng: np.random.Generator) -> None:
    habits = SupplyHabits(1, 60.0, 30)
    wave = 0.5 * np.sin(np.arange(400) / 6.0)
    for k in range(360):
        habits.add(np.array([wave[k] + rng.normal(0.0, 0.02)]))
    said = habits.forecast(15)[:, 0]
    assert np.abs(said - wave[360:375]).max() < 0.25
    assert SupplyHabits(1, 60.0, 30).forecast(3).tolist() == [[0.0]] * 3


def test_guideline_14s_figures() -> None:
    said, measured = np.array([110.0, 90.0, 105.0]), np.array([100.0, 100.0, 100.0])
    assert nmbe(said, measured) == pytest.approx(5.0 / 3.0)
    assert cvrmse(said, measured) == pytest.approx(np.sqrt(225.0 / 3.0))
    assert skill(np.array([1.0]), np.array([2.0])) == pytest.approx(0.75)
    assert skill(np.array([np.nan]), np.array([1.0])) is None
    assert nmbe(np.array([1.0]), np.array([0.0])) is None


def test_the_scorer_judges_racks_and_room() -> None:
    scorer = Scorer(2)
    for _ in range(12):
        scorer.step(np.array([[0.1, 0.3], [0.1, 0.3]]))
        scorer.ahead(np.full((2, 2), 0.2), np.full((2, 2), 0.4))
        scorer.power(np.array([110.0, 100.0]), np.array([100.0, 100.0]))
    assert scorer.ready
    assert scorer.of_rack(0).rmse == pytest.approx(0.1)
    assert scorer.of_rack(0).nmbe == pytest.approx(10.0)
    whole = scorer.of_room()
    assert whole.bias == pytest.approx(0.2)
    assert whole.skill == pytest.approx(0.75)
    assert whole.nmbe == pytest.approx(5.0)
    assert whole.forecast_rmse == pytest.approx(0.2)
    scorer.begin_ahead()
    anew = scorer.of_room()
    assert (anew.forecast_rmse, anew.skill, anew.nmbe) == (None, None, None)
    assert anew.rmse == whole.rmse


def test_worse_is_told_once_it_lasts() -> None:
    watch = Watch(factor=1.5, floor_k=0.1)
    watch.calibrated(0.2)
    assert [watch.look(e) for e in (0.25, 0.4, 0.25, 0.4, 0.4)] == [False, False, False, False, True]
    assert watch.worse
    assert [watch.look(e) for e in (0.2, 0.2, None)] == [False, True, False]
    assert not watch.worse
