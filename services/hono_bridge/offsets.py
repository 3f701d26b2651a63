"""Which command offsets may be committed: only those below which every outcome is known. Pure.

Outcomes arrive out of order (one device answers the broker sooner than another), offsets commit in order.
Used by :mod:`hono_bridge.command_source`; not thread safe.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Partition = tuple[str, int]


@dataclass(slots=True)
class _Progress:
    pending: set[int] = field(default_factory=set)
    next_offset: int = 0
    committed: int = -1


class OffsetTracker:
    """Offsets taken and finished, per (topic, partition)."""

    def __init__(self) -> None:
        self._progress: dict[Partition, _Progress] = {}

    def take(self, partition: Partition, offset: int) -> None:
        """A record was read; its outcome is open."""
        progress = self._progress.setdefault(partition, _Progress())
        progress.pending.add(offset)
        progress.next_offset = max(progress.next_offset, offset + 1)

    def finish(self, partition: Partition, offset: int) -> None:
        """The record's outcome is known. Unknown partitions (given away since) are ignored."""
        progress = self._progress.get(partition)
        if progress is not None:
            progress.pending.discard(offset)

    def forget(self, partition: Partition) -> None:
        """The partition was given to another consumer."""
        self._progress.pop(partition, None)

    def committable(self) -> dict[Partition, int]:
        """Offset to commit (the next to read) of each partition that moved since :meth:`committed`."""
        found = {}
        for partition, progress in self._progress.items():
            position = min(progress.pending, default=progress.next_offset)
            if position > progress.committed and position > 0:
                found[partition] = position
        return found

    def committed(self, positions: dict[Partition, int]) -> None:
        """These positions were stored."""
        for partition, position in positions.items():
            if partition in self._progress:
                self._progress[partition].committed = position

    def outstanding(self) -> int:
        """How many records have no outcome yet."""
        return sum(len(progress.pending) for progress in self._progress.values())
