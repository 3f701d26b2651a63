"""One running connection to Kafka: records in become commands, answers and events go out as records.

Each source has a thread that takes batches and hands them to the event loop; the next batch is taken, and offsets are
committed, only after everything in the batch is durable. A record may thus be worked on twice, never be lost. Events go
out at most once, as Ditto's. Next: :mod:`ditto_lite.twin` executes; Kafka gets answers and events.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from ditto_lite import protocol
from ditto_lite.access import READ, Access
from ditto_lite.bus import Message as LiveMessage
from ditto_lite.commands import Event
from ditto_lite.connection_config import Address, Plan, SourcePlan, Subscription, TargetPlan, kafka_settings
from ditto_lite.errors import DittoError
from ditto_lite.event_views import extra_fields, passes
from ditto_lite.http_common import Services
from ditto_lite.kafka_commands import Inbound, Reply, SourceCommands, operation_in, resolve_all
from ditto_lite.meters import Meters
from ditto_lite.metrics import KAFKA_RECORDS
from ditto_lite.placeholders import Facts, Template
from ditto_lite.protocol import DITTO_PROTOCOL
from ditto_lite.wot import ModelNeeded

BATCH_RECORDS: Final = 500
_POLL_S: Final = 0.2
_COMMIT_EVERY_S: Final = 0.2
_PROBE_EVERY_S: Final = 5.0
# Commands between two chances for HTTP requests to be served.
_SLICE: Final = 50


@dataclass(slots=True)
class SourceState:
    """What is known of a source: ``detail`` says what is wrong while it is not open."""

    plan: SourcePlan
    since_ms: int
    assigned: int = 0
    detail: str = "Consumer not started."


@dataclass
class LinkState:
    """What is known of the connection to the brokers."""

    since_ms: int
    reachable: bool | None = None
    detail: str = "CONNECTING"
    sources: list[SourceState] = field(default_factory=list)


class KafkaLink:
    """A connection while it is open."""

    def __init__(self, connection: dict[str, Any], services: Services, meters: Meters) -> None:
        self.id: str = connection["id"]
        self._plan = Plan.of(connection)
        self._settings = kafka_settings(connection)
        self._group = connection["specificConfig"].get("groupId") or self.id
        self._services = services
        self._meters = meters
        self._commands = SourceCommands(self.id, services.twin, services.bus, services.messages, meters)
        self._outlet = services.pace.outlet()
        self._loop = asyncio.get_running_loop()
        self._log = structlog.get_logger().bind(connection=self.id)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        now = services.clock()
        self.state = LinkState(now, sources=[SourceState(plan, now) for plan in self._plan.sources])
        self._producer = Producer(
            {
                # Without idempotence a retried request falls behind later ones: events of a twin out of order.
                **self._settings, "enable.idempotence": True, "linger.ms": 2, "acks": "all",
                "queue.buffering.max.messages": 200_000,
                "message.timeout.ms": 30_000, "error_cb": self._on_error,
            }
        )  # fmt: skip
        self._wants_events = [
            (target, each)
            for target in self._plan.targets
            for each in target.subscriptions
            if each.what == "things/twin/events"
        ]
        self._wants_messages = [
            (target, each)
            for target in self._plan.targets
            for each in target.subscriptions
            if each.what == "things/live/messages"
        ]

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self, wait_s: float) -> bool:
        """Start; True when the brokers answered within ``wait_s``. It goes on trying either way."""
        if self._wants_events:
            self._services.bus.on_event.append(self._on_event)
        if self._wants_messages:
            self._services.bus.on_message.append(self._on_message)
        for index, source in enumerate(self.state.sources):
            self._start(f"source-{self.id}-{index}", self._consume, source)
        self._start(f"producer-{self.id}", self._serve_producer)
        return await asyncio.to_thread(self._probe, wait_s)

    def _start(self, name: str, run: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=run, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    async def close(self) -> None:
        """Stop taking records, send what is waiting, commit offsets."""
        bus = self._services.bus
        if self._on_event in bus.on_event:
            bus.on_event.remove(self._on_event)
        if self._on_message in bus.on_message:
            bus.on_message.remove(self._on_message)
        self._stop.set()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, 10.0)

    def _probe(self, timeout_s: float) -> bool:
        try:
            self._producer.list_topics(timeout=timeout_s)
        except KafkaException as wrong:
            self._reached(False, str(wrong.args[0].str() if isinstance(wrong.args[0], KafkaError) else wrong))
            return False
        self._reached(True, "CONNECTED")
        return True

    def _reached(self, reachable: bool, detail: str) -> None:
        if self.state.reachable is not reachable:
            self.state.since_ms = self._services.clock()
            self._log.info("kafka reachable" if reachable else "kafka not reachable", detail=detail)
        self.state.reachable, self.state.detail = reachable, detail

    def _on_error(self, wrong: KafkaError) -> None:
        if wrong.code() == KafkaError._ALL_BROKERS_DOWN:
            self._reached(False, wrong.str())

    def _serve_producer(self) -> None:
        """Serve delivery reports, and look from time to time whether the brokers are there."""
        next_probe = time.monotonic() + _PROBE_EVERY_S
        while not self._stop.is_set():
            self._producer.poll(_POLL_S)
            if time.monotonic() >= next_probe:
                self._probe(2.0)
                next_probe = time.monotonic() + _PROBE_EVERY_S
        self._producer.flush(5.0)

    # -- in ---------------------------------------------------------------------------------------------------------

    def _consume(self, source: SourceState) -> None:
        consumer = Consumer(
            {
                **self._settings, "group.id": self._group, "enable.auto.commit": False, "enable.auto.offset.store":
                False,
                "auto.offset.reset": "earliest", "session.timeout.ms": 10_000, "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 16_384,
            }
        )  # fmt: skip

        def assigned(_consumer: Consumer, partitions: list[Any]) -> None:
            source.assigned, source.detail = len(partitions), "Consumer started."
            source.since_ms = self._services.clock()

        def revoked(_consumer: Consumer, _partitions: list[Any]) -> None:
            source.assigned, source.detail = 0, "Consumer has no partition."

        consumer.subscribe(list(source.plan.addresses), on_assign=assigned, on_revoke=revoked)
        committed_at = 0.0
        stored = False
        try:
            while not self._stop.is_set():
                batch = self._take(consumer, source)
                if batch:
                    work = asyncio.run_coroutine_threadsafe(self._handle(source.plan, batch), self._loop)
                    if not self._await(work):
                        return
                    for record in batch:
                        consumer.store_offsets(record)
                    stored = True
                if stored and time.monotonic() - committed_at > _COMMIT_EVERY_S:
                    consumer.commit(asynchronous=True)
                    committed_at, stored = time.monotonic(), False
            if stored:
                consumer.commit(asynchronous=False)
        except KafkaException as wrong:
            source.detail = f"Consumer failed: {wrong}"
            self._log.exception("source failed", addresses=source.plan.addresses)
        finally:
            consumer.close()

    def _take(self, consumer: Consumer, source: SourceState) -> list[Message]:
        """What is there now, up to a batch; waits a moment if nothing is."""
        first = consumer.consume(1, _POLL_S)
        if not first:
            return []
        records = []
        for record in (*first, *consumer.consume(BATCH_RECORDS - 1, 0)):
            wrong = record.error()
            if wrong is None:
                records.append(record)
            elif wrong.code() != KafkaError._PARTITION_EOF:
                source.detail = wrong.str()
        return records

    def _await(self, work: Any) -> bool:
        """Wait until a batch is durable; False when the process ends before it is."""
        while True:
            try:
                work.result(timeout=1.0)
                return True
            except TimeoutError:
                if self._stop.is_set() and not self._loop.is_running():
                    return False
            except Exception:
                self._log.exception("batch failed; its offsets are not committed")
                return False

    async def _handle(self, source: SourcePlan, records: list[Message]) -> None:
        """Execute one batch, make it durable, then answer."""
        replies: list[Reply] = []
        for number, record in enumerate(records):
            if number % _SLICE == 0:
                await self._turn(records[number : number + _SLICE])
            reply = await self._execute(source, _inbound(record))
            if reply is not None:
                replies.append(reply)
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        self._meters.count("inbound", source.addresses[0], "consumed", amount=len(records))
        KAFKA_RECORDS.labels(self.id).inc(len(records))
        await self._services.committer.durable()
        for reply in replies:
            self._reply(reply)

    async def _turn(self, records: list[Message]) -> None:
        """Wait until these records may be executed, where a rate profile is set."""
        services = self._services
        if services.pace.profile is None:
            return
        costs = Counter(operation_in(record.value() or b"", services.twin) for record in records)
        for operation, amount in costs.items():
            await services.pace.turn(operation, amount)

    async def _execute(self, source: SourcePlan, record: Inbound) -> Reply | None:
        while True:
            try:
                return self._commands.execute(source, record)
            except ModelNeeded as needed:
                try:
                    await self._services.fetcher.fetch(needed.url)
                except DittoError as raised:
                    return self._commands.refuse(source, record, raised, protocol.decode(record.value, {}))

    # -- out --------------------------------------------------------------------------------------------------------

    def _reply(self, reply: Reply) -> None:
        headers = dict(reply.body["headers"])
        if headers.get("content-type") == "application/json":
            headers["content-type"] = DITTO_PROTOCOL
        facts = Facts(reply.entity_id, headers)
        self._send(reply.plan.address, reply.plan.headers, facts, reply.body)

    def _on_event(self, event: Event) -> None:
        if event.command.origin == self.id:
            return
        for target, wanted in self._wants_events:
            if wanted.namespaces and event.thing_id.partition(":")[0] not in wanted.namespaces:
                continue
            access = self._services.twin.access(event.policy_id, target.subjects)
            if not access.unrestricted(event.path, READ):
                continue
            self._publish(event, target, wanted, access)

    def _publish(self, event: Event, target: TargetPlan, wanted: Subscription, access: Access) -> None:
        extra = extra_fields(event, access, wanted.extra)
        if not passes(event, wanted.filter, extra):
            return
        headers = protocol.event_headers(event)
        body = protocol.event_envelope(event, headers, extra)
        more = {"topic:action": event.action, "resource:path": "/" + "/".join(event.path)}
        facts = Facts(event.thing_id, {**headers, "content-type": DITTO_PROTOCOL}, more)
        if self._outlet is None:
            self._send(target.address, target.headers, facts, body)
        elif (delay_s := self._outlet.admit()) is None:
            self._meters.count("outbound", target.address.topic.text, "dropped", success=False)
        else:
            self._loop.call_later(delay_s, self._send_if_open, target.address, target.headers, facts, body)

    def _on_message(self, message: LiveMessage) -> None:
        for target, wanted in self._wants_messages:
            if wanted.namespaces and message.thing_id.partition(":")[0] not in wanted.namespaces:
                continue
            place = tuple(part for part in message.path().split("/") if part)
            if not self._services.twin.access(message.policy_id, target.subjects).granted(place, READ, "message"):
                continue
            body = protocol.message_envelope(message)
            more = {"topic:subject": message.subject, "resource:path": message.path()}
            facts = Facts(message.thing_id, {**message.headers, "content-type": DITTO_PROTOCOL}, more)
            self._send(target.address, target.headers, facts, body)

    def _send_if_open(self, address: Address, mapping: dict[str, Template], facts: Facts, body: dict[str, Any]) -> None:
        if not self._stop.is_set():
            self._send(address, mapping, facts, body)

    def _send(self, address: Address, mapping: dict[str, Template], facts: Facts, body: dict[str, Any]) -> None:
        topic = address.topic.resolve(facts)
        if topic is None:
            return
        headers = {"content-type": facts.get("header:content-type") or DITTO_PROTOCOL, "ditto-connection-id": self.id}
        headers |= resolve_all(mapping, facts)
        key = address.key.resolve(facts) if address.key is not None else None
        partition = -1 if address.partition is None else address.partition
        try:
            self._producer.produce(
                topic,
                value=msgspec.json.encode(body),
                key=key,
                headers=list(headers.items()),
                on_delivery=self._delivered,
                partition=partition,
            )
        except BufferError:
            # Back-pressure of the brokers: events are dropped, as Ditto drops them; replies' senders time out.
            self._meters.count("outbound", address.topic.text, "dropped", success=False)
            return
        self._meters.count("outbound", address.topic.text, "dispatched")

    def _delivered(self, wrong: KafkaError | None, record: Message) -> None:
        if wrong is not None:
            self._log.warning("record not delivered", topic=record.topic(), error=wrong.str())


def _inbound(record: Message) -> Inbound:
    _, at = record.timestamp()
    key = record.key()
    text = key.decode(errors="replace") if isinstance(key, bytes) else key or ""
    headers = record.headers() or ()
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    return Inbound(record.value() or b"", text, record.topic() or "", at, pairs)
