"""The runner in the batch loop, with Kafka's two ends played by lists."""

from __future__ import annotations

import random
import threading
from itertools import pairwise

import msgspec
import pytest
from confluent_kafka import OFFSET_END, KafkaException, TopicPartition
from tests.unit.runner.conftest import NOW, reading

from racktwin import health, logs
from racktwin.messages import decode_prediction
from racktwin.process import Context, Fatal
from runner.predictor import load
from runner.schedule import Budget
from runner.settings import RunnerSettings
from runner.work import RunnerWork

TOPIC = "racktwin.readings.berlin"


class Message:
    def __init__(self, value, partition=0):
        self._value, self._partition = value, partition

    def value(self):
        return self._value

    def topic(self):
        return TOPIC

    def partition(self):
        return self._partition


class Producer:
    def __init__(self):
        self.sent, self.unacknowledged = [], 0

    def produce(self, topic, key, value):
        self.sent.append((topic, key, value))

    def poll(self):
        pass

    def flush(self, _timeout_s):
        return self.unacknowledged

    def predictions(self):
        return [decode_prediction(v) for topic, _, v in self.sent if topic == "racktwin.predictions.berlin"]


class Consumer:
    def __init__(self):
        self.asked, self.answer = [], {}

    def offsets_for_times(self, partitions, timeout):
        self.asked.extend(partitions)
        if isinstance(self.answer, Exception):
            raise self.answer
        return [TopicPartition(p.topic, p.partition, self.answer.get(p.partition, -1)) for p in partitions]


class Rig:
    def __init__(self, folder, restore=None, update=None, paused=lambda: False, **settings):
        self.now = NOW + 1
        self.producer, self.consumer = Producer(), Consumer()
        self.context = Context(
            "runner", logs.configure("runner", "error"), health.Health(), threading.Event(), lambda: self.now
        )
        configured = RunnerSettings(model_dir=folder, **settings)
        self.work = RunnerWork(
            configured,
            self.context,
            load(folder),
            self.consumer,
            self.producer,
            restore=restore,
            update=update,
            paused=paused,
        )


@pytest.fixture
def rig(artefact):
    return Rig(artefact)


def predict(rig, *messages, after_ms=40):
    """Take readings in and let those whose turn has come wait as long as they may."""
    rig.work.handle(list(messages))
    rig.now += after_ms
    rig.work.tick()


def test_first_reading_is_predicted_from_within_milliseconds(rig):
    predict(rig, Message(reading()))
    assert [p.target for p in rig.producer.predictions()] == ["environment.top/temperature"]


def test_readings_that_come_together_share_a_call(rig):
    rig.work.handle([Message(reading())])
    rig.work.tick()
    assert rig.producer.sent == []
    predict(rig, Message(reading(feature="environment.bottom", temperature=20.0)))
    assert {p.target for p in rig.producer.predictions()} == {
        "environment.top/temperature",
        "environment.bottom/temperature",
    }
    assert sum(topic == "racktwin.models.berlin" for topic, _, _ in rig.producer.sent) == 1


def test_who_waits_already_is_counted_once(rig):
    rig.work._first = Budget(2, rig.now)
    for feature in ("environment.top", "environment.bottom"):
        rig.work.handle([Message(reading(thing="rack-1", feature=feature))])
    predict(rig, Message(reading(thing="rack-2")))
    assert {p.thing for p in rig.producer.predictions()} == {"racktwin.berlin:rack-1", "racktwin.berlin:rack-2"}


def test_a_full_batch_waits_for_nobody(artefact):
    rig = Rig(artefact, max_batch=8)
    rig.work.handle([Message(reading(thing=f"rack-{n}")) for n in range(8)])
    rig.work.tick()
    assert len(rig.producer.predictions()) == 8


def test_later_readings_wait_for_their_turn_and_are_predicted_from_at_once_then(rig):
    predict(rig, Message(reading()))
    predict(rig, Message(reading(at=NOW + 100)))
    assert len(rig.producer.predictions()) == 1
    rig.now = NOW + 15_100
    predict(rig, Message(reading(at=NOW + 15_000)))
    assert [p.based_on for p in rig.producer.predictions()] == [NOW, NOW + 15_000]
    assert rig.producer.predictions()[-1].issued_at == NOW + 15_140


def test_a_reading_before_its_turn_is_predicted_from_though_none_follows(rig):
    predict(rig, Message(reading()))
    predict(rig, Message(reading(at=NOW + 100)))
    rig.now = NOW + 25_300
    rig.work.tick()
    rig.now += 40
    rig.work.tick()
    assert [p.based_on for p in rig.producer.predictions()] == [NOW, NOW + 100]
    rig.now += 60_000
    rig.work.tick()
    assert len(rig.producer.predictions()) == 2


