"""The whole of ingest but for Kafka: what is written, what waits, what is committed."""

from __future__ import annotations

import threading

import pytest
import structlog
from confluent_kafka import TopicPartition
from prometheus_client import REGISTRY

from ingest.cleaning import Cleaner
from ingest.coalesce import Coalescer
from ingest.fleet import WAITING, Silent
from ingest.twins import Twins
from ingest.work import IngestWork
from racktwin.health import Health
from racktwin.process import Context

TELEMETRY = "hono.telemetry.berlin"


class Known:
    """A fleet that answers when the test says so."""

    def __init__(self, things):
        self.things = things
        self.asked = set()
        self.problem = None
        self.answers = 0
        self.refreshed = 0
        self.paces = {}
        self.quiet = []

    def get(self, thing):
        return WAITING if thing in self.asked else self.things.get(thing)

    def refresh_soon(self):
        self.answers += 1
        self.refreshed += 1

    def silent(self):
        found, self.quiet = self.quiet, []
        return found

    def knows(self, thing):
        return thing in self.things

    def answer(self):
        self.asked.clear()
        self.answers += 1


@pytest.fixture
def stage(kit):
    class Stage:
        def __init__(self):
            self.now = kit.NOW
            self.positions = {}
            self.fleet = Known(kit.fleet())
            self.producer = kit.Producer()
            self.consumer = kit.Consumer()
            self.health = Health()
            self.health.set_ready(True)
            self.stop = threading.Event()
            self.held = {}
            self.twins = Twins(
                lambda: Coalescer(lambda feature: 1000, linger_ms=0, known=lambda thing: self.held.get(thing, {}))
            )
            context = Context("ingest", structlog.get_logger(), self.health, self.stop, clock=lambda: self.now)
            self.work = IngestWork(
                context,
                consumer=self.consumer,
                producer=self.producer,
                fleet=self.fleet,
                cleaner=Cleaner(self.fleet.get),
                twins=self.twins,
                waiting_bytes=1000,
            )
            self.offset = 0

        def send(self, *payloads, **headers):
            batch = []
            for payload in payloads:
                batch.append(kit.Message(payload, offset=self.offset, **headers))
                self.offset += 1
            self.work.handle(batch)
            self.work.tick()

        def on(self, what):
            return [value for topic, _, value in self.producer.sent if topic == f"racktwin.{what}.berlin"]

        def committed(self):
            self.positions.update({(p.topic, p.partition): p.offset for p in self.work.settle()})
            return self.positions

    return Stage()


def test_a_reading_goes_to_history_and_to_the_twin(kit, stage):
    stage.send({"temperature": 24.0, "humidity": 50.0, "sensor": "top", "seq": 1})
    (reading,) = stage.on("readings")
    assert reading["values"]["temperature"] == 24.0
    assert reading["seq"] == 1
    (merge,) = stage.on("twin")
    assert merge["topic"] == "racktwin.berlin/rack-r01-01/things/twin/commands/merge"
    assert merge["value"]["environment.top"]["properties"] == {
        **reading["values"],
        "quality": "good",
        "observedAt": kit.NOW,
    }
    assert {key for topic, key, _ in stage.producer.sent} == {kit.RACK}
    assert stage.committed() == {(TELEMETRY, 0): 1}


def test_full_rate_to_history_and_one_merge_per_interval_to_the_twin(kit, stage):
    for tick in range(20):
        stage.now = kit.NOW + tick * 100
        stage.send({"deltaT": float(tick), "time": stage.now}, creation_time=str(stage.now))
    assert len(stage.on("readings")) == 20
    assert len(stage.on("twin")) <= 3


def test_a_pending_merge_holds_its_offset_back_until_it_is_sent(kit, stage):
    stage.send({"deltaT": 1.0, "time": kit.NOW})
    stage.send({"deltaT": 2.0, "time": kit.NOW + 1})
    assert stage.committed() == {(TELEMETRY, 0): 1}
    stage.now += 1000
    stage.work.tick()
    assert stage.committed() == {(TELEMETRY, 0): 2}
    assert len(stage.on("twin")) == 2


def test_a_graceful_stop_leaves_nothing_pending(kit, stage):
    stage.send({"deltaT": 1.0, "time": kit.NOW}, {"deltaT": 2.0, "time": kit.NOW + 1})
    stage.send({"deltaT": 3.0, "time": kit.NOW + 2})
    stage.stop.set()
    assert stage.committed() == {(TELEMETRY, 0): 3}
    assert stage.on("twin")[-1]["value"]["cooling"]["properties"]["deltaT"] == 3.0


