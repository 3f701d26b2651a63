"""Has this reading been seen already? Exact within a bounded window per series.

A series is one thing's feature. The window remembers the last readings by observation time, by which properties
they carried and by sequence number: an at-least-once transport repeats a reading with all three the same, whereas a
device that sends temperature and humidity of one instant apart repeats the time alone.

What has left the window counts as new: writing a reading twice is harmless everywhere downstream, dropping one is not.
Not here: gaps in sequence numbers (`racktwin.sequence`).
"""

from __future__ import annotations

from array import array

_ABSENT = -1


class SeriesWindow:
    """The last readings of one thing's feature: three parallel rings, because 60,000 of these are alive at once."""

    __slots__ = ("_masks", "_next", "_seqs", "_size", "_times", "newest")

    def __init__(self, size: int) -> None:
        """`size`: readings remembered, at least 1."""
        self._times = array("q")
        self._masks = array("Q")
        self._seqs = array("q")
        self._size = size
        self._next = 0
        self.newest = -(2**62)

    def seen(self, time_ms: int, mask: int, seq: int | None) -> bool:
        """Whether every property in `mask` (bit set, 64 bits) was seen at `time_ms` with `seq`; if not, remember it."""
        number = _ABSENT if seq is None else seq
        # Nearly every reading is newer than all before it: then there is nothing to look for.
        if time_ms <= self.newest:
            times = self._times
            for index in range(len(times)):
                if times[index] == time_ms and self._seqs[index] == number:
                    known = self._masks[index]
                    if not mask & ~known:
                        return True
                    self._masks[index] = known | mask
                    return False
        else:
            self.newest = time_ms
        if len(self._times) < self._size:
            self._times.append(time_ms)
            self._masks.append(mask)
            self._seqs.append(number)
        else:
            at = self._next
            self._times[at] = time_ms
            self._masks[at] = mask
            self._seqs[at] = number
            self._next = (at + 1) % self._size
        return False
