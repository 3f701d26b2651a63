"""Messages that are wrong: poison, two copies of everything, a device whose clock is an hour off."""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from tests.faults.stage import Fault, Stage
from tests.faults.stream import FEATURE, junk, now_ms, pack
from tests.kafka_clients import producer

from bench import pipeline_site
from bench.pipeline_site import SITE
from racktwin import names, senml
from racktwin.ditto_client import DittoClient
from racktwin.settings import DittoSettings

_HOUR_MS = 3_600_000
_CLOCK = pipeline_site.rack_id(5)


def _produce(stage: Stage, topic: str, thing: str, payloads: list[bytes], content_type: str) -> None:
    sender = producer(stage.endpoints["kafka_bootstrap"])
    for payload in payloads:
        headers: list[tuple[str, str | bytes | None]] = [
            ("content-type", content_type.encode()),
            ("device_id", thing.encode()),
            ("creation-time", str(now_ms()).encode()),
        ]
        sender.produce(topic, value=payload, key=thing, headers=headers)
    if sender.flush(60):
        raise AssertionError("Kafka did not take the messages")


def _rejects(stage: Stage) -> list[dict[str, Any]]:
    """Everything on the rejects topic."""
    topic = names.own_topic("rejects", SITE)
    consumer = Consumer({"bootstrap.servers": stage.endpoints["kafka_bootstrap"], "group.id": "faults-look"})
    try:
        parts = [TopicPartition(topic, n, 0) for n in consumer.list_topics(topic, timeout=10).topics[topic].partitions]
        wanted = sum(consumer.get_watermark_offsets(part, timeout=10)[1] for part in parts)
        consumer.assign(parts)
        found: list[dict[str, Any]] = []
        while len(found) < wanted:
            records = consumer.consume(500, 2.0)
            if not records:
                break
            found += [json.loads(record.value() or b"{}") for record in records if record.error() is None]
        return found
    finally:
        consumer.close()


def _poison(stage: Stage) -> None:
    thing = pipeline_site.rack_id(4)
    before = len(_rejects(stage))
    bad = [b"{", b"", junk(2000), b"[" * 5000, b'[{"n":"a","v":1e999}]', b'{"temperature":"hot","sensor":"top"}']
    bad += [b'{"temperature":1e6,"sensor":"top"}', b'{"nonsense":1}', b'{"temperature":20,"sensor":"' + b"x" * 90_000]
    _produce(stage, names.hono_topic("telemetry", SITE), thing, bad, "application/json")
    # Poison on our own topic: what only a defect of ours could put there.
    _produce(stage, names.own_topic("readings", SITE), thing, [b"{", junk(100), b"{}", b"null"], "application/json")
    wanted = len(bad) + 4
    stage.until(lambda: len(_rejects(stage)) - before >= wanted, 60, f"{wanted} poisonous messages among the rejects")


def _copies(stage: Stage) -> None:
    for stream in stage.streams:
        stream.copies = 2
    stage.run_for(15)
    for stream in stage.streams:
        stream.copies = 1


def _clock(stage: Stage) -> None:
    topic = names.hono_topic("telemetry", SITE)
    at = now_ms()
    before = len([each for each in _rejects(stage) if each["reason"] == "time_in_future"])
    _produce(stage, topic, _CLOCK, [pack(_CLOCK, 1, at)], senml.CONTENT_TYPE)
    slow = [pack(_CLOCK, 100 + n, at - _HOUR_MS + n) for n in range(20)]
    fast = [pack(_CLOCK, 200 + n, at + _HOUR_MS + n) for n in range(20)]
    _produce(stage, topic, _CLOCK, slow + fast, senml.CONTENT_TYPE)
    # Behind: history, with the device's time, and the twin stays. Ahead: refused by name.
    stage.until(
        lambda: (
            {number for number in stage.stored(_CLOCK, at - 2 * _HOUR_MS) if 100 <= number < 120}
            == set(range(100, 120))
        ),
        60,
        "late readings in InfluxDB",
    )
    stage.until(
        lambda: len([each for each in _rejects(stage) if each["reason"] == "time_in_future"]) - before >= 20,
        60,
        "readings from the future among the rejects",
    )
    ditto = DittoClient(DittoSettings(ditto_url=stage.endpoints["ditto_url"], ditto_subject=names.VIEWER_SUBJECT))
    thing = ditto.get_thing(_CLOCK) or {}
    shown = thing["features"][FEATURE]["properties"]["observedAt"]
    if shown != at:
        raise AssertionError(
            f"the twin of the device with the wrong clock shows {shown - at} ms beside its newest value"
        )


FAULTS = [
    Fault("poisonous messages", _poison),
    Fault("two copies of every message", _copies),
    Fault("a device's clock an hour off, both ways", _clock),
]
