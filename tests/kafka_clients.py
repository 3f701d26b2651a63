"""Kafka clients of tests that talk to a real Kafka."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, Producer


def producer(bootstrap: str, **more: Any) -> Producer:
    """A producer whose records keep their order over a retry: a topic just made answers "not its leader" at times.

    ``more``: librdkafka's names with ``_`` for ``.``.
    """
    return Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, **_named(more)})


def consumer(bootstrap: str, group: str, **more: Any) -> Consumer:
    """A consumer from the earliest record on, which sees within a second that a topic has been made."""
    config = {"auto.offset.reset": "earliest", "topic.metadata.refresh.interval.ms": 1000}
    return Consumer({"bootstrap.servers": bootstrap, "group.id": group, **config, **_named(more)})


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    # The one name that has an underscore of its own.
    return {name if name == "log_level" else name.replace("_", "."): value for name, value in settings.items()}
