"""Predictions are scored when their time has come; a model that got worse is found out, one that is well is left."""

from __future__ import annotations

import json
import math
import threading
import tracemalloc
from types import SimpleNamespace
from typing import ClassVar

import msgspec
import pytest
from tests.unit.scorecard.records import NOW, drain, prediction, reading, scored_series

from models.registry import Moved, Pointer, Registry, Scores, State
from racktwin import health, logs
from racktwin.catalogue_computed import resolve
from racktwin.messages import decode_prediction, decode_reading, encode
from racktwin.process import Context
from scorecard import outbox
from scorecard.judge import LEAST, Promise
from scorecard.ledger import LATE_MS, Ledger
from scorecard.settings import ScorecardSettings
from scorecard.tallies import Tallies
from scorecard.work import ScorecardWork


@pytest.fixture
def ledger():
    made = Ledger()
    drain(made, reading(value=21.5))
    return made


def test_prediction_is_scored_by_the_first_reading_of_its_time(ledger):
    ledger.predicted(prediction())
    assert drain(ledger, reading(at=NOW + 899_000)) == []
    (scored,) = drain(ledger, reading(at=NOW + 900_500, value=22.5))
    assert (scored.truth, scored.waited.value, scored.waited.persistence) == (22.5, 22.0, 21.5)
    assert drain(ledger, reading(at=NOW + 901_000)) == []


def test_truth_that_comes_too_late_or_is_not_good_scores_nothing(ledger):
    ledger.predicted(prediction())
    assert drain(ledger, reading(at=NOW + 900_000, quality="faulty")) == []
    assert drain(ledger, reading(at=NOW + 900_000 + LATE_MS + 1)) == []
    assert ledger.dropped == 1


@pytest.mark.parametrize(("every_s", "kept"), [(0, 12), (60, 2)])
def test_every_prediction_is_kept_once_or_one_in_so_many_seconds(every_s, kept):
    ledger = Ledger(every_s * 1000)
    for second in range(0, 120, 10):
        drain(ledger, reading(at=NOW + second * 1000))
        ledger.predicted(prediction(at=NOW + second * 1000))
        ledger.predicted(prediction(at=NOW + second * 1000))
    assert len(ledger) == kept


def test_prediction_without_a_reading_to_compare_with_is_left(ledger):
    ledger.predicted(prediction(based_on=NOW - 10 * LATE_MS))
    assert len(ledger) == 0


def test_predictions_that_are_read_before_their_readings_wait_for_them():
    ledger = Ledger()
    for minute in range(3):
        ledger.predicted(prediction(at=NOW + minute * 60_000, horizon_s=300))
    # One whose reading never came has nothing to be held against.
    ledger.predicted(prediction(at=NOW + 240_000, horizon_s=300))
    assert len(ledger) == 4
    drain(ledger, *(reading(at=NOW + minute * 60_000, value=20.0 + minute) for minute in range(3)))
    scored = drain(ledger, *(reading(at=NOW + (5 + minute) * 60_000, value=25.0) for minute in range(5)))
    assert [one.waited.persistence for one in scored] == [20.0, 21.0, 22.0, 25.0]


def test_what_a_prediction_rests_on_is_not_what_came_after_it():
    ledger = Ledger()
    ledger.predicted(prediction(at=NOW, horizon_s=300))
    drain(ledger, reading(at=NOW - 5000, value=20.0), reading(at=NOW + 5000, value=21.0))
    (scored,) = drain(ledger, reading(at=NOW + 300_000))
    assert scored.waited.persistence == 20.0
    ledger.predicted(prediction(at=NOW + 900_000, horizon_s=300))
    assert drain(ledger, reading(at=NOW + 900_000 + LATE_MS + 1), reading(at=NOW + 1_200_000)) == []
    assert len(ledger) == 0


