"""What scores say of a version: it drifts, it pauses, or it is left as it is."""

from __future__ import annotations

import pytest
from tests.unit.scorecard.records import NOW, drain, prediction, reading, scored_series

from models.registry import Scores, State
from scorecard.judge import LEAST, Judge, Promise
from scorecard.ledger import Ledger
from scorecard.tallies import Tallies, Tally


def test_scores_are_mae_bias_skill_and_coverage():
    tally = scored_series(50, error=0.5, naive=1.0)
    assert tally.as_dict() == {"count": 50, "mae": 0.5, "bias": 0.5, "skill": 0.75, "coverage": 1.0}


def test_a_model_that_keeps_its_promise_does_not_drift():
    verdict = Judge(Promise(0.5, 0.9)).verdict(scored_series(LEAST, 0.5, 1.0), NOW)
    assert (verdict.drifting, verdict.paused) == (False, False)


def test_too_few_scores_say_nothing():
    assert not Judge(Promise(0.1, 0.9)).verdict(scored_series(LEAST - 1, 5.0, 1.0), NOW).drifting


def test_what_is_said_within_a_minute_is_no_more_of_a_reason():
    ledger, tallies = Ledger(), Tallies()
    for second in range(0, 600, 10):
        at = NOW + second * 1000
        for one in drain(ledger, reading(at=at, value=20.0)):
            tallies.add(one)
        ledger.predicted(prediction(at, 25.0, 24.0, 26.0, horizon_s=30))
    (tally,) = tallies.versions.values()
    assert (tally.count, tally.minutes) == (57, 10)
    assert not Judge(Promise(0.1, 0.9), 11).verdict(tally, NOW).drifting
    assert Judge(Promise(0.1, 0.9), 10).verdict(tally, NOW).drifting


def test_how_many_scores_it_takes_and_how_long_they_count_may_be_set():
    assert Judge(Promise(0.1, 0.9), 5).verdict(scored_series(5, 5.0, 1.0), NOW).drifting
    ledger, tallies = Ledger(), Tallies(recent_half_life_ms=60_000)
    for n, error in enumerate((4.0, 0.0, 0.0, 0.0)):
        at = NOW + n * 60_000
        drain(ledger, reading(at=at, value=20.0))
        ledger.predicted(prediction(at, 20.0 + error, horizon_s=30))
        for one in drain(ledger, reading(at=at + 30_000, value=20.0)):
            tallies.add(one)
    (tally,) = tallies.versions.values()
    # 4 K, an eighth of it left among 1 + 1/2 + 1/4 + 1/8.
    assert tally.mae == pytest.approx(4.0 / 15.0)


def test_intervals_that_fail_are_drift_and_named():
    verdict = Judge(Promise(0.5, 0.9)).verdict(scored_series(LEAST, 0.5, 1.0, inside=False), NOW)
    assert verdict.drifting
    assert "0% instead of 90%" in verdict.reason


def test_worse_than_persistence_pauses_only_when_it_lasts():
    judge, tally = Judge(Promise(0.5, 0.9)), scored_series(LEAST, 2.0, 1.0)
    assert not judge.verdict(tally, NOW).paused
    assert judge.verdict(tally, NOW + 31 * 60_000).paused
    assert not judge.verdict(scored_series(LEAST, 0.5, 1.0), NOW + 32 * 60_000).paused


def bad_then_good(bad_minutes: int, good_minutes: int) -> tuple[Tallies, Tally, int]:
    """A version whose forecasts were far off for a while, and now are better than assuming no change."""
    ledger, tallies = Ledger(), Tallies()
    for minute in range(bad_minutes + good_minutes):
        at = NOW + minute * 60_000
        error, naive = (4.0, 3.0) if minute < bad_minutes else (0.1, 0.2)
        drain(ledger, reading(at=at, value=20.0 - naive))
        ledger.predicted(prediction(at, 20.0 + error, 19.5 + error, 20.5 + error, horizon_s=30))
        for one in drain(ledger, reading(at=at + 30_000, value=20.0)):
            tallies.add(one)
    (tally,) = tallies.versions.values()
    return tallies, tally, NOW + (bad_minutes + good_minutes) * 60_000


def test_an_incident_is_no_drift_for_half_a_day():
    judge = Judge(Promise(0.2, 0.9), least=10)
    _, during, then = bad_then_good(60, 0)
    assert judge.verdict(during, then).drifting
    _, after, later = bad_then_good(60, 29)
    # Squares of before still outweigh all that came since.
    assert after.skill < 0.0 and after.mae > 1.0
    assert after.newest is not None and after.newest.advantage > 0.5
    verdict = judge.verdict(after, later)
    assert (verdict.drifting, verdict.paused) == (False, False)
    # And what was well and is off by now is told as soon as it is bad of late too.
    _, turned, end = bad_then_good(60, 1)
    assert judge.verdict(turned, end).drifting


def test_what_is_worse_for_six_hours_pauses_however_often_it_is_nearer():
    """A few errors that are far off weigh more than many that are a little nearer."""
    judge = Judge(Promise(0.2, 0.9), least=10)
    _, tally, _ = bad_then_good(60, 29)
    assert not judge.verdict(tally, NOW).drifting
    assert not judge.verdict(tally, NOW + 5 * 3_600_000).drifting
    assert judge.verdict(tally, NOW + 6 * 3_600_000).drifting
    assert not judge.verdict(tally, NOW + 6 * 3_600_000).paused
    assert judge.verdict(tally, NOW + 7 * 3_600_000).paused


def test_what_is_newest_goes_on_after_a_start_as_it_was_of_late():
    tallies, tally, then = bad_then_good(60, 0)
    (model, version) = next(iter(tallies.versions))
    whole = Scores(tally.count, tally.mae, tally.bias, tally.skill, tally.coverage, tally.rmse, tally.weight)
    again = Tallies()
    again.again(model, version, State(
        version, then, False, False, skill=whole.skill, coverage=whole.coverage, mae=whole.mae, count=whole.count,
        bias=whole.bias, rmse=whole.rmse, weight=whole.weight, minutes=tally.minutes, scored_at=tally.at_ms,
    ))  # fmt: skip
    taken = again.versions[model, version]
    assert taken.newest is not None
    assert taken.newest.mae == pytest.approx(taken.mae) == pytest.approx(4.0)
    assert taken.newest.weight < taken.weight / 4
    assert Judge(Promise(0.2, 0.9), least=10).verdict(taken, then).drifting
