"""Lines that are not in InfluxDB yet, each with the Kafka record it came from.

Pure. Bounded by its user (`historian.work` pauses consuming when `full`); offsets up to `floor` may be committed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from confluent_kafka import Message

Partition = tuple[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Buffered:
    """One line and where it came from."""

    line: str
    partition: Partition
    offset: int
    record: Message


class LineBuffer:
    """Lines by bucket, in the order they came."""

    def __init__(self, limit: int) -> None:
        """`limit`: lines at which it counts as full."""
        self._limit = limit
        self._lines: dict[str, list[Buffered]] = {}
        self._size = 0

    def __len__(self) -> int:
        """Lines held."""
        return self._size

    @property
    def full(self) -> bool:
        """Whether a write should not wait any longer."""
        return self._size >= self._limit

    def add(self, bucket: str, item: Buffered) -> None:
        """Keep a line until it is written."""
        self._lines.setdefault(bucket, []).append(item)
        self._size += 1

    def buckets(self) -> list[str]:
        """Buckets with lines to write."""
        return list(self._lines)

    def first(self, bucket: str, count: int) -> list[Buffered]:
        """The oldest `count` lines of a bucket; they stay until `done`."""
        return self._lines.get(bucket, [])[:count]

    def done(self, bucket: str, count: int) -> None:
        """The oldest `count` lines of a bucket are written or refused."""
        left = self._lines[bucket][count:]
        self._size -= count
        if left:
            self._lines[bucket] = left
        else:
            del self._lines[bucket]

    def floor(self) -> dict[Partition, int]:
        """Per partition the lowest offset that is still needed."""
        lowest: dict[Partition, int] = {}
        for items in self._lines.values():
            for item in items:
                if item.offset < lowest.get(item.partition, item.offset + 1):
                    lowest[item.partition] = item.offset
        return lowest

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget the lines of partitions that others read now."""
        gone = set(partitions)
        self._filter(lambda item: item.partition not in gone)

    def _filter(self, keep: Callable[[Buffered], bool]) -> None:
        kept = {bucket: [item for item in items if keep(item)] for bucket, items in self._lines.items()}
        self._lines = {bucket: items for bucket, items in kept.items() if items}
        self._size = sum(len(items) for items in self._lines.values())
