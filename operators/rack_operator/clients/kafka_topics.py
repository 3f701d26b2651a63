"""Kafka topics: makes what is missing, widens and reconfigures what differs. Blocking calls run in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.desired.topics import Topic

T = TypeVar("T")
_NAME = "Kafka"


class KafkaTopics:
    """Administration of topics; `options` are kafka-python's connection settings.

    Each call raises `DependencyError` (dependency Kafka, status 0) when the brokers fail or refuse.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._client: Any = None
        # kafka-python's admin client is not made for several threads at once.
        self._lock = threading.Lock()

    async def ensure(self, wanted: list[Topic]) -> list[str]:
        """Makes the topics as wanted; returns one line per change, nothing when nothing differed."""
        return await asyncio.to_thread(self._guarded, "topics", lambda client: _ensure(client, wanted))

    async def delete(self, names: list[str]) -> None:
        """Deletes those of the topics that exist."""
        await asyncio.to_thread(self._guarded, "delete topics", lambda client: _delete(client, names))

    async def lag(self, topic: str, group: str) -> int | None:
        """Records of the topic that the consumer group has not committed; None before it has committed anything."""
        return await asyncio.to_thread(self._guarded, "lag", lambda client: _lag(client, topic, group))

    async def close(self) -> None:
        """Closes the connection to the brokers."""
        await asyncio.to_thread(self._close)

    def _guarded(self, what: str, work: Callable[[Any], T]) -> T:
        with self._lock:
            try:
                if self._client is None:
                    self._client = KafkaAdminClient(**self._options)
                return work(self._client)
            except (KafkaError, OSError, ValueError) as error:
                metrics.ERRORS.labels(_NAME, "0").inc()
                # A client that lost its brokers may not find them again: the next call makes another.
                self._drop()
                raise DependencyError(_NAME, what, 0, str(error) or type(error).__name__) from error

    def _close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _ensure(client: Any, wanted: list[Topic]) -> list[str]:
    existing = set(client.list_topics())
    changes = _create(client, [topic for topic in wanted if topic.name not in existing])
    kept = [topic for topic in wanted if topic.name in existing]
    if kept:
        changes += _widen(client, kept)
        changes += _configure(client, kept)
    return changes


def _create(client: Any, missing: list[Topic]) -> list[str]:
    for topic in missing:
        options = {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication_factor,
            "configs": dict(topic.configs),
        }
        metrics.WRITES.labels(_NAME).inc()
        try:
            client.create_topics({topic.name: options})
        except TopicAlreadyExistsError:
            continue
    return [f"created {topic.name}" for topic in missing]


def _widen(client: Any, kept: list[Topic]) -> list[str]:
    described = {entry["name"]: entry for entry in client.describe_topics([topic.name for topic in kept])}
    changes = []
    for topic in kept:
        have = len(described.get(topic.name, {}).get("partitions") or ())
        if 0 < have < topic.partitions:
            metrics.WRITES.labels(_NAME).inc()
            client.create_partitions({topic.name: topic.partitions})
            changes.append(f"widened {topic.name} from {have} to {topic.partitions} partitions")
    return changes


def _configure(client: Any, kept: list[Topic]) -> list[str]:
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic.name, configs={key: None for key, _ in topic.configs})
        for topic in kept
    ]
    answer = client.describe_configs(resources, config_filter="all")
    actual: dict[str, Any] = next(iter(answer.values()), {})
    changes = []
    for topic in kept:
        have = {key: _value(entry) for key, entry in actual.get(topic.name, {}).items()}
        differing = {key: value for key, value in topic.configs if have.get(key) != value}
        if differing:
            metrics.WRITES.labels(_NAME).inc()
            client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=differing)])
            changes.append(f"configured {topic.name}: {', '.join(sorted(differing))}")
    return changes


def _lag(client: Any, topic: str, group: str) -> int | None:
    committed = client.list_group_offsets(group).get(group) or {}
    held = {place: entry.offset for place, entry in committed.items() if place.topic == topic and entry.offset >= 0}
    if not held:
        return None
    ends = client.list_partition_offsets(dict.fromkeys(held, OffsetSpec.LATEST))
    return int(sum(max(0, ends[place].offset - offset) for place, offset in held.items() if place in ends))


def _value(entry: Any) -> Any:
    return entry.get("value") if isinstance(entry, dict) else entry


def _delete(client: Any, names: list[str]) -> None:
    existing = sorted(set(names) & set(client.list_topics()))
    for name in existing:
        metrics.WRITES.labels(_NAME).inc()
        try:
            client.delete_topics([name])
        except UnknownTopicOrPartitionError:
            continue
