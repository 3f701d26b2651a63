"""Kafka for our processes: client settings, a producer that never loses a failure, and the batch loop.

The loop (:func:`run_batches`) is the at-least-once contract of every consumer of ours: take a batch, let the work
have its effects, wait until those are durable, only then commit. A process killed at any point repeats work and
loses none, so every effect must be repeatable. Administration (topics) is not here: it needs other rights.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from prometheus_client import Counter, Gauge, Histogram

from racktwin.process import Context, Fatal
from racktwin.settings import KafkaSettings

CONSUMED = Counter("racktwin_kafka_records_consumed_total", "Records taken from Kafka.", ["topic"])
SKIPPED = Counter(
    "racktwin_kafka_records_skipped_total",
    "Records that were gone before they were read: retention is shorter than we were away.",
    ["topic"],
)
PRODUCED = Counter("racktwin_kafka_records_produced_total", "Records Kafka acknowledged.", ["topic"])
FAILED = Counter("racktwin_kafka_records_failed_total", "Records Kafka refused for good.", ["topic"])
BATCH_SECONDS = Histogram(
    "racktwin_kafka_batch_seconds",
    "Time to work through one batch.",
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
)
BATCH_RECORDS = Histogram("racktwin_kafka_batch_records", "Records in one batch.", buckets=(1, 5, 20, 100, 250, 500))
ASSIGNED = Gauge("racktwin_kafka_partitions_assigned", "Partitions this process works on.")

# librdkafka's own lines go where ours go; they are served by poll().
_LIBRDKAFKA = logging.getLogger("librdkafka")

_COMMITTED_S = 5.0

# Errors that mean "not now": librdkafka goes on by itself, so they are logged and waited out.
_TRANSIENT = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError._PARTITION_EOF,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
}


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """librdkafka settings that every client shares."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "security.protocol": settings.kafka_security_protocol,
        "allow.auto.create.topics": False,
        # Topics of a new site are seen within seconds.
        "topic.metadata.refresh.interval.ms": 5000,
        "reconnect.backoff.max.ms": 2000,
        "log.connection.close": False,
    }
    if settings.kafka_sasl_mechanism:
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_username or ""
        config["sasl.password"] = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
    if settings.kafka_ca_file:
        config["ssl.ca.location"] = settings.kafka_ca_file
    return config


def make_consumer(settings: KafkaSettings, group: str, **overrides: Any) -> Consumer:
    """A consumer of a group that commits only when told, from the earliest record on.

    Overrides are librdkafka's names with ``_`` for ``.``.
    """
    return Consumer(
        {
            **client_config(settings),
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            # A killed process gives its partitions up after 10 s.
            "session.timeout.ms": 10000,
            "heartbeat.interval.ms": 2000,
            # Bounds memory when the work is slower than the broker.
            "queued.max.messages.kbytes": 16384,
            **{key.replace("_", "."): value for key, value in overrides.items()},
        },
        logger=_LIBRDKAFKA,
    )


