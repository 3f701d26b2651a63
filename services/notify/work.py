"""Events from Kafka into lanes, and offsets back when they are delivered.

A lane is a thread with a queue; a twin's events keep to one lane, hence to their order. While too many wait, partitions
are paused and Kafka keeps the rest. Next: `notify.delivery`.
"""

from __future__ import annotations

import queue
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from confluent_kafka import Message, TopicPartition

from notify import metrics
from notify.delivery import Outcome
from notify.events import Filter, cloud_event
from notify.tracker import Partition, Tracker
from racktwin import messages, names
from racktwin.ditto_protocol import decode, parse_topic
from racktwin.messages import Reject
from racktwin.process import Context, Fatal

_LAST_REQUESTS_S: Final = 12.0
_FLUSH_S: Final = 10.0
REASON: Final = "undelivered"


class Sender(Protocol):
    """What a lane sends with."""

    def send(self, identity: str, body: bytes) -> Outcome:
        """See :meth:`notify.delivery.Delivery.send`."""


class Aside(Protocol):
    """Where undelivered events go."""

    def produce(self, topic: str, key: str | None, value: bytes) -> None:
        """See :meth:`racktwin.kafka.SafeProducer.produce`."""

    def flush(self, timeout_s: float) -> int:
        """See :meth:`racktwin.kafka.SafeProducer.flush`."""


class Pausable(Protocol):
    """The part of a consumer that is needed here."""

    def assignment(self) -> list[TopicPartition]:
        """Partitions of this consumer."""

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Fetch nothing from them."""

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Fetch again."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event on its way."""

    identity: str
    body: bytes
    partition: Partition
    offset: int
    key: str | None
    payload: bytes


class NotifyWork:
    """The work of the notifier; see `racktwin.kafka.BatchWork`."""

    def __init__(
        self,
        *,
        chosen: Filter,
        lanes: int,
        most_waiting: int,
        sender: Callable[[], Sender],
        aside: Aside,
        consumer: Pausable,
        context: Context,
    ) -> None:
        """`sender()` makes one for each lane."""
        self._filter, self._aside, self._consumer, self._context = chosen, aside, consumer, context
        self._most_waiting = most_waiting
        self._tracker = Tracker()
        self._paused = False
        self._put_aside: queue.SimpleQueue[tuple[Item, str]] = queue.SimpleQueue()
        self._queues: list[queue.SimpleQueue[Item | None]] = [queue.SimpleQueue() for _ in range(lanes)]
        self._threads = [
            threading.Thread(target=self._lane, args=(items, sender()), name=f"lane-{number}", daemon=True)
            for number, items in enumerate(self._queues)
        ]
        for thread in self._threads:
            thread.start()

    def handle(self, batch: list[Message]) -> None:
        """Give events to their lanes."""
        for message in batch:
            topic, number, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None and number is not None and offset is not None
            partition = self._tracker.began(topic, number, offset)
            item = self._item(message, partition, offset)
            if item is None:
                self._tracker.done(partition, offset)
            else:
                lane = zlib.crc32((item.key or item.identity).encode()) % len(self._queues)
                self._queues[lane].put(item)

    def tick(self) -> None:
        """Write what was given up onto the rejects topic, and pause or resume."""
        self._write_aside()
        waiting = self._tracker.under_way()
        metrics.UNDER_WAY.set(waiting)
        if not self._paused and waiting >= self._most_waiting:
            self._consumer.pause(self._consumer.assignment())
            self._set_paused(True)
        elif self._paused and waiting < self._most_waiting // 2:
            self._consumer.resume(self._consumer.assignment())
            self._set_paused(False)

    def settle(self) -> list[TopicPartition]:
        """Offsets below everything that is still under way."""
        if self._context.stop.is_set():
            self._finish()
        self._write_aside()
        return [TopicPartition(topic, number, offset) for topic, number, offset in self._tracker.offsets()]

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """New partitions are not paused; the next tick looks again."""
        self._set_paused(False)

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """What is under way from them is delivered all the same; somebody else repeats it."""
        for partition in partitions:
            self._tracker.forget(partition.topic, partition.partition)

    def _item(self, message: Message, partition: Partition, offset: int) -> Item | None:
        payload = message.value() or b""
        try:
            event = decode(payload)
            if not self._filter.wants(parse_topic(event.topic), event):
                metrics.LEFT_OUT.inc()
                return None
            fallback = f"{partition.topic}/{partition.number}/{offset}"
            identity, body = cloud_event(event, fallback, self._context.clock())
        except (msgspec.DecodeError, ValueError):
            metrics.UNREADABLE.inc()
            return None
        key = message.key()
        return Item(identity, body, partition, offset, key.decode() if isinstance(key, bytes) else key, payload)

    def _lane(self, items: queue.SimpleQueue[Item | None], sender: Sender) -> None:
        while (item := items.get()) is not None:
            if self._context.stop.is_set():
                continue
            outcome = sender.send(item.identity, item.body)
            if outcome.taken:
                self._tracker.done(item.partition, item.offset)
            elif outcome.taken is False:
                self._put_aside.put((item, outcome.reason))

    def _write_aside(self) -> None:
        """Undelivered events are kept before their offsets are passed."""
        given_up: list[tuple[Item, str]] = []
        while True:
            try:
                given_up.append(self._put_aside.get_nowait())
            except queue.Empty:
                break
        if not given_up:
            return
        for item, reason in given_up:
            site = names.site_of_topic(item.partition.topic)
            self._aside.produce(
                names.own_topic("rejects", site), item.key, _reject(item, reason, self._context.clock())
            )
            metrics.UNDELIVERED.labels(site).inc()
            self._context.log.error("undelivered", event_id=item.identity, reason=reason)
        if self._aside.flush(_FLUSH_S):
            raise Fatal("Kafka does not acknowledge undelivered events; they come again after a restart")
        for item, _ in given_up:
            self._tracker.done(item.partition, item.offset)

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        metrics.PAUSED.set(paused)

    def _finish(self) -> None:
        """Requests that are under way end, within their time; what waits is left to the next start."""
        for items in self._queues:
            items.put(None)
        deadline = time.monotonic() + _LAST_REQUESTS_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _reject(item: Item, reason: str, now_ms: int) -> bytes:
    return messages.encode(
        Reject(
            v=1,
            reason=REASON,
            detail=reason[:1000],
            topic=item.partition.topic,
            partition=item.partition.number,
            offset=item.offset,
            key=item.key,
            headers={},
            payload=item.payload.decode("utf-8", "replace"),
            payload_encoding="utf8",
            rejected_at=now_ms,
        )
    )
