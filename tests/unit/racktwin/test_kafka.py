from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog
from confluent_kafka import KafkaError, TopicPartition
from prometheus_client import REGISTRY

from racktwin.health import Health
from racktwin.kafka import client_config, run_batches
from racktwin.process import Context, Fatal
from racktwin.settings import KafkaSettings


class FakeMessage:
    def __init__(self, offset: int, error: KafkaError | None = None) -> None:
        self._offset = offset
        self._error = error

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset


class FakeConsumer:
    """Hands out what it is given, then asks the loop to stop."""

    def __init__(self, context: Context, messages: list[FakeMessage]) -> None:
        self.context = context
        self.messages = messages
        self.commits: list[tuple[str, int, int]] = []
        self.closed = False
        self.position = -1001
        self.callbacks: dict[str, Any] = {}

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.callbacks = callbacks

    def poll(self, timeout: float) -> FakeMessage | None:
        if self.messages:
            return self.messages.pop(0)
        self.context.stop.set()
        return None

    def consume(self, count: int, timeout: float) -> list[FakeMessage]:
        taken, self.messages = self.messages[:count], self.messages[count:]
        return taken

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.commits += [(o.topic, o.partition, o.offset) for o in offsets]

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(p.topic, p.partition, self.position) for p in partitions]

    def assignment(self) -> list[TopicPartition]:
        return []

    def incremental_assign(self, partitions: list[TopicPartition]) -> None: ...

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None: ...

    def close(self) -> None:
        self.closed = True


class Work:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.fails: Exception | None = None
        self.chosen: list[TopicPartition] | None = None

    def handle(self, batch: list[Any]) -> None:
        self.log.append("handle " + ",".join(str(m.offset()) for m in batch))

    def tick(self) -> None: ...

    def settle(self) -> list[TopicPartition] | None:
        self.log.append("settle")
        if self.fails is not None:
            raise self.fails
        return self.chosen

    def assigned(self, partitions: list[TopicPartition]) -> None: ...

    def revoked(self, partitions: list[TopicPartition]) -> None:
        self.log.append("revoked")


@pytest.fixture
def context() -> Context:
    import threading

    log = structlog.stdlib.get_logger("test")
    logging.getLogger("test").setLevel(logging.ERROR)
    return Context(name="test", log=log, health=Health(), stop=threading.Event())


def test_commits_after_the_effects_are_durable(context: Context) -> None:
    consumer, work = FakeConsumer(context, [FakeMessage(4), FakeMessage(5)]), Work()
    run_batches(consumer, ["t"], work, context)  # type: ignore[arg-type]
    assert work.log == ["handle 4,5", "settle"]
    assert consumer.commits == [("t", 0, 6)]
    assert consumer.closed


def test_nothing_is_committed_when_the_effects_fail(context: Context) -> None:
    consumer, work = FakeConsumer(context, [FakeMessage(4)]), Work()
    work.fails = Fatal("Kafka refused")
    with pytest.raises(Fatal):
        run_batches(consumer, ["t"], work, context)  # type: ignore[arg-type]
    assert consumer.commits == []
    assert consumer.closed


def test_work_may_hold_offsets_back(context: Context) -> None:
    consumer, work = FakeConsumer(context, [FakeMessage(4), FakeMessage(5)]), Work()
    work.chosen = [TopicPartition("t", 0, 5)]
    run_batches(consumer, ["t"], work, context)  # type: ignore[arg-type]
    assert consumer.commits == [("t", 0, 5)]


def test_a_passing_error_is_waited_out_and_seen_in_readiness(context: Context) -> None:
    context.health.set_ready(True)
    consumer = FakeConsumer(context, [FakeMessage(0, KafkaError(KafkaError._ALL_BROKERS_DOWN))])
    work = Work()
    run_batches(consumer, ["t"], work, context)  # type: ignore[arg-type]
    assert work.log == []
    ready, reasons = context.health.ready()
    assert not ready
    assert "kafka" in reasons


def test_a_lasting_error_ends_the_process(context: Context) -> None:
    consumer = FakeConsumer(context, [FakeMessage(0, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))])
    with pytest.raises(Fatal, match="rights"):
        run_batches(consumer, ["t"], Work(), context)  # type: ignore[arg-type]


def test_revoked_partitions_are_committed_first_and_lost_ones_never(context: Context) -> None:
    consumer, work = FakeConsumer(context, []), Work()
    partition = [TopicPartition("t", 0)]

    def consume_then_lose(kind: str) -> None:
        consumer.messages = [FakeMessage(1)]
        context.stop.clear()
        original = consumer.poll

        def poll(timeout: float) -> FakeMessage | None:
            if not consumer.messages:
                consumer.callbacks[kind](consumer, partition)
            return original(timeout)

        consumer.poll = poll  # type: ignore[method-assign]
        run_batches(consumer, ["t"], work, context)  # type: ignore[arg-type]
        consumer.poll = original  # type: ignore[method-assign]

    consume_then_lose("on_lost")
    assert consumer.commits == []
    consume_then_lose("on_revoke")
    assert consumer.commits == [("t", 0, 2)]


@pytest.mark.parametrize(("committed", "skipped"), [(4, 0), (1, 3), (-1001, 0), (9, 0)])
def test_records_that_were_gone_before_they_were_read_are_counted(
    context: Context, committed: int, skipped: int
) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("racktwin_kafka_records_skipped_total", {"topic": "t"}) or 0

    before = count()
    consumer = FakeConsumer(context, [FakeMessage(4), FakeMessage(5), FakeMessage(8)])
    consumer.position = committed
    original = consumer.poll

    def poll(timeout: float) -> FakeMessage | None:
        consumer.callbacks["on_assign"](consumer, [TopicPartition("t", 0)])
        consumer.poll = original  # type: ignore[method-assign]
        return original(timeout)

    consumer.poll = poll  # type: ignore[method-assign]
    run_batches(consumer, ["t"], Work(), context)  # type: ignore[arg-type]
    # Offsets 6 and 7 are gone in any case.
    assert count() - before == skipped + 2


def test_client_config_carries_security(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKTWIN_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("RACKTWIN_KAFKA_USERNAME", "ingest")
    monkeypatch.setenv("RACKTWIN_KAFKA_PASSWORD", "generated")
    monkeypatch.setenv("RACKTWIN_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    config = client_config(KafkaSettings())
    assert config["sasl.password"] == "generated"
    assert config["security.protocol"] == "SASL_SSL"