class SafeProducer:
    """A producer that waits instead of dropping, and reports every record that Kafka refused.

    Not thread safe but for :meth:`produce`, as librdkafka is. Records wait as long as Kafka is away (no delivery
    timeout): the consumer behind it stops, which is the back-pressure.
    """

    def __init__(self, settings: KafkaSettings, **overrides: Any) -> None:
        self._failures: list[str] = []
        # Records handed over per topic since everything was last acknowledged.
        self._handed: dict[str, int] = {}
        self._producer = Producer(
            {
                **client_config(settings),
                "enable.idempotence": True,
                "acks": "all",
                # Fewer, larger requests: at full rate half of the broker's time goes into their number.
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.timeout.ms": 0,
                "queue.buffering.max.kbytes": 65536,
                # A report per record that went well would cost twice what producing it does.
                "delivery.report.only.error": True,
                "on_delivery": self._delivered,
                **{key.replace("_", "."): value for key, value in overrides.items()},
            },
            logger=_LIBRDKAFKA,
        )

    def produce(
        self,
        topic: str,
        key: str | None,
        value: bytes | str | None,
        headers: Sequence[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """Hand a record over; blocks while the local queue is full."""
        while True:
            try:
                self._producer.produce(
                    topic,
                    value=value,
                    key=key,
                    headers=list(headers) if headers else None,
                )
                self._handed[topic] = self._handed.get(topic, 0) + 1
                return
            except BufferError:
                self._producer.poll(0.1)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Serve delivery reports."""
        self._producer.poll(timeout_s)

    def pending(self) -> int:
        """Records that Kafka has not acknowledged yet."""
        return len(self._producer)

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is acknowledged or the time is over; the number still waiting.

        Raises:
            Fatal: Kafka refused a record for good (topic missing, not authorised, too large).
        """
        left = self._producer.flush(timeout_s)
        self.check()
        if left == 0:
            for topic, count in self._handed.items():
                PRODUCED.labels(topic).inc(count)
            self._handed.clear()
        return left

    def check(self) -> None:
        """Raise what the delivery reports said.

        Raises:
            Fatal: Kafka refused a record for good.
        """
        if self._failures:
            first, count = self._failures[0], len(self._failures)
            self._failures.clear()
            raise Fatal(f"Kafka refused {count} record(s), the first: {first}")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        topic = message.topic() or "?"
        FAILED.labels(topic).inc()
        self._failures.append(f"{topic}: {error.str()}")


class BatchWork(Protocol):
    """What a process does with records. Called from one thread."""

    def handle(self, batch: list[Message]) -> None:
        """Work through a batch (at most 500 records, none with an error). Effects may still be under way on return."""

    def tick(self) -> None:
        """Called at least every 50 ms, with or without records: for what is due by time."""

    def settle(self) -> list[TopicPartition] | None:
        """Return only when the effects so far are durable: the offsets to commit, or None for all that was handled.

        Called about once a second, before partitions are given up, and at the end. May block (back-pressure), but must
        return when ``context.stop`` is set and the dependency is away: then raise Fatal, and nothing is committed.
        """

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """Partitions came; offsets in them may be changed."""

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Partitions went (after a settle and commit, unless they were lost)."""


def run_batches(
    consumer: Consumer,
    topics: list[str],
    work: BatchWork,
    context: Context,
    *,
    batch_size: int = 500,
    wait_s: float = 0.05,
    commit_interval_s: float = 1.0,
) -> None:
    """Consume until ``context.stop`` is set; see the module for the contract. Topics beginning with ^ are patterns.

    Raises:
        Fatal: a condition that will not pass by itself (authorisation, a record that Kafka refuses).
    """
    loop = _Loop(consumer, work, context)
    consumer.subscribe(topics, on_assign=loop.on_assign, on_revoke=loop.on_revoke, on_lost=loop.on_lost)
    last_commit = time.monotonic()
    try:
        while not context.stop.is_set():
            context.health.heartbeat("consume", 120.0)
            # The first record wakes us at once; whatever else has arrived comes with it.
            first = consumer.poll(wait_s)
            if first is not None:
                loop.handle([first, *consumer.consume(batch_size - 1, 0)])
            work.tick()
            if time.monotonic() - last_commit >= commit_interval_s:
                loop.commit()
                last_commit = time.monotonic()
        loop.commit()
    finally:
        consumer.close()


class _Loop:
    """State of one :func:`run_batches`: what was handled and not committed."""

    def __init__(self, consumer: Consumer, work: BatchWork, context: Context) -> None:
        self._consumer = consumer
        self._work = work
        self._context = context
        self._next: dict[tuple[str, int], int] = {}
        # Where each partition is to go on: offsets follow one another, so what is beyond was lost on the way.
        self._expected: dict[tuple[str, int], int] = {}

    def handle(self, messages: list[Message]) -> None:
        batch = [message for message in messages if _usable(message, self._context)]
        if not batch:
            return
        self._context.health.set_ready(True, part="kafka")
        started = time.monotonic()
        self._work.handle(batch)
        BATCH_SECONDS.observe(time.monotonic() - started)
        BATCH_RECORDS.observe(len(batch))
        counts: dict[str, int] = {}
        for message in batch:
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None and partition is not None and offset is not None
            if offset > self._expected.get((topic, partition), offset):
                self._skipped(topic, partition, offset)
            self._expected[topic, partition] = self._next[topic, partition] = offset + 1
            counts[topic] = counts.get(topic, 0) + 1
        for topic, count in counts.items():
            CONSUMED.labels(topic).inc(count)

    def commit(self) -> None:
        if not self._next:
            return
        chosen = self._work.settle()
        offsets = chosen if chosen is not None else [TopicPartition(t, p, o) for (t, p), o in self._next.items()]
        if chosen is None:
            self._next.clear()
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # The group moved on or the broker is away: the records come again, which is harmless.
            self._context.log.warning("commit failed, records will be repeated", error=str(error))

    def on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._work.assigned(partitions)
        self._expect(partitions)
        self._consumer.incremental_assign(partitions)
        ASSIGNED.set(len(self._consumer.assignment()))
        self._context.health.set_ready(True, part="kafka")
        self._context.log.info("partitions assigned", partitions=_spell(partitions))

    def on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.commit()
        self._work.revoked(partitions)
        self._forget(partitions)
        self._consumer.incremental_unassign(partitions)
        self._context.log.info("partitions revoked", partitions=_spell(partitions))

    def on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # Somebody else has them already: committing now would be wrong.
        self._work.revoked(partitions)
        self._forget(partitions)
        self._context.log.warning("partitions lost", partitions=_spell(partitions))

    def _expect(self, partitions: list[TopicPartition]) -> None:
        """Note where partitions go on from a commit; those that the work has rewound are not looked at."""
        own = [p for p in partitions if p.offset < 0]
        if not own:
            return
        try:
            committed = self._consumer.committed(own, timeout=_COMMITTED_S)
        except KafkaException as error:
            self._context.log.info("committed offsets are not known", error=str(error))
            return
        self._expected |= {(p.topic, p.partition): p.offset for p in committed if p.offset >= 0 and p.error is None}

    def _skipped(self, topic: str, partition: int, offset: int) -> None:
        count = offset - self._expected[topic, partition]
        SKIPPED.labels(topic).inc(count)
        self._context.log.error(
            "records were gone before they were read", topic=topic, partition=partition, count=count, next=offset
        )

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for p in partitions:
            self._next.pop((p.topic, p.partition), None)
            self._expected.pop((p.topic, p.partition), None)


def _spell(partitions: list[TopicPartition]) -> list[str]:
    return [f"{p.topic}/{p.partition}" for p in partitions]


def _usable(message: Message, context: Context) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() in _TRANSIENT or error.retriable():
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            # No site has such topics yet (or it was deleted): there is nothing to do, which is no fault.
            context.log.info("kafka", error=error.str())
        elif error.code() != KafkaError._PARTITION_EOF:
            context.health.set_ready(False, f"Kafka: {error.str()}", part="kafka")
            context.log.warning("kafka", error=error.str())
        return False
    raise Fatal(f"Kafka: {error.str()} ({message.topic() or 'no topic'}); check the topic and the rights of this user")
