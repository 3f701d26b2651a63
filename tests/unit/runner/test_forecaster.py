"""A missing, stale or bad input gives no prediction; a good one gives one, once."""

from __future__ import annotations

import pytest
from tests.unit.runner.conftest import NOW, PARTITION, reading

from runner.forecaster import NEVER_SEEN, NO_NEW_INPUT, NOT_GOOD, STALE, Forecaster
from runner.intake import Intake
from runner.predictor import load


class Rig:
    def __init__(self, folder, max_batch=512):
        predictor = load(folder)
        self.intake = Intake(predictor.manifest.definition)
        self.forecaster = Forecaster(predictor, self.intake, stale_after_ms=30_000, max_batch=max_batch)

    def take(self, *payloads, now=NOW):
        return self.intake.take([(PARTITION, p) for p in payloads], now, now - 10_000)

    def forecast(self, now=NOW, **how):
        return self.forecaster.forecast(self.intake.slots(), now, **how)


@pytest.fixture
def rig(artefact):
    return Rig(artefact)


def test_prediction_says_what_when_and_from_what(rig):
    rig.take(reading(at=NOW - 500, temperature=22.0), reading(feature="environment.bottom", temperature=19.0))
    round_ = rig.forecast()
    assert [(f.target.name, f.value, f.lo, f.hi, f.issued_at, f.based_on) for f in round_.forecasts] == [
        ("top", 23.0, 22.5, 23.5, NOW, NOW - 500),
        ("bottom", 20.0, 19.5, 20.5, NOW, NOW),
    ]
    assert round_.batches == [1]


def test_rack_with_one_sensor_gets_one_prediction(rig):
    rig.take(reading())
    round_ = rig.forecast()
    assert [f.target.name for f in round_.forecasts] == ["top"]
    assert round_.skipped[NEVER_SEEN] == 1


def test_same_input_is_not_predicted_from_twice(rig):
    rig.take(reading())
    rig.forecast()
    again = rig.forecast(NOW + 10_000)
    assert again.forecasts == []
    assert again.skipped[NO_NEW_INPUT] == 1
    rig.take(reading(at=NOW + 9_000), now=NOW + 10_000)
    assert len(rig.forecast(NOW + 10_000).forecasts) == 1


def test_stale_input_gives_none_and_comes_back(rig):
    rig.take(reading(at=NOW - 30_001))
    round_ = rig.forecast()
    assert round_.forecasts == []
    assert round_.skipped[STALE] == 1
    rig.take(reading())
    assert len(rig.forecast().forecasts) == 1


def test_newest_reading_not_good_gives_none(rig):
    rig.take(reading(at=NOW - 1000), reading(quality="faulty"))
    round_ = rig.forecast()
    assert round_.forecasts == []
    assert round_.skipped[NOT_GOOD] == 1


def test_late_reading_does_not_bring_a_prediction_from_the_past(rig):
    rig.take(reading())
    rig.forecast()
    rig.take(reading(at=NOW - 5_000, temperature=10.0))
    assert rig.forecast().forecasts == []


def test_first_only_never_repeats_a_target(rig):
    rig.take(reading())
    slots = rig.intake.slots()
    assert rig.forecaster.without_prediction(slots).tolist() == slots.tolist()
    assert [f.target.name for f in rig.forecast(first_only=True).forecasts] == ["top"]
    rig.take(reading(at=NOW + 100), now=NOW + 100)
    # Bottom was never predicted, so the rack is still asked about; top waits for its turn.
    assert len(rig.forecaster.without_prediction(slots)) == 1
    assert rig.forecast(NOW + 100, first_only=True).forecasts == []


def test_batches_are_bounded_and_complete(artefact):
    rig = Rig(artefact, max_batch=32)
    rig.take(*(reading(thing=f"rack-{n}", temperature=float(n)) for n in range(100)))
    round_ = rig.forecast()
    assert round_.batches == [32, 32, 32, 4]
    assert {f.thing.id: f.value for f in round_.forecasts} == {f"racktwin.berlin:rack-{n}": n + 1.0 for n in range(100)}


def test_thing_whose_window_ran_empty_is_reported(rig):
    rig.take(reading())
    assert rig.forecast(NOW + 2 * 3_600_000).empty == rig.intake.slots().tolist()


def test_slot_reused_by_another_thing_starts_anew(rig):
    rig.take(reading())
    rig.forecast()
    slots = rig.intake.slots().tolist()
    rig.intake.drop(slots)
    rig.forecaster.forget(slots)
    rig.take(reading(thing="rack-9"))
    assert [f.thing.id for f in rig.forecast().forecasts] == ["racktwin.berlin:rack-9"]


def test_nothing_to_do_is_nothing_done(rig):
    round_ = rig.forecast()
    assert (round_.forecasts, round_.batches) == ([], [])
