"""Predictions of one series in the order of their time, packed into 24 bytes each. Pure.

They come in that order, so one is added at the end and what is due is taken off the front, which a bytearray does
without moving the rest; one that comes out of order is put into its place. Numbers are of single precision: whatever
they are compared with is rounded the same way (`single`), so that what was equal stays equal.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import Final

SIZE: Final = 24
# Of what waits for its truth: valid at (ms); value, lo, hi, what persistence said.
WAITING: Final = struct.Struct("<qffff")
# Of what waits for the reading that it rests on: based on (ms); value, lo, hi; valid so many ms later.
EARLY: Final = struct.Struct("<qfffI")
_TIME: Final = struct.Struct("<q")
_SINGLE: Final = struct.Struct("<f")


def single(value: float) -> float:
    """The number as it is packed.

    Raises:
        OverflowError: it is beyond single precision.
    """
    rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return rounded


def first(queue: bytearray) -> int:
    """Time (ms) of the first; there is one."""
    time: int = _TIME.unpack_from(queue)[0]
    return time


def last(queue: bytearray) -> int:
    """Time (ms) of the last; there is one."""
    time: int = _TIME.unpack_from(queue, len(queue) - SIZE)[0]
    return time


def put(queue: bytearray, packed: bytes, same_from: int) -> bool:
    """Put one into its place; False when it is there already: its time, and its bytes from `same_from` on."""
    time: int = _TIME.unpack_from(packed)[0]
    if not queue or last(queue) < time:
        queue += packed
        return True
    place = bisect_left(range(len(queue) // SIZE), time, key=lambda n: _TIME.unpack_from(queue, n * SIZE)[0]) * SIZE
    while place < len(queue) and _TIME.unpack_from(queue, place)[0] == time:
        if queue[place + same_from : place + SIZE] == packed[same_from:]:
            return False
        place += SIZE
    queue[place:place] = packed
    return True


def take(queue: bytearray, until: int) -> bytes:
    """Take off the front what is of that time (ms) or of before."""
    size, end = len(queue), 0
    while end < size and _TIME.unpack_from(queue, end)[0] <= until:
        end += SIZE
    taken = bytes(queue[:end])
    del queue[:end]
    return taken
