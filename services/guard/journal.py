"""The audit's last hour, read back from Kafka when the guard starts. Next: :mod:`guard.recent` takes over what counts.

Before a command leaves, Kafka has acknowledged the line that approved it, so what was ever sent is in there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from racktwin import commands, names
from racktwin.commands import Audit

# Clocks of guard and broker may differ by so much (ms).
_SKEW_MS: Final = 60_000
_ASK_S: Final = 5.0

# Site, since when (epoch ms) -> lines. Raises Unreadable.
Journal = Callable[[str, int], list[Audit]]


class Unreadable(Exception):
    """The audit did not tell everything; the message says why."""


class KafkaJournal:
    """Lines of ``racktwin.audit.<site>`` from a time on, to the end."""

    def __init__(self, consumer: Callable[[], Any], *, patience_s: float = 5.0) -> None:
        """``consumer``: makes one that reports the end of partitions (``enable.partition.eof``) and commits nothing."""
        self._consumer, self._patience_s = consumer, patience_s

    def __call__(self, site: str, since: int) -> list[Audit]:
        """Everything in the topic that was written since.

        Raises:
            Unreadable: Kafka did not give all of it in time, or there is no such topic.
        """
        topic = names.own_topic("audit", site)
        consumer = self._consumer()
        try:
            return self._read(consumer, topic, max(0, since - _SKEW_MS))
        except KafkaException as error:
            raise Unreadable(f"{topic}: {error.args[0].str()}") from error
        finally:
            consumer.close()

    def _read(self, consumer: Any, topic: str, since: int) -> list[Audit]:
        found = consumer.list_topics(topic, timeout=_ASK_S).topics.get(topic)
        if found is None or found.error is not None or not found.partitions:
            raise Unreadable(f"{topic} is not there")
        asked = [TopicPartition(topic, number, since) for number in sorted(found.partitions)]
        starts = consumer.offsets_for_times(asked, timeout=_ASK_S)
        failed = [start.error for start in starts if start.error is not None]
        if failed:
            raise Unreadable(f"{topic}: {failed[0].str()}")
        consumer.assign(starts)
        lines: list[Audit] = []
        left = {start.partition for start in starts}
        deadline = time.monotonic() + self._patience_s
        while left:
            for record in consumer.consume(500, 0.1):
                error = record.error()
                if error is None:
                    lines.extend(line for line in [_line(record)] if line is not None)
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(record.partition())
                elif not error.retriable():
                    raise Unreadable(f"{topic}: {error.str()}")
            if left and time.monotonic() > deadline:
                raise Unreadable(f"{topic} was not read to its end within {self._patience_s:g} s")
        return lines


def _line(record: Message) -> Audit | None:
    value, key, at = record.value(), record.key(), record.timestamp()[1]
    try:
        return commands.decode_audit(value if isinstance(value, bytes) else (value or "").encode())
    except msgspec.DecodeError:
        thing = key.decode("utf-8", "replace") if isinstance(key, bytes) else key or ""
        # What cannot be read may have been an approval: it counts as one of which nothing is known.
        return Audit(thing=thing, at=at, event="approved", id="?", origin="?", who="?", kind="cooling", v=1)
