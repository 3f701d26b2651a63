"""A scorecard that is started anew scores what waited, and goes on from the scores that were written."""

from __future__ import annotations

import json
import threading
from collections import defaultdict

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import version_of
from models.registry import Registry
from racktwin import health, logs
from racktwin.messages import Prediction, Reading, encode
from racktwin.process import Context
from scorecard.tallies import Tallies
from scorecard.verdicts import Verdicts
from scorecard.work import ScorecardWork

NOW = 1_800_000_000_000
MINUTE = 60_000
MODEL = "inlet-temperature"
READINGS, PREDICTIONS = "racktwin.readings.berlin", "racktwin.predictions.berlin"
REWIND_MS = 16 * MINUTE


class Record:
    def __init__(self, topic, offset, at, payload):
        self._all = topic, offset, payload
        self.at = at

    def topic(self):
        return self._all[0]

    def partition(self):
        return 0

    def offset(self):
        return self._all[1]

    def value(self):
        return self._all[2]


class Broker:
    """Topics, and a consumer and a producer of them."""

    def __init__(self):
        self.logs: dict[str, list[Record]] = defaultdict(list)
        self.paused: set[str] = set()
        self.now = NOW
        self.down = False

    def put(self, topic, payload):
        log = self.logs[topic]
        log.append(Record(topic, len(log), self.now, payload))
        return log[-1]

    def produce(self, topic, _key, value):
        self.put(topic, value)

    def poll(self):
        """Nothing is under way."""

    def offsets_for_times(self, asked, timeout):
        assert timeout > 0
        if self.down:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        found = []
        for p in asked:
            later = [record.offset() for record in self.logs[p.topic] if record.at >= p.offset]
            found.append(TopicPartition(p.topic, p.partition, later[0] if later else -1))
        return found

    def get_watermark_offsets(self, partition, timeout):
        assert timeout > 0
        return 0, len(self.logs[partition.topic])

    def pause(self, partitions):
        self.paused |= {p.topic for p in partitions}

    def resume(self, partitions):
        self.paused -= {p.topic for p in partitions}


