"""What processes that follow rooms live have in common: rooms from twins, newest readings from Kafka, results out.

A :class:`Watcher` is the work of :func:`racktwin.kafka.run_batches`. It begins at the end of the readings, as only the
present counts; a room is looked at every so often by the process's :class:`Looker`, whose results go to the twin topic
and, as readings, to the readings topic, from which the historian stores them. Next: :mod:`indices`, :mod:`fidelity`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
from confluent_kafka import OFFSET_END, Message, TopicPartition

from physics import sources
from physics.layout import Layout
from physics.live import Book
from racktwin import messages, names
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.ditto_protocol import merge_features
from racktwin.kafka import SafeProducer
from racktwin.messages import Reading
from racktwin.names import ThingId
from racktwin.process import Context

_FIELDS: Final = "thingId,attributes"
_KINDS: Final = ("room", "rack", "cooling")
_FLUSH_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """A computed feature of a thing. ``values`` without value (None) are taken off the twin; ``stored`` ones that are
    numbers or texts go into history too."""

    thing: str
    feature: str
    values: dict[str, Any]
    observed_at: int
    quality: str = "good"
    room: str | None = None
    row: str | None = None
    twin_only: frozenset[str] = field(default_factory=frozenset)
    # False for what goes into history alone, and to who reads along.
    on_twin: bool = True
    # False for values that stand beside a device's own on one feature, whose quality and time are the device's.
    stamped: bool = True


class Looker(Protocol):
    """What a process makes of a room."""

    def look(self, site: str, layout: Layout, book: Book, now_ms: int) -> list[Result]:
        """Results of a room now; an empty list while there is nothing to say."""

    def rooms(self, site: str, layouts: dict[str, Layout], things: list[dict[str, Any]]) -> None:
        """The rooms of a site were read anew, from these twins."""


class Watcher:
    """The work of a process that follows rooms. Called from one thread."""

    def __init__(
        self,
        context: Context,
        producer: SafeProducer,
        ditto: DittoClient,
        looker: Looker,
        *,
        every_s: float,
        refresh_s: float = 60.0,
        fields: str = _FIELDS,
        sites: list[str] | None = None,
        looked: Callable[[str, str, int], None] = lambda site, room, results: None,
    ) -> None:
        """``looked`` is told site, room and number of results, for metrics."""
        self._context, self._producer, self._ditto, self._looker = context, producer, ditto, looker
        self._every_ms, self._refresh_ms = int(every_s * 1000), int(refresh_s * 1000)
        self._fields, self._looked = fields, looked
        self._books: dict[str, Book] = {site: Book() for site in sites or ()}
        self._layouts: dict[str, dict[str, Layout]] = {}
        self._refused: dict[str, dict[str, str]] = {}
        self._read_at: dict[str, int] = {}
        self._due: dict[tuple[str, str], int] = {}

    # --- BatchWork ---

    def handle(self, batch: list[Message]) -> None:
        """Take readings into the book of their site."""
        for record in batch:
            topic, payload = record.topic(), record.value()
            if topic is None or payload is None:
                continue
            site = topic.rpartition(".")[2]
            try:
                reading = messages.decode_reading(payload)
            except msgspec.DecodeError:
                # Whoever wrote it is told by others; here it says nothing.
                continue
            self._books.setdefault(site, Book()).add(reading)

    def tick(self) -> None:
        """Read rooms anew when that is due; look at each room that is due."""
        now = self._context.clock()
        for site in list(self._books):
            if now - self._read_at.get(site, -self._refresh_ms) >= self._refresh_ms:
                self._refresh(site, now)
            for room, layout in self._layouts.get(site, {}).items():
                # A room's time is a multiple of the interval, so that results of several rooms stand together.
                due = self._due.setdefault((site, room), (now // self._every_ms + 1) * self._every_ms)
                if now >= due:
                    self._due[site, room] = (now // self._every_ms + 1) * self._every_ms
                    self._look(site, room, layout, now)
        self._producer.poll(0)
        self._producer.check()

    def settle(self) -> list[TopicPartition] | None:
        """Wait for what was sent; nothing is owed for the readings themselves."""
        self._producer.flush(_FLUSH_S)
        return None

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """Begin at the end: a reading of the past would be too old."""
        for partition in partitions:
            partition.offset = OFFSET_END

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Nothing is kept per partition."""

    # --- the inside ---

    def _refresh(self, site: str, now: int) -> None:
        self._read_at[site] = now
        try:
            found = self._ditto.search(namespaces=names.namespace(site), fields=self._fields)
            things = [thing for thing in found if _kind(thing) in _KINDS]
        except DittoError as error:
            self._context.health.set_ready(False, str(error), part="ditto")
            self._context.log.warning("rooms not read, going on with those known", site=site, reason=str(error))
            return
        self._context.health.set_ready(True, part="ditto")
        layouts, refused = sources.rooms_of_twins(things)
        for room, reason in refused.items():
            if self._refused.get(site, {}).get(room) != reason:
                self._context.log.warning("room left out", site=site, room=room, reason=reason)
        self._layouts[site], self._refused[site] = layouts, refused
        self._books[site].forget(now)
        self._looker.rooms(site, layouts, things)

    def _look(self, site: str, room: str, layout: Layout, now: int) -> None:
        self._context.health.heartbeat("look", 300.0)
        results = self._looker.look(site, layout, self._books[site], now)
        for result in results:
            self._send(site, result)
        self._looked(site, room, len(results))

    def _send(self, site: str, result: Result) -> None:
        stamp = {"quality": result.quality, "observedAt": result.observed_at} if result.stamped else {}
        properties = {**result.values, **stamp}
        if result.on_twin:
            self._producer.produce(
                names.own_topic("twin", site),
                result.thing,
                merge_features(result.thing, {result.feature: properties}, str(uuid.uuid4())),
            )
        stored = {
            name: value
            for name, value in result.values.items()
            if name not in result.twin_only and isinstance(value, int | float | str)
        }
        if not stored:
            return
        reading = Reading(
            thing=result.thing,
            feature=result.feature,
            observed_at=result.observed_at,
            received_at=self._context.clock(),
            values={name: value if isinstance(value, str) else float(value) for name, value in stored.items()},
            quality="estimated" if result.quality == "estimated" else "good",
            device=result.thing,
            kind=ThingId.parse(result.thing).kind,
            room=result.room,
            row=result.row,
            v=1,
        )
        self._producer.produce(names.own_topic("readings", site), result.thing, messages.encode(reading))


def _kind(thing: dict[str, Any]) -> str:
    try:
        return ThingId.parse(str(thing.get("thingId"))).kind
    except ValueError:
        return ""
