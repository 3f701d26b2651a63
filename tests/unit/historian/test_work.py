"""What is committed, what waits and what is rejected."""

from __future__ import annotations

import threading

import msgspec
import pytest
import structlog
from confluent_kafka import TopicPartition

from historian.settings import HistorianSettings
from historian.sink import InfluxSink
from historian.work import HistorianWork
from racktwin import commands, messages
from racktwin.health import Health
from racktwin.process import Context

READINGS = "racktwin.readings.berlin"


class Stage:
    def __init__(self, fakes, batch_lines=100):
        self.now = 0.0
        self.positions = {}
        self.influx = fakes.Influx()
        self.consumer = fakes.Consumer()
        self.producer = fakes.Producer()
        self.health = Health()
        context = Context(
            "historian", structlog.get_logger(), self.health, threading.Event(), clock=lambda: 1767225600500
        )
        self.health.set_ready(True)
        self.work = HistorianWork(
            context,
            consumer=self.consumer,
            producer=self.producer,
            sink=InfluxSink(HistorianSettings(), client=self.influx),
            batch_lines=batch_lines,
            linger_s=0.2,
            retry_max_s=2.0,
            monotonic=lambda: self.now,
        )

    def committed(self):
        self.positions.update({(p.topic, p.partition): p.offset for p in self.work.settle()})
        return self.positions

    def stored(self, bucket="berlin"):
        return len(self.influx.buckets.get(bucket, {}))

    def rejects(self):
        return [messages.decode_reject(value) for topic, _, value in self.producer.sent if "rejects" in topic]


@pytest.fixture
def stage(fakes):
    return Stage(fakes)


@pytest.fixture(scope="session")
def record(fakes):
    def make(offset, topic=READINGS, partition=0, **values):
        return fakes.Message(topic, partition, offset, reading(offset, values), b"racktwin.berlin:rack-r01-01")

    return make


def reading(offset, values):
    return messages.encode(
        messages.Reading(
            thing="racktwin.berlin:rack-r01-01",
            feature="environment.top",
            observed_at=1767225600000 + offset,
            received_at=1767225600000,
            values=values or {"temperature": 20.0},
            quality="good",
            device="racktwin.berlin:rack-r01-01",
            kind="rack",
            v=1,
        )
    )


def test_lines_wait_for_others_and_then_go(stage, record):
    stage.work.handle([record(0)])
    stage.work.tick()
    assert stage.stored() == 0
    stage.now = 0.25
    stage.work.tick()
    assert stage.stored() == 1


def test_a_full_buffer_is_written_at_once(fakes, record):
    stage = Stage(fakes, batch_lines=3)
    stage.work.handle([record(n) for n in range(3)])
    assert stage.stored() == 3


def test_committed_only_what_is_written(stage, record):
    stage.work.handle([record(n) for n in range(5)])
    assert stage.committed() == {(READINGS, 0): 5}
    stage.influx.down = ConnectionRefusedError()
    stage.work.handle([record(n) for n in range(5, 8)])
    assert stage.committed() == {(READINGS, 0): 5}
    assert stage.consumer.paused
    assert not stage.health.ready()[0]
    assert "influxdb" in stage.health.ready()[1]
    stage.influx.down = None
    stage.now = 1.0
    stage.work.tick()
    assert not stage.consumer.paused
    assert stage.health.ready()[0]
    assert stage.committed() == {(READINGS, 0): 8}
    assert stage.stored() == 8


def test_attempts_while_influxdb_is_away_grow_apart_but_never_end(fakes, stage, record):
    stage.work.handle([record(0)])
    stage.committed()
    stage.influx.down = fakes.answer(503, "starting")
    stage.work.handle([record(1)])
    before = stage.influx.requests
    for _ in range(6000):
        stage.now += 0.05
        stage.work.tick()
    assert 140 <= stage.influx.requests - before <= 170


def test_a_record_influxdb_never_takes_is_rejected_and_the_others_written(stage, record):
    stage.work.handle([record(0), record(1, poison=1.0), record(2)])
    assert stage.committed() == {(READINGS, 0): 3}
    assert stage.stored() == 2
    (reject,) = stage.rejects()
    assert (reject.reason, reject.topic, reject.offset) == ("field_type_conflict", READINGS, 1)
    assert "field type conflict" in reject.detail


def test_a_record_that_is_none_is_rejected(fakes, stage, record):
    stage.work.handle(
        [fakes.Message(READINGS, 1, 4, b'{"v":1'), fakes.Message(READINGS, 1, 5, b"\xff\xfe"), record(6, partition=1)]
    )
    assert stage.committed() == {(READINGS, 1): 7}
    assert [reject.reason for reject in stage.rejects()] == ["malformed_json"] * 2
    assert [reject.payload_encoding for reject in stage.rejects()] == ["utf8", "base64"]


def test_each_site_has_its_bucket(stage, record):
    stage.work.handle([record(0), record(0, topic="racktwin.readings.oslo")])
    stage.committed()
    assert stage.stored("berlin") == stage.stored("oslo") == 1


def test_what_happened_is_kept_apart_and_a_refusal_still_names_the_site(stage, fakes, record):
    alert = messages.Reading(
        thing="racktwin.berlin:rack-r01-01", feature="alert.inlet-rate", observed_at=1767225600000,
        received_at=1767225600000, values={"firing": 1.0, "text": "too fast"}, quality="good", device="x", kind="rack",
        v=1,
    )  # fmt: skip
    spoilt = msgspec.structs.replace(alert, values={"poison": 1.0}, observed_at=1767225600001)
    command = commands.Audit(
        id="c1", event="accepted", at=1767225600000, thing="racktwin.berlin:cooling-c1", origin="console", who="op",
        kind="cooling", values={"setpoint": 19.0}, v=1,
    )  # fmt: skip
    tried = msgspec.structs.replace(
        alert, thing="racktwin.berlin:server-s1", kind="server", feature="experiment", values={"annotation": "50 %"}
    )
    stage.work.handle(
        [
            record(0),
            fakes.Message(READINGS, 0, 1, messages.encode(alert)),
            fakes.Message("racktwin.audit.berlin", 0, 0, messages.encode(command)),
            fakes.Message(READINGS, 0, 2, messages.encode(spoilt)),
            fakes.Message(READINGS, 0, 3, messages.encode(tried)),
        ]
    )
    stage.committed()
    assert (stage.stored("berlin"), stage.stored("berlin_log")) == (1, 3)
    assert [(reject.reason, reject.offset) for reject in stage.rejects()] == [("field_type_conflict", 2)]
    assert {topic for topic, _, _ in stage.producer.sent if "rejects" in topic} == {"racktwin.rejects.berlin"}


def test_what_is_unwritten_of_a_lost_partition_is_another_s(stage, record):
    stage.influx.down = ConnectionRefusedError()
    stage.work.handle([record(0), record(0, partition=1)])
    stage.committed()
    stage.work.revoked([TopicPartition(READINGS, 0)])
    stage.influx.down = None
    stage.now = 5.0
    assert stage.committed() == {(READINGS, 0): 0, (READINGS, 1): 1}
    assert stage.stored() == 1


def test_writing_again_changes_nothing(stage, record):
    for _ in range(2):
        stage.work.handle([record(n) for n in range(3)])
        stage.committed()
    assert stage.stored() == 3


def test_a_quiet_topic_commits_nothing(stage, record):
    stage.work.handle([record(0)])
    assert stage.work.settle()
    assert stage.work.settle() == []