@pytest.mark.parametrize("every_s", [1, 3, 5, 7, 9.9, 10, 13, 30])
def test_a_prediction_is_made_of_a_reading_as_it_comes_however_far_apart_they_are(rig, every_s):
    steps_ms, lasts_s = 100, 300
    jitter = random.Random(1)
    times = [NOW + round(n * every_s * 1000) + jitter.randrange(-90, 90) for n in range(1, round(lasts_s / every_s))]
    predict(rig, Message(reading()))
    while rig.now < NOW + lasts_s * 1000:
        while times and times[0] <= rig.now:
            rig.work.handle([Message(reading(at=times.pop(0)))])
        rig.work.tick()
        rig.now += steps_ms
    made = rig.producer.predictions()
    assert all(p.issued_at - p.based_on <= 2 * steps_ms for p in made)
    # Once an interval on average, or as often as there are readings; none much closer to another, none left out.
    wanted_s = max(10, every_s)
    assert lasts_s / wanted_s * 0.85 - 2 <= len(made) <= lasts_s / wanted_s + 2
    gaps = [after.issued_at - before.issued_at for before, after in pairwise(made)]
    assert min(gaps) >= 4_800
    assert max(gaps[1:]) <= 2 * wanted_s * 1000


def test_a_pause_of_the_readings_makes_no_prediction_from_old_ones(rig):
    predict(rig, Message(reading()))
    for second in (*range(1, 9), *range(13, 30)):
        rig.now = NOW + second * 1000
        predict(rig, Message(reading(at=rig.now)))
    assert all(p.issued_at - p.based_on <= 50 for p in rig.producer.predictions())
    assert [p.based_on - NOW for p in rig.producer.predictions()] == [0, 13_000, 20_000]


def test_things_that_cannot_be_predicted_do_not_hold_up_those_that_can(rig):
    rig.work._first = Budget(10, rig.now)
    for second in range(5):
        rig.now = NOW + second * 1000 + 1
        at = NOW + second * 1000
        predict(rig, *(Message(reading(thing=f"rack-{n}", at=at, quality="faulty")) for n in range(10)))
    predict(rig, *(Message(reading(thing=f"good-{n}", at=rig.now)) for n in range(10)))
    assert len(rig.producer.predictions()) == 10


def test_things_that_report_each_second_are_predicted_from_what_they_report_alone(rig):
    things = [f"rack-{n}" for n in range(100)]
    for second in range(30):
        rig.now = NOW + second * 1000 + 1
        predict(rig, *(Message(reading(thing=thing, at=NOW + second * 1000)) for thing in things))
        for _ in range(9):
            rig.now += 100
            rig.work.tick()
    made = rig.producer.predictions()
    assert all(p.issued_at - p.based_on <= 50 for p in made)
    # One at the start; the next after 5 to 15 s, then each 10 s.
    assert 250 <= len(made) <= 350


def test_very_many_that_report_at_once_are_spread_too_and_nobody_is_left_out(rig):
    rig.work._again = Budget(10, rig.now)
    things = [f"rack-{n}" for n in range(100)]
    for second in (0, 15):
        rig.now = NOW + second * 1000 + 1
        predict(rig, *(Message(reading(thing=thing, at=NOW + second * 1000)) for thing in things))
    counts = [len(rig.producer.predictions())]
    for _ in range(20):
        rig.now += 260
        rig.work.tick()
        counts.append(len(rig.producer.predictions()))
    assert counts[0] == 110
    # Twice as many a second as would come back in an interval of 10 s: about 5 at each look.
    assert max(after - before for before, after in pairwise(counts)) < 20
    assert counts[-1] == 200


def test_very_many_first_predictions_are_spread(rig):
    things = [f"rack-{n}" for n in range(1500)]
    predict(rig, *(Message(reading(thing=thing)) for thing in things))
    assert 1000 <= len(rig.producer.predictions()) < 1100
    for _ in range(3):
        rig.now += 960
        rig.work.tick()
        rig.now += 40
        rig.work.tick()
    assert len({p.thing for p in rig.producer.predictions()}) == 1500


def test_readings_read_again_fill_the_window_but_speak_for_themselves_alone(rig):
    predict(rig, *(Message(reading(at=NOW - age * 1000)) for age in range(600, 60, -1)))
    assert rig.producer.sent == []
    predict(rig, Message(reading()))
    assert [p.based_on for p in rig.producer.predictions()] == [NOW]


def test_expired_prediction_is_taken_off_the_twin(rig):
    predict(rig, Message(reading()))
    rig.producer.sent.clear()
    rig.now = NOW + 70_000
    rig.work.tick()
    rig.now = NOW + 80_000
    rig.work.tick()
    assert [topic for topic, _, _ in rig.producer.sent] == ["racktwin.models.berlin"]
    assert b'"value":null' in rig.producer.sent[0][2]


