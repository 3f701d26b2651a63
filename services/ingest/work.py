"""One batch after another: decode, clean, write readings and rejects, hand values to the coalescer, send its merges.

The only module of ingest that joins the others; Kafka's loop, and when it commits, are `racktwin.kafka.run_batches`'.

**What is committed.** Up to the lowest record whose effects are not all acknowledged by Kafka: a record that waits for
Ditto to say who a thing is, and the record of the latest value of a merge still pending (`ingest.coalesce`), hold their
partition's offset back; everything else is flushed before each commit. So a kill at any point repeats at most about
one interval of records and loses none, and repeated ones write the same readings again.

**What waits.** A message that names a thing we do not know is kept until Ditto answered, while readings of known
things, also those in the same message, go on. The waiting room is bounded: when it is full, consuming pauses.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections import deque
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition

from ingest import envelopes, flat, intake, metrics, packs
from ingest.cleaning import Cleaned, Cleaner
from ingest.coalesce import Merge
from ingest.fleet import Fleet
from ingest.intake import Inbound
from ingest.measured import BadRecord, Decoded, Refusal
from ingest.rejects import rejects_of
from ingest.twins import Twins
from racktwin import ditto_protocol, drives, messages, names
from racktwin.kafka import SafeProducer
from racktwin.process import Context, Fatal
from racktwin.sequence import SequenceCounts, SequenceTracker

_DECODERS: Final[dict[str, Callable[[Inbound], Decoded]]] = {
    "flat": flat.decode,
    "senml": packs.decode,
    "ditto": envelopes.decode,
}
# A record that is older than this when we see it comes from a backlog.
_BACKLOG_MS: Final = 2000
_HOUSEKEEPING_MS: Final = 60_000
_SILENT_MS: Final = 3_600_000
# How long a stop waits for Kafka to acknowledge what is in flight.
_STOP_PATIENCE_MS: Final = 10_000


@dataclasses.dataclass(slots=True)
class _Parked:
    """A message of which some things wait for Ditto's answer."""

    message: Inbound
    decoded: Decoded
    things: set[str]