def test_nothing_of_several_models_is_lost_before_their_readings_come(ledger):
    early = Ledger()
    names = ("inlet-temperature", "inlet-temperature-trial")
    for minute in range(35):
        for name in names:
            for horizon_s in (300, 900, 1800):
                early.predicted(
                    msgspec.structs.replace(prediction(NOW + minute * 60_000, horizon_s=horizon_s), model=name)
                )
    assert (len(early), early.dropped) == (len(names) * 3 * 35, 0)
    scored = [one for minute in range(66) for one in drain(early, reading(at=NOW + minute * 60_000))]
    assert len(scored) == len(names) * 3 * 35
    assert {(one.waited.model, one.waited.horizon_s) for one in scored} == {
        (name, horizon_s) for name in names for horizon_s in (300, 900, 1800)
    }


def test_what_was_surely_scored_does_not_wait_again(ledger):
    due = NOW + 900_000
    ledger.predicted(prediction(), scored_until=due + 2 * LATE_MS + 1)
    assert len(ledger) == 0
    ledger.predicted(prediction(at=NOW + 60_000), scored_until=due + 2 * LATE_MS + 1)
    assert len(ledger) == 1


def test_a_prediction_that_waits_takes_little_memory():
    records = [encode(prediction(NOW + minute * 60_000, value=20 + minute / 7)) for minute in range(500)]
    early = Ledger()
    early.predicted(decode_prediction(encode(prediction(NOW - 60_000))))
    tracemalloc.start()
    try:
        for record in records:
            early.predicted(decode_prediction(record))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(early) == len(records) + 1
    assert taken / len(records) < 32


def test_a_time_that_is_none_is_dropped(ledger):
    ledger.predicted(msgspec.structs.replace(prediction(), valid_at=2**63))
    assert (len(ledger), ledger.dropped) == (0, 1)


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        ("scorecard.x", {"count": 1.0, "mae": 1.0, "bias": 0.0, "skill": 0.0, "coverage": 1.0}),
        ("scorecard.m.environment.top.900", {"count": 1.0, "mae": 1e200, "bias": 0.0, "skill": 0.0, "coverage": 1.0}),
        ("scorecard.m.environment.top.900", {"count": math.inf, "mae": 1.0, "bias": 0, "skill": 0, "coverage": 1}),
        ("scorecard.m.environment.top.900", {"count": 1.0}),
    ],
)
def test_what_is_named_like_scores_and_is_none_is_left(feature, values):
    Tallies().told(msgspec.structs.replace(reading(), feature=feature, values=values))


def test_scores_that_were_written_before_their_weight_was_go_on():
    feature = "scorecard.inlet-temperature.environment.top.30"
    values = {"count": 60.0, "mae": 1.0, "bias": 1.0, "skill": 0.5, "coverage": 1.0}
    made = {}
    for weight in ({}, {"weight": 59.0, "rmse": 1.2533}):
        tallies, ledger = Tallies(), Ledger()
        tallies.told(msgspec.structs.replace(reading(), feature=feature, values=values | weight))
        drain(ledger, reading(value=20.0))
        ledger.predicted(prediction(value=20.0, horizon_s=30))
        for one in drain(ledger, reading(at=NOW + 30_000, value=20.0)):
            tallies.add(one)
        (((_, of_thing),)) = tallies.changed()
        (made[len(weight)],) = of_thing.values()
    # An hour of one a minute, and one without an error.
    assert made[0].mae == pytest.approx(made[2].mae, abs=0.01) == pytest.approx(59 / 60, abs=0.01)
    assert made[0].as_history() == pytest.approx(made[2].as_history(), rel=0.05)


def test_scores_stand_on_the_twin_and_go_into_history(ledger):
    tallies = Tallies()
    ledger.predicted(prediction())
    for scored in drain(ledger, reading(at=NOW + 900_000, value=22.0)):
        tallies.add(scored)
    ((newest, models),) = tallies.changed()
    assert tallies.changed() == []
    (_, _, merge), (topic, _, record) = outbox.records(newest, models, NOW + 900_100)
    scores = json.loads(merge)["value"]["scorecard"]["properties"]["models"]
    assert scores["inlet-temperature"]["environment.top/temperature"]["900"]["mae"] == 0.0
    assert topic == "racktwin.readings.berlin"
    assert decode_reading(record).feature == "scorecard.inlet-temperature.environment.top.900"