def test_rejects_name_where_they_came_from(kit, stage):
    stage.send(b'{"temperature": ', {"deltaT": 5.0}, b"\xff\xfe\x00")
    first, second = stage.on("rejects")
    assert (first["reason"], first["topic"], first["partition"], first["offset"]) == ("malformed_json", TELEMETRY, 0, 0)
    assert (first["device"], first["key"], first["payload"]) == (kit.RACK, kit.RACK, '{"temperature": ')
    assert first["headers"]["content-type"] == "application/json"
    assert (second["payloadEncoding"], second["offset"]) == ("base64", 2)
    assert len(stage.on("readings")) == 1
    assert stage.committed() == {(TELEMETRY, 0): 3}


def test_a_pack_with_one_bad_record_is_rejected_by_that_record_alone(kit, stage):
    good = {"n": "power/power", "v": 1.0}
    stage.send([good, {"n": "power/energy", "v": -5.0}], content_type="application/senml+json")
    (reject,) = stage.on("rejects")
    assert "energy" in reject["payload"]
    assert "power/power" not in reject["payload"]
    assert reject["headers"]["content-type"] == "application/senml+json"
    assert stage.on("readings")[0]["values"] == {"power": 1.0}


def test_connection_events_are_no_telemetry(stage):
    stage.send(None, content_type="application/vnd.eclipse-hono-empty-notification", topic="hono.event.berlin")
    assert stage.producer.sent == []
    assert stage.committed() == {("hono.event.berlin", 0): 1}


def test_an_event_with_readings_is_as_good(stage):
    stage.send({"deltaT": 5.0}, topic="hono.event.berlin")
    assert len(stage.on("readings")) == 1


def test_an_older_hono_drops_the_content_type_but_not_the_property_bag(stage):
    stage.send(
        [{"n": "power/power", "v": 1.0}],
        content_type="application/octet-stream",
        orig_address="telemetry/?content-type=application%2Fsenml%2Bjson",
    )
    stage.send({"temperature": 20.0}, content_type="application/octet-stream", orig_address="t/berlin/dev/top")
    assert [reading["feature"] for reading in stage.on("readings")] == ["power", "environment.top"]


def test_unknown_things_wait_while_ditto_cannot_be_asked_and_known_ones_go_on(kit, stage):
    stage.fleet.asked.add(kit.OTHER)
    stage.fleet.problem = "Ditto unreachable"
    records = [{"n": f"{thing}/power/power", "v": 1.0} for thing in (kit.RACK, kit.OTHER)]
    stage.send(records, {"deltaT": 1.0}, device=kit.GATEWAY)
    stage.send({"deltaT": 1.0})
    assert {reading["thing"] for reading in stage.on("readings")} == {kit.RACK}
    assert "Ditto unreachable" in stage.health.ready()[1]["ditto"]
    assert stage.committed() == {(TELEMETRY, 0): 0}
    stage.fleet.problem = None
    stage.fleet.answer()
    stage.work.tick()
    assert {reading["thing"] for reading in stage.on("readings")} == {kit.RACK, kit.OTHER}
    assert stage.health.ready()[0]
    stage.now += 2000
    stage.work.tick()
    assert stage.committed() == {(TELEMETRY, 0): 3}


def test_order_per_thing_is_kept_through_waiting(kit, stage):
    stage.fleet.asked.add(kit.RACK)
    stage.send({"deltaT": 1.0, "time": kit.NOW})
    stage.fleet.answer()
    stage.send({"deltaT": 2.0, "time": kit.NOW + 1})
    assert [reading["values"]["deltaT"] for reading in stage.on("readings")] == [1.0, 2.0]


def test_a_full_waiting_room_stops_consuming_until_it_empties(kit, stage):
    stage.fleet.asked.add(kit.RACK)
    for n in range(60):
        stage.send({"deltaT": 1.0, "time": kit.NOW + n})
    assert stage.consumer.paused
    stage.fleet.answer()
    stage.work.tick()
    assert not stage.consumer.paused
    assert len(stage.on("readings")) == 60