class IngestWork:
    """The work of ingest for `run_batches`. Called from one thread."""

    def __init__(
        self,
        context: Context,
        *,
        consumer: Consumer,
        producer: SafeProducer,
        fleet: Fleet,
        cleaner: Cleaner,
        twins: Twins,
        waiting_bytes: int = 32 << 20,
        unheard_ms: int = 120_000,
    ) -> None:
        """`waiting_bytes`: payload that may wait for Ditto's answers before consuming pauses; `unheard_ms`: how long
        to listen before what was never heard of, and is as old on its twin, is made stale; 0: never.
        """
        self._consumer = consumer
        self._producer = producer
        self._fleet = fleet
        self._cleaner = cleaner
        self._twins = twins
        self._context = context
        self._waiting_limit = waiting_bytes
        self._waiting_bytes = 0
        self._parked: deque[_Parked] = deque()
        self._answers_seen = 0
        self._paused = False
        self._next: dict[tuple[str, int], int] = {}
        self._settled: dict[tuple[str, int], int] = {}
        # By site and kind of device.
        self._sequences: dict[tuple[str, str], tuple[SequenceTracker, SequenceCounts]] = {}
        self._stalled: list[str] = []
        self._assigned = False
        # When what the twins hold is to be compared with what was heard; None once that was begun.
        self._listen_until: int | None = None
        self._unheard_ms = unheard_ms
        self._housekept = context.clock()
        self._correlation = uuid.uuid4().hex[:12]
        self._merges = 0
        # Topic names by (purpose, site): formatting one per record would show.
        self._readings_topic: dict[str, str] = {}
        self._twin_topic: dict[str, str] = {}
        self._sites_of: dict[str, str] = {}

    def handle(self, batch: list[Message]) -> None:
        """Work through a batch; what it writes is in flight on return."""
        now = self._context.clock()
        for raw in batch:
            if self._parked and self._fleet.answers != self._answers_seen:
                # First what came first: order per thing is kept.
                self._retry(now)
            topic, partition, offset = raw.topic(), raw.partition(), raw.offset()
            assert topic is not None and partition is not None and offset is not None
            self._take(raw, topic, partition, offset, now)
            self._next[topic, partition] = offset + 1
        self._producer.poll(0)

    def tick(self) -> None:
        """Send what is due, look again at what waits, keep house."""
        now = self._context.clock()
        self._twins.pace(self._fleet.paces)
        self._send(self._twins.due(now), now)
        if self._parked and self._fleet.answers != self._answers_seen:
            self._retry(now)
        self._look_for_silent(now)
        self._balance()
        self._producer.poll(0)
        self._producer.check()
        if now - self._housekept >= _HOUSEKEEPING_MS:
            self._housekept = now
            self._keep_house(now)

    def settle(self) -> list[TopicPartition]:
        """Wait for Kafka's acknowledgements; the offsets that nothing pending or waiting needs any more."""
        now = self._context.clock()
        if self._context.stop.is_set():
            self._send(self._twins.drain(now), now)
        while self._producer.flush(0.5):
            self._context.health.heartbeat("consume", 120.0)
            self._context.health.set_ready(False, "Kafka does not acknowledge what is written", part="kafka-writes")
            if self._context.stop.is_set() and self._context.clock() - now > _STOP_PATIENCE_MS:
                raise Fatal("Kafka did not acknowledge in time; nothing is committed, the records will be read again")
        self._context.health.set_ready(True, part="kafka-writes")
        self._publish(now)
        commit = dict(self._next)
        for at, offset in self._twins.held().items():
            commit[at] = min(offset, commit.get(at, offset))
        for parked in self._parked:
            at = (parked.message.topic, parked.message.partition)
            commit[at] = min(parked.message.offset, commit.get(at, parked.message.offset))
        # Nothing new, nothing to say: a quiet site does not commit every second.
        moved = {at: offset for at, offset in commit.items() if self._settled.get(at) != offset}
        self._settled = commit
        return [TopicPartition(topic, partition, offset) for (topic, partition), offset in moved.items()]

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """Ask Ditto again what the twins hold: another replica has moved them on until now."""
        if self._assigned:
            self._fleet.refresh_soon()
        # The first time everything is loaded anyway.
        self._assigned = True
        self._listen_until = self._context.clock() + self._unheard_ms

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Leave to the new owner what of these partitions was not finished."""
        gone = {(p.topic, p.partition) for p in partitions}
        self._twins.drop(gone)
        # If they come back, their records come again, and what was dropped here must then count as new.
        self._cleaner.reset()
        kept = deque(p for p in self._parked if (p.message.topic, p.message.partition) not in gone)
        self._parked = kept
        self._waiting_bytes = sum(len(p.message.payload) for p in kept)
        for at in gone:
            self._next.pop(at, None)
            self._settled.pop(at, None)

    def _take(self, raw: Message, topic: str, partition: int, offset: int, now: int) -> None:
        """One message, all the way."""
        site = self._sites_of.get(topic)
        if site is None:
            site = self._sites_of[topic] = names.site_of_topic(topic)
            self._readings_topic[site] = names.own_topic("readings", site)
        message = self._inbound(raw, topic, partition, offset, site)
        try:
            message.format = intake.format_of(message.headers.get("content-type", ""), message.payload)
            if message.format == "nothing":
                return
            decoded = _DECODERS[message.format](message)
        except Refusal as refusal:
            self._reject(message, [BadRecord(refusal.reason, refusal.detail)], now)
            return
        cleaned = self._cleaner.clean(message, decoded, now)
        if decoded.streams:
            self._count_sequences(message, decoded, cleaned, now)
        self._write(message, cleaned, now)
        if cleaned.waiting:
            self._parked.append(_Parked(message, decoded, cleaned.waiting))
            self._waiting_bytes += len(message.payload)

    def _inbound(self, raw: Message, topic: str, partition: int, offset: int, site: str) -> Inbound:
        headers = intake.headers_of(raw.headers())
        key = raw.key()
        text_key = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
        value = raw.value()
        payload = value if isinstance(value, bytes) else (value or "").encode()
        sensor, bag = intake.address_parts(headers.get("orig_address", ""))
        if "content-type" in bag and headers.get("content-type") in (None, "application/octet-stream"):
            headers["content-type"] = bag["content-type"]
        return Inbound(
            topic=topic,
            partition=partition,
            offset=offset,
            site=site,
            device=headers.get("device_id") or text_key or "",
            key=text_key,
            headers=headers,
            payload=payload,
            received_at=intake.sent_at(headers, raw.timestamp()[1]),
            format="flat",
            sensor=sensor,
        )

    def _write(self, message: Inbound, cleaned: Cleaned, now: int) -> None:
        """Readings to their topic and to the coalescer, rejects to theirs."""
        site = message.site
        produce = self._producer.produce
        topic = self._readings_topic[site]
        source = (message.topic, message.partition, message.offset)
        backlog = now - message.received_at > _BACKLOG_MS
        late: dict[str, int] = {}
        offer = self._twins.of(site).offer
        for reading in cleaned.readings:
            produce(topic, reading.thing, messages.encode(reading))
            # Encoded above, so the values may be given away.
            taken = offer(
                reading.thing,
                site,
                reading.feature,
                reading.observed_at,
                reading.values,
                quality=reading.quality,
                now=now,
                source=source,
                backlog=backlog,
            )
            if not taken:
                late[reading.kind] = late.get(reading.kind, 0) + 1
        if cleaned.bad:
            self._reject(message, cleaned.bad, now)
        metrics.MESSAGES.labels(site).inc()
        metrics.READINGS.labels(site).inc(len(cleaned.readings))
        for kind, count in cleaned.duplicates.items():
            metrics.DUPLICATES.labels(site, kind).inc(count)
        for kind, count in late.items():
            metrics.LATE.labels(site, kind).inc(count)
        metrics.LAG.observe(max(0, now - message.received_at) / 1000)

    def _reject(self, message: Inbound, bad: list[BadRecord], now: int) -> None:
        topic = names.own_topic("rejects", message.site)
        for reject in rejects_of(message, bad, now):
            self._producer.produce(topic, message.key, messages.encode(reject))
            metrics.REJECTS.labels(message.site, reject.reason).inc()
            self._context.log.debug("rejected", reason=reject.reason, detail=reject.detail, device=message.device)

    def _send(self, merges: list[Merge], now: int) -> None:
        oldest: dict[str, int] = {}
        for merge in merges:
            self._merges += 1
            correlation = f"ingest-{self._correlation}-{self._merges}"
            value = ditto_protocol.merge_features(merge.thing, drives.fold(merge.features), correlation)
            topic = self._twin_topic.get(merge.site)
            if topic is None:
                topic = self._twin_topic[merge.site] = names.own_topic("twin", merge.site)
            self._producer.produce(topic, merge.thing, value)
            if merge.newest < oldest.get(merge.site, now):
                oldest[merge.site] = merge.newest
        for site in {merge.site for merge in merges}:
            metrics.MERGES.labels(site).inc(sum(merge.site == site for merge in merges))
            # One observation for all that go together: one for each would show in the profile.
            metrics.MERGE_AGE.labels(site).observe((now - oldest.get(site, now)) / 1000)

    def _retry(self, now: int) -> None:
        """Look again at what waits, oldest first."""
        self._answers_seen = self._fleet.answers
        waiting, self._parked = self._parked, deque()
        self._waiting_bytes = 0
        for parked in waiting:
            cleaned = self._cleaner.clean(parked.message, parked.decoded, now, only=parked.things)
            self._write(parked.message, cleaned, now)
            if cleaned.waiting:
                parked.things = cleaned.waiting
                self._parked.append(parked)
                self._waiting_bytes += len(parked.message.payload)

    def _balance(self) -> None:
        """Stop taking records while too much waits; say why we are not ready."""
        if self._waiting_bytes > self._waiting_limit:
            # Again each time: partitions may have been assigned since.
            self._consumer.pause(self._consumer.assignment())
            self._paused = True
        elif self._paused and self._waiting_bytes < self._waiting_limit // 2:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False
        problem = self._fleet.problem
        blocked = problem is not None and bool(self._parked)
        self._context.health.set_ready(
            not blocked, f"{len(self._parked)} message(s) about unknown things wait: {problem}", part="ditto"
        )

    def _look_for_silent(self, now: int) -> None:
        """Features that fell silent while nobody listened: known from what the twins still call good."""
        if not self._unheard_ms or not self._assigned:
            return
        silent = self._fleet.silent()
        if self._listen_until is None:
            self._twins.unheard(silent, now, self._unheard_ms)
        elif now >= self._listen_until:
            # What was loaded until now may be older than what others have written since.
            self._listen_until = None
            self._fleet.refresh_soon()

    def _count_sequences(self, message: Inbound, decoded: Decoded, cleaned: Cleaned, now: int) -> None:
        for stream, seq in decoded.streams:
            # Numbers of strangers are not followed: nobody could bound them.
            if stream in cleaned.admitted or (stream == message.device and cleaned.admitted):
                self._tracker(message.site, names.kind_of(stream)).observe(stream, seq, now)

    def _tracker(self, site: str, kind: str) -> SequenceTracker:
        held = self._sequences.get((site, kind))
        if held is None:
            held = self._sequences[site, kind] = (SequenceTracker(), SequenceCounts())
        return held[0]

    def _publish(self, now: int) -> None:
        metrics.WAITING.set(len(self._parked))
        metrics.PENDING.set(len(self._twins))
        stalled = self._twins.stalled(now)
        if stalled != self._stalled:
            self._stalled = stalled
            if stalled:
                self._context.log.warning("ditto takes no merges; twins wait, readings go on", sites=stalled)
            else:
                self._context.log.info("ditto takes merges again")
        for at, (tracker, before) in self._sequences.items():
            self._sequences[at] = (tracker, metrics.publish_sequences(*at, tracker.counts, before))

    def _keep_house(self, now: int) -> None:
        self._twins.forget(self._fleet.knows)
        self._cleaner.forget(self._fleet.knows)
        for tracker, _ in self._sequences.values():
            tracker.forget(now - _SILENT_MS)
