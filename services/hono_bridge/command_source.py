"""Commands from Kafka: read, decide, hand to the AMQP side, commit once each outcome is known.

Runs in the process's main thread. A command whose outcome needs a failure notification is finished when Kafka has
the notification.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from hono_bridge import commands, metrics
from hono_bridge.amqp import AmqpSide
from hono_bridge.commands import Command, CommandRecord, Dropped
from hono_bridge.intake import KafkaSink
from hono_bridge.offsets import OffsetTracker, Partition
from hono_bridge.upstream import KafkaRecord
from racktwin.names import hono_topic, site_of_topic


class CommandSource:
    """Consumer of ``hono.command.*`` for a changing set of sites."""

    def __init__(
        self,
        consumer: Consumer,
        sink: KafkaSink,
        amqp: AmqpSide,
        *,
        max_age_ms: int,
        in_flight: int,
        clock: Callable[[], int],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._consumer, self._sink, self._amqp = consumer, sink, amqp
        self._max_age_ms, self._in_flight = max_age_ms, in_flight
        self._clock, self._log = clock, log
        self._lock = threading.Lock()
        self._offsets = OffsetTracker()
        self._topics: list[str] = []
        self._paused = False

    def serve_sites(self, sites: set[str]) -> None:
        """Subscribe to the command topics of these sites."""
        topics = sorted(hono_topic("command", site) for site in sites)
        if topics == self._topics:
            return
        self._topics = topics
        if topics:
            self._consumer.subscribe(topics, on_revoke=self._revoked, on_lost=self._revoked)
        else:
            self._consumer.unsubscribe()
        self._log.info("command topics", topics=topics)

    def poll(self, timeout_s: float) -> None:
        """Take at most one batch of commands, waiting ``timeout_s`` for the first; back-pressure by pausing."""
        self._balance()
        if not self._topics:
            threading.Event().wait(timeout_s)
            return
        first = self._consumer.poll(timeout_s)
        if first is None:
            return
        for message in [first, *self._consumer.consume(100, 0)]:
            if message.error() is not None:
                self._log.warning("Kafka", error=message.error().str())  # type: ignore[union-attr]
            else:
                self._take(message)

    def commit(self) -> None:
        """Commit what is finished."""
        with self._lock:
            positions = self._offsets.committable()
            metrics.COMMANDS_OPEN.set(self._offsets.outstanding())
        if not positions:
            return
        offsets = [TopicPartition(topic, partition, position) for (topic, partition), position in positions.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # Commands would come again; the broker's duplicate detection and their age keep that harmless.
            self._log.warning("commit of commands failed", error=str(error))
            return
        with self._lock:
            self._offsets.committed(positions)

    def outcome(self, command: Command, outcome: str) -> None:
        """What became of a command (called in proton's thread)."""
        now = self._clock()
        metrics.COMMANDS.labels(outcome).inc()
        if outcome == "too_old":
            notification = commands.expired(command, now).notification
            self._log.warning("command too old to send", device=command.device, subject=command.subject)
        else:
            notification = commands.outcome_notification(command, outcome, now)
        self._finish(command.source, notification)

    def outstanding(self) -> int:
        """Commands without an outcome."""
        with self._lock:
            return self._offsets.outstanding()

    def close(self) -> None:
        """Commit and leave the group."""
        self.commit()
        self._consumer.close()

    def _take(self, message: KafkaMessage) -> None:
        record = _record(message)
        with self._lock:
            self._offsets.take((record.topic, record.partition), record.offset)
        planned = commands.plan(record, now_ms=self._clock(), max_age_ms=self._max_age_ms)
        if isinstance(planned, Dropped):
            metrics.COMMANDS.labels(f"dropped_{planned.reason}").inc()
            self._log.warning(
                "command dropped", reason=planned.reason, detail=planned.detail, topic=record.topic,
                partition=record.partition, offset=record.offset,
            )  # fmt: skip
            self._finish(record, planned.notification)
        else:
            self._amqp.post(partial(self._amqp.send, planned))

    def _finish(self, record: CommandRecord, notification: KafkaRecord | None) -> None:
        partition: Partition = (record.topic, record.partition)
        if notification is not None:
            metrics.NOTIFICATIONS.inc()
            if self._sink.produce(notification, partial(self._notified, partition, record.offset, notification)):
                return
        self._finished(partition, record.offset)

    def _notified(self, partition: Partition, offset: int, notification: KafkaRecord, acknowledged: bool) -> None:
        if not acknowledged:
            self._log.warning("failure notification lost: Kafka did not take it", topic=notification.topic)
        self._finished(partition, offset)

    def _finished(self, partition: Partition, offset: int) -> None:
        with self._lock:
            self._offsets.finish(partition, offset)

    def _balance(self) -> None:
        full = self.outstanding() >= self._in_flight
        if full != self._paused:
            assignment = self._consumer.assignment()
            (self._consumer.pause if full else self._consumer.resume)(assignment)
            self._paused = full

    def _revoked(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        self.commit()
        with self._lock:
            for partition in partitions:
                self._offsets.forget((partition.topic, partition.partition))
        self._consumer.incremental_unassign(partitions)


def _record(message: KafkaMessage) -> CommandRecord:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None
    key = message.key()
    pairs: list[tuple[str, str | bytes | None]] = list(message.headers() or [])  # type: ignore[arg-type]
    headers = {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for name, value in pairs
        if value is not None
    }
    value = message.value()
    return CommandRecord(
        site=site_of_topic(topic),
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=message.timestamp()[1],
        key=key.decode("utf-8", "replace") if isinstance(key, bytes) else key,
        headers=headers,
        value=value if isinstance(value, bytes) or value is None else value.encode(),
    )