def test_verdict_goes_to_the_registry_and_training_starts_once(tmp_path, monkeypatch):
    from scorecard import verdicts

    registry = Registry(str(tmp_path))
    tallies = Tallies()
    tallies.versions["inlet-temperature", "a" * 12] = scored_series(LEAST, 2.0, 1.0)
    monkeypatch.setattr(Registry, "pointer", lambda *_: Pointer("a" * 12, []))
    manifest = type("M", (), {"metrics": {"overall": {"mae": 0.2}}, "definition": type("D", (), {"coverage": 0.9})()})()
    monkeypatch.setattr(Registry, "manifest", lambda *_: manifest)
    started = []
    context = Context("scorecard", logs.configure("x", "error"), health.Health(), threading.Event(), lambda: NOW)
    looked = verdicts.Verdicts(registry, tallies, context, started.append, 3_600_000)
    for minute in (0, 10, 40):
        found = looked.look(NOW + minute * 60_000)["inlet-temperature", "a" * 12]
    assert started == ["inlet-temperature"]
    assert (found.drifting, found.paused) == (True, True)
    state = registry.state("inlet-temperature")
    assert isinstance(state, State)
    assert state.paused
    assert "worse than persistence" in state.reason


def test_each_horizon_has_scores_of_its_own_in_the_registry(tmp_path, monkeypatch):
    from scorecard import verdicts

    registry = Registry(str(tmp_path))
    monkeypatch.setattr(Registry, "pointer", lambda *_: Pointer("b" * 12, []))
    monkeypatch.setattr(verdicts, "promise_of", lambda *_: Promise(0.5, 0.9))
    monkeypatch.setattr(Registry, "manifest", lambda *_: NewManifest())
    ledger, tallies = Ledger(), Tallies()
    # Too low by 0.5 soon, too high by 2 later; another version's are no matter of this one's.
    for version, soon, later in (("a" * 12, 9.0, 9.0), ("b" * 12, -0.5, 2.0)):
        drain(ledger, reading(at=NOW, value=21.0))
        for horizon_s, error in ((1800, later), (300, soon)):
            lo, hi = 19.0 + error, 21.0 + error
            ledger.predicted(prediction(NOW, 20.0 + error, lo, hi, horizon_s=horizon_s, version=version))
        for horizon_s in (300, 1800):
            for one in drain(ledger, reading(at=NOW + horizon_s * 1000, value=20.0)):
                tallies.add(one)
        ledger = Ledger()
    context = Context("scorecard", logs.configure("x", "error"), health.Health(), threading.Event(), lambda: NOW)
    verdicts.Verdicts(registry, tallies, context, None, 0).look(NOW)
    state = registry.state("inlet-temperature")
    assert list(state.horizons) == ["300", "1800"]
    assert state.horizons["300"] == Scores(1, 0.5, -0.5, 0.75, 1.0, rmse=0.5, weight=1.0)
    assert (state.horizons["1800"].bias, state.horizons["1800"].coverage) == (2.0, 0.0)
    assert state.count == 2
    older = 0.5 ** (25 / 45)  # minutes since it was scored, and half-life
    assert state.bias == pytest.approx((2.0 - 0.5 * older) / (1.0 + older), abs=1e-4)


def test_what_was_noted_before_horizons_were_told_apart_is_read(tmp_path):
    (tmp_path / "inlet-temperature").mkdir()
    noted = b'{"version":"v1","at":1,"drifting":true,"reason":"r","skill":0.2,"coverage":0.9,"mae":0.3,"count":500}'
    (tmp_path / "inlet-temperature" / "state.json").write_bytes(noted)
    state = Registry(str(tmp_path)).state("inlet-temperature")
    assert (state.skill, state.bias, state.horizons) == (0.2, None, {})


