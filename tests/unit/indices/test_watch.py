"""What processes that follow rooms have in common: rooms from twins, readings in, results out."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import structlog
from confluent_kafka import OFFSET_END, TopicPartition
from tests.unit.indices.test_look import RACKS, ROOM, UNIT, reading

from physics.layout import Layout
from physics.live import Book
from physics.watch import Result, Watcher
from racktwin import messages
from racktwin.ditto_client import DittoError
from racktwin.health import Health
from racktwin.process import Context


class Producer:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str | None, bytes]] = []

    def produce(self, topic: str, key: str | None, value: bytes, headers: Any = None) -> None:
        self.sent.append((topic, key, value))

    def poll(self, timeout_s: float = 0.0) -> None:
        pass

    def check(self) -> None:
        pass

    def flush(self, timeout_s: float) -> int:
        return 0


class Ditto:
    def __init__(self, things: list[dict[str, Any]]) -> None:
        self.things: list[dict[str, Any]] | None = things
        self.asked = 0

    def search(self, *, namespaces: str, fields: str) -> list[dict[str, Any]]:
        self.asked += 1
        if self.things is None:
            raise DittoError(0, "unreachable", "gone")
        return self.things


class Looker:
    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []

    def rooms(self, site: str, layouts: dict[str, Layout], things: list[dict[str, Any]]) -> None:
        pass

    def look(self, site: str, layout: Layout, book: Book, now_ms: int) -> list[Result]:
        self.seen.append((layout.room, book.value(RACKS[0], "power", "power", now_ms)))
        return [Result(ROOM, "indices", {"n": 4, "rti": None, "note": {"a": 1}}, now_ms, room="h")]


class Message:
    def __init__(self, payload: bytes | None) -> None:
        self._payload = payload

    def topic(self) -> str:
        return "racktwin.readings.t"

    def value(self) -> bytes | None:
        return self._payload


def things() -> list[dict[str, Any]]:
    return [
        {"thingId": ROOM, "attributes": {"width": 8, "depth": 6, "height": 3}},
        {"thingId": RACKS[0], "attributes": {"location": "h", "position": {"x": 2, "y": 3}}},
        {
            "thingId": UNIT,
            "attributes": {"location": "h", "position": {"x": 0, "y": 3}, "capacity": 2e4, "ratedAirflow": 1.5},
        },
        {"thingId": "racktwin.t:room-bare", "attributes": {"width": 8, "depth": 6, "height": 3}},
    ]


class Setting:
    def __init__(self) -> None:
        self.now = 1_795_000_000_500
        self.producer, self.ditto, self.looker = Producer(), Ditto(things()), Looker()
        context = Context("test", structlog.stdlib.get_logger(), Health(), threading.Event(), lambda: self.now)
        self.health = context.health
        self.watcher = Watcher(context, self.producer, self.ditto, self.looker, every_s=60.0)  # type: ignore[arg-type]

    def tell(self) -> None:
        payload = messages.encode(reading(RACKS[0], "power", at=self.now, power=5000.0))
        self.watcher.handle([Message(payload), Message(b"{"), Message(None)])  # type: ignore[list-item]

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * 1000)
        self.watcher.tick()


def test_a_room_is_looked_at_on_the_intervals_grid() -> None:
    setting = Setting()
    setting.tell()
    setting.watcher.tick()
    assert setting.looker.seen == []
    setting.pass_time(30.0)
    setting.tell()
    setting.pass_time(30.0)
    assert setting.looker.seen == [("h", 5000.0)]
    setting.pass_time(1.0)
    assert len(setting.looker.seen) == 1


def test_results_go_to_the_twin_and_numbers_into_history() -> None:
    setting = Setting()
    setting.tell()
    setting.watcher.tick()
    setting.pass_time(60.0)
    (twin_topic, key, merge), (readings_topic, _key, stored) = setting.producer.sent
    assert (twin_topic, key, readings_topic) == ("racktwin.twin.t", ROOM, "racktwin.readings.t")
    properties = msgspec.json.decode(merge)["value"]["indices"]["properties"]
    assert properties == {"n": 4, "rti": None, "note": {"a": 1}, "quality": "good", "observedAt": setting.now}
    record = messages.decode_reading(stored)
    assert (record.feature, record.kind, record.room, record.values) == ("indices", "room", "h", {"n": 4.0})


def test_rooms_are_read_anew_and_stay_when_ditto_is_away() -> None:
    setting = Setting()
    setting.tell()
    setting.watcher.tick()
    setting.ditto.things = None
    setting.pass_time(60.0)
    assert setting.ditto.asked == 2
    assert setting.looker.seen
    assert "ditto" in setting.health.ready()[1]
    setting.ditto.things = things()
    setting.pass_time(60.0)
    assert "ditto" not in setting.health.ready()[1]


def test_only_the_present_counts() -> None:
    setting = Setting()
    partitions = [TopicPartition("racktwin.readings.t", 0, 5)]
    setting.watcher.assigned(partitions)
    assert partitions[0].offset == OFFSET_END
    assert setting.watcher.settle() is None


def test_what_is_for_history_alone_is_on_no_twin() -> None:
    setting = Setting()
    one = Result(RACKS[0], "expectation", {"top900": 23.5}, setting.now, room="h", on_twin=False)
    setting.looker.look = lambda *_: [one]  # type: ignore[method-assign]
    setting.tell()
    setting.watcher.tick()
    setting.pass_time(60.0)
    ((topic, key, payload),) = setting.producer.sent
    assert (topic, key) == ("racktwin.readings.t", RACKS[0])
    assert messages.decode_reading(payload).values == {"top900": 23.5}