def test_windows_come_from_history_where_there_is_one(artefact):
    asked = []

    def restore(intake, sites):
        asked.extend(sites)
        return True

    rig = Rig(artefact, restore=restore)
    rig.work.assigned([TopicPartition(TOPIC, 0, 99_999)])
    assert asked == ["berlin"]
    assert [p.offset for p in rig.consumer.asked] == [rig.now - 60_000]


def test_paused_model_predicts_nothing_and_its_last_word_is_taken_off(artefact):
    state = {"paused": False}
    rig = Rig(artefact, paused=lambda: state["paused"])
    predict(rig, Message(reading()))
    state["paused"] = True
    rig.producer.sent.clear()
    rig.now = NOW + 70_000
    predict(rig, Message(reading(at=NOW + 70_000)))
    rig.now = NOW + 80_001
    rig.work.tick()
    assert [topic for topic, _, _ in rig.producer.sent] == ["racktwin.models.berlin"]
    assert b'"value":null' in rig.producer.sent[0][2]


def test_newer_model_is_taken_up_between_two_predictions(artefact):
    newer = load(artefact)
    newer.manifest = msgspec.structs.replace(newer.manifest, version="ffffffffffff")
    waiting = [newer]
    rig = Rig(artefact, update=lambda: waiting.pop() if waiting else None)
    predict(rig, Message(reading()))
    rig.now = NOW + 15_000
    rig.work.tick()
    predict(rig, Message(reading(at=NOW + 15_000)))
    assert [p.model_version for p in rig.producer.predictions()][1:] == ["ffffffffffff"]


def test_assigned_partitions_start_one_window_ago(rig):
    rig.consumer.answer = {0: 1234}
    partitions = [TopicPartition(TOPIC, 0, 99_999), TopicPartition(TOPIC, 1, 99_999)]
    rig.work.assigned(partitions)
    assert [p.offset for p in rig.consumer.asked] == [rig.now - 3_600_000 - 30_000] * 2
    assert [p.offset for p in partitions] == [1234, OFFSET_END]


def test_rebalance_without_partitions_asks_nothing(rig):
    rig.work.assigned([])
    assert rig.consumer.asked == []


def test_broker_that_cannot_say_leaves_the_committed_offsets(rig):
    rig.consumer.answer = KafkaException("away")
    partitions = [TopicPartition(TOPIC, 0, 77)]
    rig.work.assigned(partitions)
    assert partitions[0].offset == 77


def test_revoked_partition_is_forgotten_and_the_other_goes_on(rig):
    predict(rig, Message(reading()), Message(reading(thing="rack-2"), partition=1))
    rig.work.revoked([TopicPartition(TOPIC, 0)])
    rig.producer.sent.clear()
    rig.now = NOW + 15_000
    predict(rig, Message(reading(thing="rack-2", at=NOW + 15_000), partition=1))
    assert {p.thing for p in rig.producer.predictions()} == {"racktwin.berlin:rack-2"}


def test_what_was_revoked_while_it_waited_is_not_predicted(rig):
    rig.work.handle([Message(reading())])
    rig.work.revoked([TopicPartition(TOPIC, 0)])
    rig.now += 50
    rig.work.tick()
    assert rig.producer.sent == []


def test_settling_waits_for_acknowledgement_and_stops_without_commit_when_told(rig):
    assert rig.work.settle() is None
    rig.producer.unacknowledged = 3
    rig.context.stop.set()
    with pytest.raises(Fatal, match="not delivered"):
        rig.work.settle()


def test_thing_without_readings_for_a_whole_window_is_let_go(rig):
    predict(rig, Message(reading()))
    rig.now = NOW + 2 * 3_600_000
    rig.work.tick()
    rig.producer.sent.clear()
    predict(rig, Message(reading(at=rig.now)))
    assert len(rig.producer.predictions()) == 1


@pytest.mark.parametrize(("settings", "predicted"), [({}, 1), ({"stale_after_s": 30}, 0)])
def test_staleness_follows_the_interval_unless_set(artefact, settings, predicted):
    rig = Rig(artefact, prediction_interval_s=60, **settings)
    predict(rig, Message(reading(at=NOW - 50_000)))
    assert len(rig.producer.predictions()) == predicted


def test_null_and_malformed_records_do_no_harm(rig):
    predict(rig, Message(None), Message(b"{"), Message(reading()))
    assert len(rig.producer.predictions()) == 1


def test_clock_that_jumps_gives_no_prediction_from_the_past_or_the_future(rig):
    predict(rig, Message(reading(at=NOW + 3_600_000)), Message(reading(at=NOW - 7_200_000)))
    assert rig.producer.sent == []
    # Our own clock goes back an hour: what is read then is predicted from again.
    predict(rig, Message(reading()))
    rig.now = NOW - 3_600_000
    predict(rig, Message(reading(at=NOW - 3_600_000)))
    assert [p.based_on for p in rig.producer.predictions()] == [NOW, NOW - 3_600_000]