def test_inputs_that_moved_are_drift_and_train_while_scores_are_still_few(tmp_path, monkeypatch):
    from scorecard import verdicts

    registry = Registry(str(tmp_path))
    monkeypatch.setattr(Registry, "models", lambda *_: ["inlet-temperature"])
    monkeypatch.setattr(Registry, "pointer", lambda *_: Pointer("a" * 12, []))
    started = []
    context = Context("scorecard", logs.configure("x", "error"), health.Health(), threading.Event(), lambda: NOW)
    looked = verdicts.Verdicts(registry, Tallies(), context, started.append, 3_600_000)
    assert looked.look(NOW) == {}
    registry.set_moved("inlet-temperature", Moved("a" * 12, NOW, "12 of 38 inputs are not as in training"))
    state = looked.look(NOW + 60_000)["inlet-temperature", "a" * 12]
    assert (state.drifting, state.paused, state.count) == (True, False, 0)
    assert state.reason == state.inputs == "12 of 38 inputs are not as in training"
    assert started == ["inlet-temperature"]
    # Of another version, or of a runner that is gone, it says nothing.
    registry.set_moved("inlet-temperature", Moved("b" * 12, NOW, "12 of 38 inputs are not as in training"))
    assert not looked.look(NOW + 120_000)["inlet-temperature", "a" * 12].drifting


class NewManifest:
    """As much of a manifest as a promise is made of."""

    metrics: ClassVar[dict[str, object]] = {}
    definition = type("D", (), {"coverage": 0.9})()


class _Kept:
    """A producer that keeps what it is given."""

    def __init__(self):
        self.records = []

    def produce(self, topic, key, value):
        self.records.append((topic, key, json.loads(value)))

    def poll(self):
        """Nothing is under way."""


@pytest.mark.parametrize(("error", "state"), [(0.1, "well"), (2.0, "drifting")])
def test_how_a_model_does_stands_on_the_sites_twin_also_without_a_registry(error, state):
    tallies, producer, ledger = Tallies(), _Kept(), Ledger()
    for number in range(LEAST):
        at = NOW + number * 60_000
        drain(ledger, reading(at=at, value=21.5))
        ledger.predicted(prediction(at=at, value=22.5 + error, lo=20.0, hi=26.0, horizon_s=30))
        for one in drain(ledger, reading(at=at + 30_000, value=22.5)):
            tallies.add(one)
    context = Context("scorecard", logs.configure("scorecard", "info"), health.Health(), threading.Event(), lambda: NOW)
    work = ScorecardWork(context, None, producer, tallies, None, interval_ms=0)
    work.tick()
    ((_, _, twin), (_, _, record)) = [each for each in producer.records if each[1] == "racktwin.berlin:site-berlin"]
    told = twin["value"]["model.inlet-temperature"]["properties"]
    assert (told["state"], told["version"], told["count"]) == (state, "v1", LEAST)
    assert ("worse than persistence" in told["reason"]) == (state == "drifting")
    feature = resolve("site", record["feature"])
    assert feature is not None
    assert set(record["values"]) == set(feature.by_name)


def test_only_models_that_are_asked_for_are_scored():
    def record(topic, message):
        return SimpleNamespace(
            topic=lambda: topic, partition=lambda: 0, offset=lambda: 0, value=lambda: encode(message)
        )

    batch = [
        record("racktwin.readings.berlin", reading()),
        record("racktwin.predictions.berlin", prediction(horizon_s=30)),
        record("racktwin.readings.berlin", reading(at=NOW + 30_000)),
    ]
    for models, count in ((None, 1), ({"inlet-temperature"}, 1), ({"rack-power"}, 0)):
        tallies = Tallies()
        context = SimpleNamespace(clock=lambda: NOW, log=None)
        ScorecardWork(context, None, _Kept(), tallies, None, interval_ms=0, models=models).handle(batch)
        assert sum(tally.count for tally in tallies.versions.values()) == count
    assert ScorecardSettings().models() is None
    assert ScorecardSettings(scorecard_models="a, b,").models() == {"a", "b"}
