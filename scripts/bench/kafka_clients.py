"""kafka-python against confluent-kafka in our own loops, on a real broker.

Both clients do what our services do: the producer writes readings (acks all, idempotent, 2 ms linger) and waits for
every acknowledgement; the consumer takes batches of at most 500, reads each record's JSON as the historian does, and
commits synchronously once a second. Same records, same topic settings, no compression (kafka-python needs a further
package for ours), one after the other, each part in a process of its own so that its CPU time, background threads
included, is its own. The broker is the one that ``RACKTWIN_KAFKA_BOOTSTRAP`` names. Prints one JSON line last; per
client: records/s, CPU µs per record, and p50 and p99 latency from the call of produce to the value being in the
consumer's hands, at a gentle 500 records/s.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from confluent_kafka import Consumer, Producer, TopicPartition
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as PyTopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import OffsetAndMetadata

from racktwin import messages
from racktwin.kafka import client_config
from racktwin.settings import KafkaSettings

_BATCH = 500
_COMMIT_S = 1.0
_LATENCY_RATE = 500


class Client(Protocol):
    """One client library, used as our services use it."""

    def produce(self, topic: str, records: Iterator[tuple[bytes, bytes]]) -> None:
        """Write all and return when all are acknowledged."""

    def batches(self, topic: str, partitions: int, group: str) -> Iterator[list[bytes]]:
        """Values in batches, with a synchronous commit once a second; an empty one when nothing came for 50 ms."""


class Confluent:
    """confluent-kafka (librdkafka)."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._config = client_config(settings)

    def produce(self, topic: str, records: Iterator[tuple[bytes, bytes]]) -> None:
        """Write all and return when all are acknowledged."""
        failed: list[str] = []

        def delivered(error: Any, _message: Any) -> None:
            if error is not None:
                failed.append(str(error))

        producer = Producer({**self._config, "enable.idempotence": True, "acks": "all", "linger.ms": 2})
        for key, value in records:
            while True:
                try:
                    producer.produce(topic, value=value, key=key, on_delivery=delivered)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.flush()
        if failed:
            raise SystemExit(f"{len(failed)} records failed, the first: {failed[0]}")

    def batches(self, topic: str, partitions: int, group: str) -> Iterator[list[bytes]]:
        """Values in batches, with a synchronous commit once a second."""
        consumer = Consumer({**self._config, "group.id": group, "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        done: dict[int, int] = {}
        committed = time.monotonic()
        try:
            while True:
                first = consumer.poll(0.05)
                batch = [] if first is None else [first, *consumer.consume(_BATCH - 1, 0)]
                values = []
                for message in batch:
                    if message.error() is None:
                        values.append(message.value() or b"")
                        done[message.partition() or 0] = (message.offset() or 0) + 1
                yield values
                if done and time.monotonic() - committed >= _COMMIT_S:
                    consumer.commit(offsets=[TopicPartition(topic, p, o) for p, o in done.items()], asynchronous=False)
                    committed = time.monotonic()
        finally:
            consumer.close()


class KafkaPython:
    """kafka-python (pure Python)."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._bootstrap = settings.kafka_bootstrap.split(",")

    def produce(self, topic: str, records: Iterator[tuple[bytes, bytes]]) -> None:
        """Write all and return when all are acknowledged."""
        producer = KafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
        )
        futures = [producer.send(topic, key=key, value=value) for key, value in records]
        producer.flush()
        for future in futures:
            future.get(timeout=60)
        producer.close()

    def batches(self, topic: str, partitions: int, group: str) -> Iterator[list[bytes]]:
        """Values in batches, with a synchronous commit once a second."""
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=group, enable_auto_commit=False, max_poll_records=_BATCH
        )
        assigned = [PyTopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(assigned)
        for partition in assigned:
            consumer.seek(partition, 0)
        done: dict[Any, int] = {}
        committed = time.monotonic()
        try:
            while True:
                values = []
                for partition, records in consumer.poll(timeout_ms=50).items():
                    values += [record.value for record in records]
                    done[partition] = records[-1].offset + 1
                yield values
                if done and time.monotonic() - committed >= _COMMIT_S:
                    consumer.commit({p: OffsetAndMetadata(o, "", -1) for p, o in done.items()})
                    committed = time.monotonic()
        finally:
            consumer.close()


CLIENTS: dict[str, Callable[[KafkaSettings], Client]] = {"confluent_kafka": Confluent, "kafka_python": KafkaPython}


def _records(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Readings as ingest writes them."""
    now = time.time_ns() // 1_000_000
    for number in range(count):
        thing = f"racktwin.bench:rack-r{number % 1000:04d}"
        reading = messages.Reading(
            thing=thing,
            feature="environment.top",
            observed_at=now + number,
            received_at=now + number,
            values={"temperature": 23.4, "relativeHumidity": 41.0, "dewPoint": 9.5},
            quality="good",
            device=thing,
            kind="rack",
            room="hall-a",
            row="r01",
            seq=number,
            v=1,
        )
        yield thing.encode(), messages.encode(reading)


def produce_part(settings: KafkaSettings, name: str, topic: str, count: int) -> dict[str, float]:
    """Write `count` readings; wall and CPU seconds. The records are made beforehand."""
    records = list(_records(count))
    return _measured(lambda: CLIENTS[name](settings).produce(topic, iter(records)))


def consume_part(settings: KafkaSettings, name: str, topic: str, partitions: int, count: int) -> dict[str, float]:
    """Read `count` readings; wall and CPU seconds."""

    def work() -> None:
        left = count
        for values in CLIENTS[name](settings).batches(topic, partitions, f"bench-{uuid.uuid4().hex[:8]}"):
            for value in values:
                messages.decode_reading(value)
            left -= len(values)
            if left <= 0:
                return

    return _measured(work)


def latency_part(settings: KafkaSettings, name: str, topic: str, partitions: int, seconds: float) -> dict[str, float]:
    """p50 and p99 in ms from the call of produce to the value being in the consumer's hands."""
    sender = multiprocessing.get_context("spawn").Process(target=_send_stamps, args=(settings, name, topic, seconds))
    wanted = int(seconds * _LATENCY_RATE)
    ages: list[float] = []
    batches = CLIENTS[name](settings).batches(topic, partitions, f"bench-{uuid.uuid4().hex[:8]}")
    next(batches)
    sender.start()
    for values in batches:
        now = time.time()
        ages += [(now - float(value)) * 1000 for value in values]
        if len(ages) >= wanted:
            break
    sender.join()
    # The first tenth pays for connections.
    ages = sorted(ages[len(ages) // 10 :])
    return {"p50_ms": round(ages[len(ages) // 2], 2), "p99_ms": round(ages[int(len(ages) * 0.99)], 2)}


def _send_stamps(settings: KafkaSettings, name: str, topic: str, seconds: float) -> None:
    def stamps() -> Iterator[tuple[bytes, bytes]]:
        began = time.monotonic()
        for number in range(int(seconds * _LATENCY_RATE)):
            wait = began + number / _LATENCY_RATE - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            yield b"k%d" % number, b"%.6f" % time.time()

    CLIENTS[name](settings).produce(topic, stamps())


def _measured(work: Callable[[], None]) -> dict[str, float]:
    cpu_before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    began = time.monotonic()
    work()
    wall = time.monotonic() - began
    return {"wall_s": wall, "cpu_s": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - cpu_before}


def _apart(part: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """Run a part in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(part, arguments)


def measure(settings: KafkaSettings, count: int, partitions: int, latency_s: float) -> dict[str, Any]:
    """All figures of both clients. Topics of its own, deleted at the end."""
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap.split(","))
    run = uuid.uuid4().hex[:8]
    result: dict[str, Any] = {"records": count, "partitions": partitions}
    topics = []
    try:
        for name in CLIENTS:
            topic, stamps = f"bench.clients.{run}.{name}", f"bench.clients.{run}.{name}.latency"
            admin.create_topics([NewTopic(one, partitions, 1) for one in (topic, stamps)])
            topics += [topic, stamps]
            print(f"{name}: produce, consume, latency", file=sys.stderr, flush=True)
            produced = _apart(produce_part, settings, name, topic, count)
            consumed = _apart(consume_part, settings, name, topic, partitions, count)
            result[name] = {
                "produce_per_s": round(count / produced["wall_s"]),
                "produce_cpu_us": round(produced["cpu_s"] / count * 1e6, 2),
                "consume_per_s": round(count / consumed["wall_s"]),
                "consume_cpu_us": round(consumed["cpu_s"] / count * 1e6, 2),
                **latency_part(settings, name, stamps, partitions, latency_s),
            }
    finally:
        admin.delete_topics(topics)
        admin.close()
    return result


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.kafka_clients", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000, help="records per client (default 200000)")
    parser.add_argument("--partitions", type=int, default=3, help="partitions of the topics (default 3)")
    parser.add_argument("--latency-s", type=float, default=10.0, help="seconds of the latency part (default 10)")
    arguments = parser.parse_args()
    print(json.dumps(measure(KafkaSettings(), arguments.records, arguments.partitions, arguments.latency_s)))


if __name__ == "__main__":
    main()
