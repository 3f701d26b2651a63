"""One batch after another: record to line, lines to InfluxDB, offsets only behind what InfluxDB acknowledged.

The only module of the historian that joins the others; Kafka's loop is `racktwin.kafka.run_batches`'. While InfluxDB is
away, consuming pauses: the lines read so far wait in a bounded buffer, their offsets stay uncommitted, the loop goes on
polling (so the group keeps its partitions), /readyz says why, and the write is tried again with growing pauses. A
record that has no place in InfluxDB goes to the rejects topic with InfluxDB's own words, and the others beside it are
written.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from historian import metrics, points
from historian.accounts import Accounts, Counts
from historian.buffer import Buffered, LineBuffer
from historian.line_protocol import Unwritable
from historian.sink import InfluxSink, Unavailable
from racktwin import commands, messages, names
from racktwin.history import log_bucket
from racktwin.kafka import SafeProducer
from racktwin.process import Context, Fatal

_FIRST_PAUSE_S: Final = 0.25
_STOP_PATIENCE_S: Final = 10.0
_HOUSEKEEPING_MS: Final = 600_000
_SILENT_MS: Final = 3_600_000


class HistorianWork:
    """The work of the historian for `run_batches`. Called from one thread."""

    def __init__(
        self,
        context: Context,
        *,
        consumer: Consumer,
        producer: SafeProducer,
        sink: InfluxSink,
        batch_lines: int = 5000,
        linger_s: float = 0.2,
        retry_max_s: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
        new_site: Callable[[str], None] = lambda site: None,
    ) -> None:
        """`new_site` is told of each site when its first record comes."""
        self._context = context
        self._consumer = consumer
        self._producer = producer
        self._sink = sink
        self._batch_lines = batch_lines
        self._linger_s = linger_s
        self._retry_max_s = retry_max_s
        self._monotonic = monotonic
        self._new_site = new_site
        self._sites: dict[str, str] = {}
        self._accounts = Accounts()
        self._counted: dict[tuple[str, str], Counts] = {}
        # Time of the batch at hand, and of the last housekeeping (epoch ms).
        self._now = self._housekept = context.clock()
        self._buffer = LineBuffer(batch_lines)
        self._waiting_since = 0.0
        self._next: dict[tuple[str, int], int] = {}
        self._settled: dict[tuple[str, int], int] = {}
        # While InfluxDB is away: when to try again, and how long the pause was.
        self._retry_at = 0.0
        self._pause_s = 0.0

    def handle(self, batch: list[Message]) -> None:
        """Turn records into lines; write when there are enough."""
        if not len(self._buffer):
            self._waiting_since = self._monotonic()
        self._now = self._context.clock()
        for record in batch:
            topic, partition, offset = record.topic(), record.partition(), record.offset()
            assert topic is not None and partition is not None and offset is not None
            self._take(record, topic, partition, offset)
            self._next[topic, partition] = offset + 1
        if self._buffer.full:
            self._write()

    def tick(self) -> None:
        """Write what has waited long enough; try again when InfluxDB was away."""
        if len(self._buffer) and (self._pause_s or self._monotonic() - self._waiting_since >= self._linger_s):
            self._write()
        if self._pause_s:
            # Again each time: partitions may have been assigned since.
            self._consumer.pause(self._consumer.assignment())
        self._producer.poll(0)
        self._producer.check()

    def settle(self) -> list[TopicPartition]:
        """Write what can be written; the offsets that no unwritten line needs. Never waits for InfluxDB."""
        self._write()
        metrics.BUFFERED.set(len(self._buffer))
        self._keep_accounts()
        began = self._monotonic()
        while self._producer.flush(0.5):
            self._context.health.heartbeat("consume", 120.0)
            self._context.health.set_ready(False, "Kafka does not acknowledge rejects", part="kafka-writes")
            if self._context.stop.is_set() and self._monotonic() - began > _STOP_PATIENCE_S:
                raise Fatal("Kafka did not acknowledge in time; nothing is committed, the records will be read again")
        self._context.health.set_ready(True, part="kafka-writes")
        commit = dict(self._next)
        for at, offset in self._buffer.floor().items():
            commit[at] = min(offset, commit.get(at, offset))
        # Nothing new, nothing to say: a quiet site does not commit every second.
        moved = {at: offset for at, offset in commit.items() if self._settled.get(at) != offset}
        self._settled = commit
        return [TopicPartition(topic, partition, offset) for (topic, partition), offset in moved.items()]

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """Nothing to prepare; buckets are made with the first write."""

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """What is unwritten of these partitions is now another's to write."""
        gone = {(p.topic, p.partition) for p in partitions}
        self._buffer.drop(gone)
        self._accounts.reset()
        for at in gone:
            self._next.pop(at, None)
            self._settled.pop(at, None)

    def _keep_accounts(self) -> None:
        counts = self._accounts.counts()
        metrics.publish(counts, self._counted)
        self._counted = counts
        if self._now - self._housekept >= _HOUSEKEEPING_MS:
            self._housekept = self._now
            self._accounts.forget(self._now - _SILENT_MS)

    def _take(self, record: Message, topic: str, partition: int, offset: int) -> None:
        site = self._sites.get(topic)
        if site is None:
            site = self._sites[topic] = names.site_of_topic(topic)
            self._new_site(site)
        value = record.value()
        payload = value if isinstance(value, bytes) else (value or "").encode()
        bucket = site
        try:
            if topic.startswith("racktwin.readings."):
                reading = messages.decode_reading(payload)
                line = points.reading_line(reading)
                if points.of_log(reading):
                    bucket = log_bucket(site)
                self._accounts.take(site, reading, self._now)
            elif topic.startswith("racktwin.audit."):
                line = points.audit_line(commands.decode_audit(payload))
                bucket = log_bucket(site)
            else:
                line = points.prediction_line(messages.decode_prediction(payload))
        except msgspec.DecodeError as error:
            self._reject(record, site, "malformed_json", str(error))
            return
        except Unwritable as error:
            self._reject(record, site, "unwritable_point", str(error))
            return
        self._buffer.add(bucket, Buffered(line, (topic, partition), offset, record))

    def _write(self) -> None:
        """Write everything buffered, or note when to try again."""
        if self._pause_s and self._monotonic() < self._retry_at:
            return
        try:
            for bucket in self._buffer.buckets():
                while items := self._buffer.first(bucket, self._batch_lines):
                    self._write_batch(bucket, items)
        except Unavailable as error:
            self._unavailable(error)
            return
        self._waiting_since = self._monotonic()
        if self._pause_s:
            self._pause_s = 0.0
            self._consumer.resume(self._consumer.assignment())
            self._context.log.info("influxdb takes writes again")
        self._context.health.set_ready(True, part="influxdb")

    def _write_batch(self, bucket: str, items: list[Buffered]) -> None:
        began = self._monotonic()
        refused = self._sink.write(
            bucket, [item.line for item in items], lambda: self._context.health.heartbeat("consume", 120.0)
        )
        for one in refused:
            item = items[one.index]
            self._reject(
                item.record, self._sites[item.partition[0]], one.reason, f"{one.detail} (line: {item.line[:300]})"
            )
        self._buffer.done(bucket, len(items))
        metrics.POINTS.labels(bucket).inc(len(items) - len(refused))
        metrics.WRITE_SECONDS.observe(self._monotonic() - began)
        metrics.LAG.observe(max(0, self._context.clock() - items[-1].record.timestamp()[1]) / 1000)

    def _unavailable(self, error: Unavailable) -> None:
        if not self._pause_s:
            self._context.log.warning("influxdb takes no writes; consuming pauses", error=str(error))
            self._consumer.pause(self._consumer.assignment())
        self._pause_s = min(max(self._pause_s * 2, _FIRST_PAUSE_S, error.retry_after_s), self._retry_max_s)
        self._retry_at = self._monotonic() + self._pause_s
        metrics.FAILURES.inc()
        self._context.health.set_ready(False, str(error), part="influxdb")

    def _reject(self, record: Message, site: str, reason: str, detail: str) -> None:
        """Put a record that will never be a point where people look for it."""
        value = record.value()
        payload = value if isinstance(value, bytes) else (value or "").encode()
        encoding: Literal["utf8", "base64"] = "utf8"
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(payload).decode(), "base64"
        key = record.key()
        text_key = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
        reject = messages.Reject(
            reason=reason,
            detail=detail,
            topic=record.topic() or "",
            partition=record.partition() or 0,
            offset=record.offset() or 0,
            key=text_key,
            headers={},
            payload=text,
            payload_encoding=encoding,
            rejected_at=self._context.clock(),
            v=1,
        )
        self._producer.produce(names.own_topic("rejects", site), text_key, messages.encode(reject))
        metrics.REJECTS.labels(site, reason).inc()
        self._context.log.warning("rejected", site=site, reason=reason, detail=detail)
