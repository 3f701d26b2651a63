"""Which offsets may be committed: all below the oldest event that is still under way. Thread safe.

Events of one partition are done out of order, for lanes run beside each other; a commit must never pass one that the
receiver has not got.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Partition:
    """One assigned partition: what is under way, and where it goes on."""

    topic: str
    number: int
    open: dict[int, None] = field(default_factory=dict)
    next: int = -1


class Tracker:
    """Events under way, by partition."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._partitions: dict[tuple[str, int], Partition] = {}

    def began(self, topic: str, number: int, offset: int) -> Partition:
        """An event was taken in; give what is returned to `done`."""
        with self._lock:
            partition = self._partitions.setdefault((topic, number), Partition(topic, number))
            partition.open[offset] = None
            partition.next = max(partition.next, offset + 1)
            return partition

    def done(self, partition: Partition, offset: int) -> None:
        """The receiver has it, or it was put aside. A partition that went away in the meantime takes it too."""
        with self._lock:
            partition.open.pop(offset, None)

    def forget(self, topic: str, number: int) -> None:
        """The partition is somebody else's."""
        with self._lock:
            self._partitions.pop((topic, number), None)

    def offsets(self) -> list[tuple[str, int, int]]:
        """Offsets that may be committed now, each once."""
        found = []
        with self._lock:
            for partition in self._partitions.values():
                # Insertion order is the order of offsets, so the first is the oldest.
                at = next(iter(partition.open), partition.next)
                if at >= 0:
                    found.append((partition.topic, partition.number, at))
        return found

    def under_way(self) -> int:
        """Events that are not done."""
        with self._lock:
            return sum(len(partition.open) for partition in self._partitions.values())
