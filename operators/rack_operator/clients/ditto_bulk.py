"""Ditto Protocol commands over Kafka, each with its answer: how many changes reach Ditto at once.

A real Ditto takes ten times as many commands from Kafka as over HTTP. Commands go to a site's topic keyed by entity,
so that those of one thing stay in order; answers come back on another, found by correlation id. An answer that does
not come is a `DependencyError`, as an HTTP timeout would be. Next: `ditto_router`, which chooses between the two.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from typing import Any

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.desired import bulk
from racktwin import names

JsonObject = dict[str, Any]
_LIBRDKAFKA = logging.getLogger("librdkafka")
_POLL_S = 0.05
_BATCH = 1000
_METADATA_S = 5.0
_REST_S = 30.0
_log = structlog.get_logger(__name__)


class Answer(msgspec.Struct):
    """What Ditto answered; `value` is the entity, or an error with `message`."""

    topic: str = ""
    headers: dict[str, Any] = {}
    status: int = 0
    value: msgspec.Raw = msgspec.Raw(b"null")


_ANSWERS = msgspec.json.Decoder(Answer)


class BulkCommands:
    """The wires of all sites. `config` is librdkafka's, `instance` unique among replicas and restarts."""

    def __init__(self, config: dict[str, Any], instance: str, *, timeout_s: float) -> None:
        self._config = config
        self._instance = instance
        self._timeout_s = timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._producer: Producer | None = None
        self._consumer: Consumer | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._open: set[str] = set()
        self._rests_until = 0.0
        self._opening = asyncio.Lock()
        self._consumer_lock = threading.Lock()

    def is_open(self, site: str) -> bool:
        """Whether commands may be sent for the site."""
        return site in self._open and time.monotonic() >= self._rests_until

    async def open(self, site: str) -> None:
        """Begins to listen for answers to the site's commands; does nothing when it does already.

        Raises `DependencyError` when Kafka fails.
        """
        if site in self._open:
            return
        async with self._opening:
            if site not in self._open:
                self._loop = asyncio.get_running_loop()
                await asyncio.to_thread(self._listen, bulk.replies_topic(site))
                self._open.add(site)

    def shut(self, site: str) -> None:
        """Sends nothing more for the site: its connection is not as it should be, or going."""
        self._open.discard(site)

    async def ask(
        self, entity_id: str, group: str, action: str, value: Any = None, headers: JsonObject | None = None
    ) -> Answer:
        """Sends one command on a whole policy or thing (group `policies` or `things/twin`) and awaits its answer.

        Raises `DependencyError` when Kafka does not take it, or no answer comes in time.
        """
        namespace, _, name = entity_id.partition(":")
        site = names.site_of(entity_id)
        correlation = f"{self._instance}-{next(self._numbers)}"
        envelope: JsonObject = {
            "topic": f"{namespace}/{name}/{group}/commands/{action}",
            "headers": {"correlation-id": correlation, "response-required": True, **(headers or {})},
            "path": "/",
        }
        if value is not None:
            envelope["value"] = value
        what = f"{action} {entity_id} over Kafka"
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = future
        if action != "retrieve":
            metrics.WRITES.labels("Ditto").inc()
        try:
            assert self._producer is not None
            self._producer.produce(
                bulk.commands_topic(site),
                msgspec.json.encode(envelope),
                key=entity_id,
                # The connection maps it; some answers to what cannot be read carry this one alone.
                headers=[("correlation-id", correlation), ("content-type", "application/vnd.eclipse.ditto+json")],
            )
            async with asyncio.timeout(self._timeout_s):
                answer = await future
        except TimeoutError as error:
            # Others meanwhile go over HTTP; later ones try again.
            self._rests_until = time.monotonic() + _REST_S
            metrics.ERRORS.labels("Ditto", "0").inc()
            raise DependencyError("Ditto", what, 0, f"no answer within {self._timeout_s:g} s") from error
        except (BufferError, KafkaException) as error:
            raise DependencyError("Kafka", what, 0, str(error)) from error
        finally:
            self._waiting.pop(correlation, None)
        metrics.REQUESTS.labels("Ditto", "KAFKA", str(answer.status)).inc()
        return answer

    async def close(self) -> None:
        """Stops listening."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _listen(self, topic: str) -> None:
        """Adds the topic's partitions, each from its present end on: answers to others are none of ours.

        A site that was shut, or is made again under its name, has its partitions still: they go first, since the topic
        may be another by now.
        """
        try:
            if self._consumer is None:
                self._producer = Producer(
                    {**self._config, "linger.ms": 20, "enable.idempotence": True, "compression.type": "lz4"},
                    logger=_LIBRDKAFKA,
                )
                self._consumer = Consumer(
                    {
                        **self._config,
                        "group.id": f"racktwin-operator-{self._instance}",
                        "enable.auto.commit": False,
                        # Many answers in one fetch: nobody waits for a single one.
                        "fetch.min.bytes": 65536,
                        "fetch.wait.max.ms": 20,
                    },
                    logger=_LIBRDKAFKA,
                )
            with self._consumer_lock:
                ends = _ends(self._consumer, topic)
                held = [each for each in self._consumer.assignment() if each.topic == topic]
                if held:
                    self._consumer.incremental_unassign(held)
                self._consumer.incremental_assign(ends)
        except KafkaException as error:
            raise DependencyError("Kafka", f"listen to {topic}", 0, str(error)) from error
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="ditto-answers", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        assert self._consumer is not None and self._producer is not None and self._loop is not None
        while not self._stop.is_set():
            with self._consumer_lock:
                records = self._consumer.consume(_BATCH, _POLL_S) if self._waiting else []
            self._producer.poll(0)
            answers = []
            for record in records:
                value = record.value()
                if record.error() is None and value is not None:
                    try:
                        answers.append(_ANSWERS.decode(value))
                    except msgspec.DecodeError as error:
                        _log.warning("answer not understood", error=str(error))
            if answers:
                self._loop.call_soon_threadsafe(self._deliver, answers)
            elif not self._waiting:
                time.sleep(_POLL_S / 5)
        self._producer.flush(1)
        self._consumer.close()

    def _deliver(self, answers: list[Answer]) -> None:
        for answer in answers:
            future = self._waiting.get(str(answer.headers.get("correlation-id")))
            if future is not None and not future.done():
                future.set_result(answer)


def _ends(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """The topic's partitions at their ends: given as numbers, for "the end" would be looked up only later."""
    found = consumer.list_topics(topic, timeout=_METADATA_S).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    partitions = [TopicPartition(topic, number) for number in found.partitions]
    return [
        TopicPartition(topic, each.partition, consumer.get_watermark_offsets(each, timeout=_METADATA_S)[1])
        for each in partitions
    ]
