"""Streams of numbered readings that run while things break: over MQTT as a device sends them, and straight on Kafka as
Hono does. Each remembers what was acknowledged: that, and nothing less, must be in InfluxDB afterwards.

A number belongs to one time, so "exactly once" can be told from what InfluxDB holds. A device keeps a reading until it
is acknowledged and sends it again after a reconnect, as devices do.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from abc import ABC, abstractmethod
from typing import Any

import msgspec
import paho.mqtt.client as paho
from confluent_kafka import KafkaError, Message
from paho.mqtt.enums import CallbackAPIVersion
from tests.kafka_clients import producer

from bench.pipeline_site import MQTT_GATEWAY, SITE
from racktwin import names, senml

FEATURE = "environment.top"
_RESEND_S = 4.0


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def pack(thing: str, number: int, at_ms: int, **more: Any) -> bytes:
    """One reading of the stream."""
    records = [
        {"bn": f"{thing}/", "bt": at_ms / 1000, "n": "seq", "v": number},
        {"n": f"{FEATURE}/temperature", "u": "Cel", "v": 20 + number % 90 / 10},
        {"n": f"{FEATURE}/relativeHumidity", "u": "%RH", "v": 40 + number % 20},
    ]
    return msgspec.json.encode([*records, *more.get("records", [])])


class Stream(threading.Thread, ABC):
    """Numbers and their times; `acknowledged` is what the transport took over."""

    def __init__(self, thing: str, per_s: float) -> None:
        super().__init__(name=f"stream-{thing}", daemon=True)
        self.thing = thing
        self._pause = 1 / per_s
        self.halt = threading.Event()
        self.times: dict[int, int] = {}
        self.acknowledged: dict[int, int] = {}
        # Copies of each message that are sent.
        self.copies = 1
        self.number = 0
        self._at = 0

    def run(self) -> None:
        while not self.halt.wait(self._pause):
            self.number += 1
            # A time of its own for each, in order.
            self._at = max(self._at + 1, now_ms())
            self.times[self.number] = self._at
            for _ in range(self.copies):
                self.publish(self.number, pack(self.thing, self.number, self._at))
        self.finish()

    @abstractmethod
    def publish(self, number: int, payload: bytes) -> None:
        """Hand a message over; its acknowledgement comes later."""

    @abstractmethod
    def finish(self) -> None:
        """Wait for outstanding acknowledgements and disconnect."""

    def newest(self) -> int:
        """Time of the newest acknowledged reading (epoch ms)."""
        return max(self.acknowledged.values(), default=0)


class KafkaStream(Stream):
    """As Hono's adapters write, without them."""

    def __init__(self, thing: str, per_s: float, bootstrap: str) -> None:
        super().__init__(thing, per_s)
        self._producer = producer(
            bootstrap, acks="all", message_timeout_ms=0, reconnect_backoff_max_ms=1000, log_level=0
        )

    def publish(self, number: int, payload: bytes) -> None:
        at = self.times[number]

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is None:
                self.acknowledged[number] = at

        self._producer.produce(
            names.hono_topic("telemetry", SITE),
            value=payload,
            key=self.thing,
            headers=[
                ("content-type", senml.CONTENT_TYPE.encode()),
                ("device_id", self.thing.encode()),
                ("creation-time", str(at).encode()),
            ],
            on_delivery=delivered,
        )
        self._producer.poll(0)

    def finish(self) -> None:
        self._producer.flush(60)


class MqttStream(Stream):
    """A gateway at the real MQTT adapter: QoS 1, reconnects, sends again what was not acknowledged."""

    def __init__(self, thing: str, per_s: float, host: str, port: int, login: tuple[str, str]) -> None:
        super().__init__(thing, per_s)
        self._lock = threading.Lock()
        self._flying: dict[int, tuple[int, float]] = {}
        self._again: dict[int, bytes] = {}
        # Acknowledged before we knew which number the message had.
        self._early: set[int] = set()
        self.reconnects = -1
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{MQTT_GATEWAY}-{uuid.uuid4().hex[:6]}", clean_session=True
        )
        self._client.username_pw_set(*login)
        self._client.reconnect_delay_set(1, 4)
        self._client.on_connect = self._connected
        self._client.on_publish = self._published
        self._client.connect_async(host, port)
        self._client.loop_start()

    def publish(self, number: int, payload: bytes) -> None:
        with self._lock:
            self._again[number] = payload
        if self._client.is_connected():
            self._send(number, payload)
        self._repeat()

    def finish(self) -> None:
        deadline = time.monotonic() + 60
        while self._again and time.monotonic() < deadline:
            self._repeat()
            time.sleep(0.1)
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self, number: int, payload: bytes) -> None:
        try:
            # Not under our lock: paho acknowledges under a lock of its own that it also publishes under.
            info = self._client.publish("telemetry", payload, qos=1)
        except (ValueError, RuntimeError):
            return
        with self._lock:
            if info.mid in self._early:
                self._early.discard(info.mid)
                self._done(number)
            else:
                self._flying[info.mid] = (number, time.monotonic())

    def _repeat(self) -> None:
        """Send again what has been on its way for too long."""
        if not self._client.is_connected():
            return
        now = time.monotonic()
        with self._lock:
            flying = dict(self._flying.values())
            # Some at a time: thousands at once would be a fault of their own.
            late = [n for n in self._again if now - flying.get(n, 0.0) > _RESEND_S][:200]
            for mid, (number, _) in list(self._flying.items()):
                if number in late:
                    del self._flying[mid]
            todo = [(number, self._again[number]) for number in late]
        for number, payload in todo:
            self._send(number, payload)

    def _connected(self, *_: Any) -> None:
        self.reconnects += 1

    def _published(self, _client: Any, _data: Any, mid: int, *_: Any) -> None:
        with self._lock:
            if mid in self._flying:
                self._done(self._flying.pop(mid)[0])
            else:
                self._early.add(mid)

    def _done(self, number: int) -> None:
        self._again.pop(number, None)
        self.acknowledged[number] = self.times[number]


def junk(size: int) -> bytes:
    """Bytes that are nothing."""
    return random.Random(size).randbytes(size)
