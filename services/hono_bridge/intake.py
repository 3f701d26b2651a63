"""From AMQP to Kafka: produce each message's record, settle the message by what Kafka said.

``arrived`` and ``outcome`` run in proton's thread and never block; Kafka's acknowledgements arrive in a thread of this
module and are handed back to proton's in batches, one wake-up for as many as came together.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cache, partial

import structlog
from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as KafkaMessage
from prometheus_client import Counter
from proton import Delivery, Message

from hono_bridge import commands, metrics, upstream
from hono_bridge.amqp import AmqpSide
from hono_bridge.links import Arrival, What
from hono_bridge.upstream import KafkaRecord, Untranslatable
from racktwin.kafka import FAILED, PRODUCED, client_config
from racktwin.names import hono_topic
from racktwin.settings import KafkaSettings


class KafkaSink:
    """A producer that reports each record's fate, and a thread that serves those reports."""

    def __init__(self, settings: KafkaSettings, *, delivery_timeout_s: float, linger_ms: int) -> None:
        self._producer = Producer(
            {
                **client_config(settings),
                "enable.idempotence": True,  # order per key survives a retry
                "acks": "all",
                "linger.ms": linger_ms,
                "message.timeout.ms": round(delivery_timeout_s * 1000),
                "queue.buffering.max.messages": 200_000,
                "compression.type": "lz4",
                "log_level": 2,  # a broker that is away is told by readiness, not by twenty lines a second
            }
        )
        self._stop = threading.Event()
        self._after_poll: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._serve, name="kafka-acks", daemon=True)

    def start(self, after_poll: Callable[[], None]) -> None:
        """Start serving; ``after_poll`` is called after each batch of reports."""
        self._after_poll = after_poll
        self._thread.start()

    def produce(self, record: KafkaRecord, done: Callable[[bool], None]) -> bool:
        """Hand a record over without blocking. ``done(acknowledged)`` is called in the serving thread.

        Returns False, and never calls ``done``, when the local queue is full.
        """
        try:
            self._producer.produce(
                record.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                on_delivery=partial(_reported, done),
            )
        except BufferError:
            return False
        return True

    def topics(self, timeout_s: float) -> set[str]:
        """Names of all topics.

        Raises:
            confluent_kafka.KafkaException: no broker answered in time.
        """
        return set(self._producer.list_topics(timeout=timeout_s).topics)

    def flush(self, timeout_s: float) -> int:
        """Wait until every record has a report; how many have none when the time is over."""
        deadline = time.monotonic() + timeout_s
        while len(self._producer) and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(self._producer)

    def stop(self) -> None:
        """End the serving thread."""
        self._stop.set()
        self._thread.join(2.0)

    def _serve(self) -> None:
        while not self._stop.is_set():
            # Blocks until at least one report is there; serves all that are.
            self._producer.poll(0.1)
            self._after_poll()


def _reported(done: Callable[[bool], None], error: KafkaError | None, message: KafkaMessage) -> None:
    _counter(message.topic() or "?", error is None).inc()
    done(error is None)


@cache
def _counter(topic: str, acknowledged: bool) -> Counter:
    return (PRODUCED if acknowledged else FAILED).labels(topic)


class Intake:
    """Turns arrivals into records and acknowledgements into settlements."""

    def __init__(self, sink: KafkaSink, clock: Callable[[], int], log: structlog.stdlib.BoundLogger) -> None:
        self._sink = sink
        self._clock = clock
        self._log = log
        self._amqp: AmqpSide | None = None
        self._settled: deque[tuple[Arrival, int]] = deque()

    def attach(self, amqp: AmqpSide) -> None:
        """Say who settles."""
        self._amqp = amqp

    def arrived(self, arrival: Arrival, message: Message) -> None:
        """Translate and produce one message."""
        try:
            record = self._translate(arrival, message)
        except Untranslatable as error:
            self._log.warning("AMQP message rejected", address=arrival.source.address, reason=str(error))
            self._settle_now(arrival, Delivery.REJECTED)
            return
        if record is None:
            self._settle_now(arrival, Delivery.ACCEPTED)
            return
        metrics.IN_FLIGHT.inc()
        if not self._sink.produce(record, partial(self._done, arrival, time.monotonic())):
            metrics.IN_FLIGHT.dec()
            self._settle_now(arrival, Delivery.RELEASED)

    def flush_settlements(self) -> None:
        """Hand what Kafka reported to proton's thread (called in the serving thread)."""
        if self._settled and self._amqp is not None:
            self._amqp.post(self._apply)

    def _translate(self, arrival: Arrival, message: Message) -> KafkaRecord | None:
        source, now = arrival.source, self._clock()
        if source.what is What.TELEMETRY or source.what is What.EVENT:
            event = source.what is What.EVENT
            topic = hono_topic("event" if event else "telemetry", source.site)
            return upstream.to_record(message, topic, event=event, now_ms=now)
        if source.what is What.RESPONSE:
            return commands.response_record(message, source.site, now)
        return self._undelivered(arrival, message, now)

    def _undelivered(self, arrival: Arrival, message: Message, now: int) -> KafkaRecord | None:
        """A message that the broker gave up on: a command becomes a notification, dead telemetry goes its way."""
        expired = "expir" in arrival.source.address.lower()
        found = commands.undelivered(message, dead_letter=not expired, now_ms=now)
        if found is not None:
            device, notification = found
            metrics.COMMANDS.labels("expired" if expired else "dead_letter").inc()
            self._log.warning("command not delivered", device=device, expired=expired, subject=message.subject)
            if notification is not None:
                metrics.NOTIFICATIONS.inc()
            return notification
        # The broker names the queue a message died in; its address is rewritten.
        origin = (message.annotations or {}).get("x-opt-ORIG-ADDRESS") or message.address or ""
        kind, _, site = str(origin).partition("/")
        if not expired and kind in ("telemetry", "event") and site:
            event = kind == "event"
            topic = hono_topic("event" if event else "telemetry", site)
            return upstream.to_record(message, topic, event=event, now_ms=now)
        metrics.DISCARDED.labels(kind or "unknown").inc()
        return None

    def _done(self, arrival: Arrival, since: float, acknowledged: bool) -> None:
        metrics.IN_FLIGHT.dec()
        if acknowledged:
            metrics.BRIDGE_SECONDS.observe(time.monotonic() - since)
        self._settled.append((arrival, Delivery.ACCEPTED if acknowledged else Delivery.RELEASED))

    def _apply(self) -> None:
        batch = []
        while self._settled:
            batch.append(self._settled.popleft())
        self._settle(batch)

    def _settle_now(self, arrival: Arrival, state: int) -> None:
        self._settle([(arrival, state)])

    def _settle(self, batch: list[tuple[Arrival, int]]) -> None:
        assert self._amqp is not None
        for arrival, state in batch:
            metrics.settled(arrival.source.what.value, _OUTCOMES[state]).inc()
        self._amqp.settle(batch)


_OUTCOMES = {Delivery.ACCEPTED: "accepted", Delivery.RELEASED: "released", Delivery.REJECTED: "rejected"}
