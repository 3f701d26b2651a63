"""The readings that `bench.models` offers, and the windows that they continue. No clock of its own but for the paced
offer; what a rack reads is a slow wave of its own, so that no two windows are alike.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Final

from confluent_kafka import Producer
from kafka.admin import KafkaAdminClient, NewTopic

from racktwin.messages import Reading, encode
from racktwin.names import own_topic, thing_id

SITE: Final = "bench"
PARTITIONS: Final = 3
_TOPICS: Final = ("readings", "models", "predictions")
_KINDS: Final = ("environment.top", "environment.bottom", "power")


def rack(number: int) -> str:
    """Thing id of a rack."""
    return thing_id(SITE, "rack", f"r{number:05d}")


def make_topics(bootstrap: str, suffix: str = "", *, stamped: bool = False) -> None:
    """The site's topics, empty; `stamped` when records are to bear the time at which the broker appended them."""
    configs = {"message.timestamp.type": "LogAppendTime"} if stamped else {}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        wanted = [own_topic(what, SITE) + suffix for what in _TOPICS]
        there = set(admin.list_topics())
        gone = [topic for topic in wanted if topic in there]
        if gone:
            admin.delete_topics(gone)
            while set(gone) & set(admin.list_topics()):
                time.sleep(0.2)
        admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=configs) for topic in wanted])
    finally:
        admin.close()


def records(number: int, at_ms: int) -> list[tuple[str, bytes]]:
    """The records of one rack at one time: top, bottom, power."""
    wave = math.sin(at_ms / 1_800_000.0 + number)
    values: dict[str, dict[str, Any]] = {
        "environment.top": {"temperature": round(24.0 + wave, 2), "relativeHumidity": 41.0, "dewPoint": 10.1},
        "environment.bottom": {"temperature": round(20.0 + wave / 2, 2), "relativeHumidity": 52.0, "dewPoint": 10.1},
        "power": {"power": round(6000.0 + 900.0 * wave, 0)},
    }
    thing = rack(number)
    return [
        (
            thing,
            encode(
                Reading(
                    v=1, thing=thing, feature=feature, observed_at=at_ms, received_at=at_ms, values=values[feature],
                    quality="good", device=thing_id(SITE, "gateway", "main"), kind="rack", room="hall-a", row="r01",
                    seq=at_ms // 1000,
                )
            ),
        )
        for feature in _KINDS
    ]  # fmt: skip


class Offerer:
    """Writes readings; every record is handed over, or this raises."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "linger.ms": 5, "compression.type": "lz4", "acks": "all",
             "queue.buffering.max.messages": 500_000}
        )  # fmt: skip

    def offer(self, racks: int, at_ms: int) -> int:
        """One round of all racks at one time; how many records."""
        count = 0
        for number in range(racks):
            for key, value in records(number, at_ms):
                self._put(key, value)
                count += 1
        return count

    def windows(self, racks: int, now_ms: int, span_s: int, every_s: int) -> int:
        """The past of all racks, a round every `every_s` seconds; how many records."""
        return sum(self.offer(racks, now_ms - age * 1000) for age in range(span_s, 0, -every_s))

    def paced(self, racks: int, over: threading.Event) -> int:
        """Every rack once a second, spread over each second, observed when it is handed over, until `over` is set; how
        many records."""
        count, began, second = 0, time.time(), 0
        while not over.is_set():
            for number in range(racks):
                due = began + second + number / racks
                if number % 20 == 0 and due > time.time():
                    self._producer.poll(0)
                    time.sleep(max(0.0, due - time.time()))
                for key, value in records(number, int(time.time() * 1000)):
                    self._put(key, value)
                    count += 1
            second += 1
        self.flush()
        return count

    def flush(self) -> None:
        """Wait until all are acknowledged. Raises SystemExit when Kafka did not take them."""
        if self._producer.flush(60):
            raise SystemExit("bench: Kafka did not take the readings within 60 s")

    def _put(self, key: str, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value=value, key=key)
                return
            except BufferError:
                self._producer.poll(0.1)
