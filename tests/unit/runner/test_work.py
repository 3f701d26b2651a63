"""The runner in the batch loop, with Kafka's two ends played by lists."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import OFFSET_END, KafkaException, TopicPartition
from tests.unit.runner.conftest import NOW, reading

from racktwin import health, logs
from racktwin.messages import decode_prediction
from racktwin.process import Context, Fatal
from runner.predictor import load
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
    def __init__(self, folder, **settings):
        self.now = NOW + 1
        self.producer, self.consumer = Producer(), Consumer()
        self.context = Context(
            "runner", logs.configure("runner", "error"), health.Health(), threading.Event(), lambda: self.now
        )
        configured = RunnerSettings(model_dir=folder, **settings)
        self.work = RunnerWork(configured, self.context, load(folder), self.consumer, self.producer)


@pytest.fixture
def rig(artefact):
    return Rig(artefact)


def test_first_reading_is_predicted_from_at_once(rig):
    rig.work.handle([Message(reading())])
    assert [p.target for p in rig.producer.predictions()] == ["environment.top/temperature"]
    rig.work.handle([Message(reading(feature="environment.bottom", temperature=20.0))])
    assert [p.target for p in rig.producer.predictions()][1:] == ["environment.bottom/temperature"]


def test_later_readings_wait_for_the_tick(rig):
    rig.work.handle([Message(reading())])
    rig.work.handle([Message(reading(at=NOW + 1))])
    rig.work.tick()
    assert len(rig.producer.predictions()) == 1
    rig.now = NOW + 10_000
    rig.work.tick()
    rig.work.tick()
    assert [p.based_on for p in rig.producer.predictions()] == [NOW, NOW + 1]


def test_readings_read_again_fill_the_window_but_speak_for_themselves_alone(rig):
    rig.work.handle([Message(reading(at=NOW - age * 1000)) for age in range(600, 60, -1)])
    rig.work.tick()
    assert rig.producer.sent == []
    rig.work.handle([Message(reading())])
    assert [p.based_on for p in rig.producer.predictions()] == [NOW]


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
    rig.work.handle([Message(reading()), Message(reading(thing="rack-2"), partition=1)])
    rig.work.revoked([TopicPartition(TOPIC, 0)])
    rig.producer.sent.clear()
    rig.now = NOW + 10_000
    rig.work.handle([Message(reading(thing="rack-2", at=NOW + 9_000), partition=1)])
    rig.work.tick()
    assert {p.thing for p in rig.producer.predictions()} == {"racktwin.berlin:rack-2"}


def test_settling_waits_for_acknowledgement_and_stops_without_commit_when_told(rig):
    assert rig.work.settle() is None
    rig.producer.unacknowledged = 3
    rig.context.stop.set()
    with pytest.raises(Fatal, match="not delivered"):
        rig.work.settle()


def test_thing_without_readings_for_a_whole_window_is_let_go(rig):
    rig.work.handle([Message(reading())])
    rig.now = NOW + 2 * 3_600_000
    rig.work.tick()
    rig.producer.sent.clear()
    rig.work.handle([Message(reading(at=rig.now))])
    assert len(rig.producer.predictions()) == 1


@pytest.mark.parametrize(("settings", "predicted"), [({}, 1), ({"stale_after_s": 30}, 0)])
def test_staleness_follows_the_interval_unless_set(artefact, settings, predicted):
    rig = Rig(artefact, prediction_interval_s=60, **settings)
    rig.work.handle([Message(reading(at=NOW - 80_000))])
    rig.now = NOW + 60_001
    rig.work.tick()
    assert len(rig.producer.predictions()) == predicted


def test_null_and_malformed_records_do_no_harm(rig):
    rig.work.handle([Message(None), Message(b"{"), Message(reading())])
    assert len(rig.producer.predictions()) == 1