def test_what_a_lost_partition_left_unfinished_is_dropped_and_taken_anew(kit, stage):
    stage.send({"deltaT": 1.0, "time": kit.NOW})
    stage.send({"deltaT": 2.0, "time": kit.NOW + 1})
    stage.work.revoked([TopicPartition(TELEMETRY, 0)])
    assert stage.work.settle() == []
    stage.now += 5000
    stage.work.tick()
    assert len(stage.on("twin")) == 1
    stage.offset = 1
    stage.send({"deltaT": 2.0, "time": kit.NOW + 1}, creation_time=str(stage.now))
    assert stage.on("twin")[-1]["value"]["cooling"]["properties"]["deltaT"] == 2.0


def test_a_message_twice_makes_one_reading(kit, stage):
    message = {"deltaT": 1.0, "time": kit.NOW, "seq": 1}
    stage.send(message, message)
    assert len(stage.on("readings")) == 1
    assert stage.on("rejects") == []


def test_a_huge_payload_still_fits_the_rejects_topic(stage):
    stage.send(b'{"x":"' + b"y" * 900_000)
    (reject,) = stage.on("rejects")
    assert len(reject["payload"]) <= 512 * 1024
    assert "cut" in reject["detail"]


def test_a_late_reading_right_after_a_restart_is_history_only(kit, stage):
    stage.held[kit.RACK] = {"cooling": kit.NOW}
    stage.send({"deltaT": 1.0, "time": kit.NOW - 1})
    assert len(stage.on("readings")) == 1
    assert stage.on("twin") == []
    stage.send({"deltaT": 2.0, "time": kit.NOW + 1})
    assert stage.on("twin")[0]["value"]["cooling"]["properties"]["deltaT"] == 2.0


def test_silence_makes_stale_and_the_next_reading_good(kit, stage):
    for second in range(3):
        stage.now = kit.NOW + second * 1000
        stage.send({"deltaT": 1.0, "time": stage.now}, creation_time=str(stage.now))
    for _ in range(10):
        stage.now += 1000
        stage.work.tick()
    stage.send({"deltaT": 2.0, "time": stage.now}, creation_time=str(stage.now))
    qualities = [merge["value"]["cooling"]["properties"]["quality"] for merge in stage.on("twin")]
    assert qualities == ["good", "good", "good", "stale", "good"]


def test_what_fell_silent_while_nobody_listened_is_told_by_its_twin(kit, stage):
    quiet = [Silent(kit.RACK, "berlin", feature, kit.NOW - 600_000) for feature in ("environment.top", "power")]
    stage.work.assigned([TopicPartition(TELEMETRY, 0)])
    stage.fleet.quiet = list(quiet)
    stage.send({"temperature": 20.0, "sensor": "top", "time": kit.NOW})
    # What was loaded before we listened says nothing: what we would have heard may be in the backlog.
    assert [list(merge["value"]) for merge in stage.on("twin")] == [["environment.top"]]
    stage.now += 120_000
    stage.work.tick()
    assert stage.fleet.refreshed == 1
    stage.fleet.quiet = list(quiet)
    stage.send({"temperature": 21.0, "sensor": "top", "time": stage.now})
    # The thing has just had a merge.
    stage.now += 1000
    stage.work.tick()
    stale = [merge["value"]["power"]["properties"] for merge in stage.on("twin") if "power" in merge["value"]]
    assert stale == [{"quality": "stale", "observedAt": kit.NOW - 600_000}]
    stage.send({"power": 4000, "time": stage.now})
    stage.now += 2000
    stage.work.tick()
    assert stage.on("twin")[-1]["value"]["power"]["properties"]["quality"] == "good"


def test_losses_are_counted_by_site_and_class_of_device(kit, stage):
    def count(name):
        return REGISTRY.get_sample_value(name, {"site": "berlin", "kind": "rack"}) or 0

    names = ["gaps_total", "late_total", "repeated_total"]
    before = [count(f"racktwin_ingest_sequence_{name}") for name in names]
    duplicates = count("racktwin_ingest_duplicates_total")
    for seq in (1, 2, 5, 3, 5):
        stage.send({"deltaT": 1.0, "time": kit.NOW + seq, "seq": seq})
    stage.work.settle()
    assert [count(f"racktwin_ingest_sequence_{name}") - was for name, was in zip(names, before, strict=True)] == [
        1,
        1,
        1,
    ]
    assert count("racktwin_ingest_sequence_missing") == 1
    assert count("racktwin_ingest_duplicates_total") - duplicates == 1