class Life:
    """One scorecard, from its start on."""

    def __init__(self, broker, registry, rewind_ms=REWIND_MS):
        self.broker = broker
        self.context = Context(
            "scorecard", logs.configure("x", "error"), health.Health(), threading.Event(), lambda: broker.now
        )
        self.tallies = Tallies()
        verdicts = Verdicts(registry, self.tallies, self.context, None, 0)
        verdicts.begin()
        self.work = ScorecardWork(
            self.context, broker, broker, self.tallies, verdicts, interval_ms=MINUTE, rewind_ms=rewind_ms
        )

    def start(self):
        """Gets its partitions and reads what is there, readings first as long as nobody holds them back."""
        partitions = [TopicPartition(READINGS, 0), TopicPartition(PREDICTIONS, 0)]
        self.work.assigned(partitions)
        offsets = {p.topic: p.offset if p.offset >= 0 else len(self.broker.logs[p.topic]) for p in partitions}
        self.work.tick()
        while True:
            ready = [
                topic
                for topic in (READINGS, PREDICTIONS)
                if topic not in self.broker.paused and offsets[topic] < len(self.broker.logs[topic])
            ]
            if not ready:
                return
            self.work.handle(self.broker.logs[ready[0]][offsets[ready[0]] :][:50])
            offsets[ready[0]] += 50
            self.work.tick()

    def minute(self):
        """What comes in a minute: readings, two predictions of each; then a tick."""
        for _ in range(3):
            self.round()
            self.broker.now += MINUTE // 3
        self.work.tick()

    def round(self):
        """A reading of each rack, two predictions of it."""
        now = self.broker.now
        step = now // (MINUTE // 3)
        for rack in range(3):
            thing = f"racktwin.berlin:rack-{rack}"
            value = 20.0 + (step * 7 + rack) % 11
            reading = Reading(
                v=1, thing=thing, feature="environment.top", observed_at=now, received_at=now,
                values={"temperature": value}, quality="good", device="d", kind="rack",
            )  # fmt: skip
            self.work.handle([self.broker.put(READINGS, encode(reading))])
            for horizon_s in (300, 900):
                said = value + (step * 3 + rack + horizon_s // 300) % 4 - 1.5
                made = Prediction(
                    v=1, thing=thing, model=MODEL, model_version=VERSION, target="environment.top/temperature",
                    horizon_s=horizon_s, value=said, lo=said - 2, hi=said + 2, unit="Cel", issued_at=now,
                    valid_at=now + horizon_s * 1000, based_on=now, kind="rack",
                )  # fmt: skip
                self.work.handle([self.broker.put(PREDICTIONS, encode(made))])


CONTENT = graph()
VERSION = version_of(CONTENT)


@pytest.fixture
def lived(tmp_path):
    """A site after so many minutes, its scorecard's life, and the registry."""
    (tmp_path / "artefact").mkdir()
    folder = write(tmp_path / "artefact", CONTENT, manifest(CONTENT, metrics={"overall": {"mae": 2.0}}))

    def live(name, minutes):
        registry = Registry(str(tmp_path / name))
        registry.publish(folder)
        registry.promote(MODEL, VERSION, at_ms=NOW - 1, by="person", reason="")
        broker = Broker()
        life = Life(broker, registry)
        life.start()
        for _ in range(minutes):
            life.minute()
        return broker, life, registry

    return live


def scores(broker):
    """What stands on the twins at the end: thing, horizon -> scores."""
    found = {}
    for record in broker.logs["racktwin.twin.berlin"]:
        said = json.loads(record.value())
        models = said["value"].get("scorecard", {}).get("properties", {}).get("models", {})
        for horizon, own in models.get(MODEL, {}).get("environment.top/temperature", {}).items():
            found[said["topic"], horizon] = own
    return found


def test_nothing_that_waited_is_lost_and_scores_go_on(lived):
    whole, _, whole_registry = lived("whole", 90)
    broker, _, registry = lived("broken", 60)
    second = Life(broker, registry)
    second.start()
    for _ in range(30):
        second.minute()
    expected, found = scores(whole), scores(broker)
    assert {key: own["count"] for key, own in found.items()} == {key: own["count"] for key, own in expected.items()}
    for key, own in expected.items():
        assert found[key] == pytest.approx(own, abs=2e-4)
    before, after = whole_registry.state(MODEL), registry.state(MODEL)
    assert after.count == before.count
    assert (after.mae, after.skill) == (pytest.approx(before.mae, abs=2e-4), pytest.approx(before.skill, abs=2e-4))
    assert (after.weight, after.minutes) == (pytest.approx(before.weight, abs=0.1), before.minutes)
    assert after.horizons["900"].count == before.horizons["900"].count


def test_until_what_is_of_before_is_read_nothing_is_written(lived):
    broker, _, registry = lived("broken", 60)
    written = len(broker.logs["racktwin.twin.berlin"])
    second = Life(broker, registry)
    second.work.assigned([TopicPartition(READINGS, 0), TopicPartition(PREDICTIONS, 0)])
    second.work.tick()
    assert broker.paused == {READINGS}
    broker.now += 5 * MINUTE
    second.work.tick()
    assert len(broker.logs["racktwin.twin.berlin"]) == written
    # It does not wait for ever.
    broker.now += 5 * MINUTE
    second.work.tick()
    assert broker.paused == set()


def test_a_long_past_is_read_to_its_end_before_anything_is_written(lived):
    broker, _, registry = lived("broken", 60)
    written = len(broker.logs["racktwin.twin.berlin"])
    second = Life(broker, registry)
    partitions = [TopicPartition(READINGS, 0), TopicPartition(PREDICTIONS, 0)]
    second.work.assigned(partitions)
    second.work.tick()
    # Each record takes minutes.
    for record in broker.logs[PREDICTIONS][partitions[1].offset :][:-1]:
        second.work.handle([record])
        broker.now += 5 * MINUTE
        second.work.tick()
        assert broker.paused == {READINGS}
    assert len(broker.logs["racktwin.twin.berlin"]) == written


def test_readings_that_come_while_others_are_held_are_held_too(lived):
    broker, _, registry = lived("broken", 60)
    second = Life(broker, registry)
    readings, predictions = TopicPartition(READINGS, 0), TopicPartition(PREDICTIONS, 0)
    second.work.assigned([readings, predictions])
    second.work.tick()
    assert broker.paused == {READINGS}
    # A client forgets that it held a partition when that goes.
    second.work.revoked([readings])
    broker.resume([readings])
    second.work.assigned([readings])
    second.work.tick()
    assert broker.paused == {READINGS}
    second.work.revoked([readings])
    second.work.handle(broker.logs[PREDICTIONS])
    second.work.tick()
    # Or does not: once there is nothing to wait for, it is let go.
    second.work.assigned([readings])
    second.work.tick()
    assert broker.paused == set()


def test_what_was_scored_before_does_not_wait_again(lived):
    broker, first, registry = lived("broken", 60)
    second = Life(broker, registry)
    second.work.assigned([TopicPartition(READINGS, 0), TopicPartition(PREDICTIONS, 0)])
    second.work.handle(broker.logs[PREDICTIONS])
    # At most those due in the two minutes before the last verdict wait again.
    assert len(second.work._ledger) <= len(first.work._ledger) + 3 * 2 * 3 * 3


def test_partitions_that_come_back_are_not_read_again(lived):
    broker, life, _ = lived("whole", 20)
    partitions = [TopicPartition(READINGS, 0), TopicPartition(PREDICTIONS, 0)]
    life.work.revoked(partitions)
    life.work.assigned(partitions)
    assert all(p.offset < 0 for p in partitions)
    assert broker.paused == set()


def test_without_an_answer_of_the_broker_it_goes_on_where_it_stopped(lived):
    broker, _, registry = lived("whole", 20)
    broker.down = True
    second = Life(broker, registry)
    partitions = [TopicPartition(READINGS, 0), TopicPartition(PREDICTIONS, 0)]
    second.work.assigned(partitions)
    second.work.tick()
    assert all(p.offset < 0 for p in partitions)
    assert broker.paused == set()
