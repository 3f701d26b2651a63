"""When predictions are due: in rounds that begin at multiples of the interval. Pure.

Up to `AT_ONCE` things have their turn at once; the turns of more are spread over the interval, since each prediction is
a merge, and a burst of ten thousand would keep a Ditto, and all fresh values behind it, waiting for many seconds.

A thing's very first prediction does not wait for that: see `runner.work`.
"""

from __future__ import annotations

from typing import Final

from models.windows import IntArray

AT_ONCE: Final = 64
# Of the interval, so that a round is over before the next begins.
_SPREAD: Final = 0.8
_TURN_MS: Final = 250


class Schedule:
    """Aligned ticks every `interval_ms`, told apart by their number since the epoch."""

    def __init__(self, interval_ms: int, now_ms: int) -> None:
        if interval_ms < 1:
            raise ValueError("interval_ms must be at least 1")
        self._interval_ms = interval_ms
        self._last = now_ms // interval_ms

    def due(self, now_ms: int) -> bool:
        """Whether a tick has passed since the last time this said so. Ticks that were missed are not made up for.

        A clock set back does not stop the schedule: it goes on from the new time.
        """
        tick = now_ms // self._interval_ms
        passed = tick != self._last
        self._last = tick
        return passed


class Turns:
    """Spreads one round's things over the interval."""

    def __init__(self, interval_ms: int) -> None:
        self._turns = max(1, int(interval_ms * _SPREAD) // _TURN_MS)
        self._left: IntArray | None = None
        self._size = AT_ONCE
        self._at = 0

    def begin(self, slots: IntArray, now_ms: int) -> None:
        """A round of these things begins; what is left of the one before is in it anyway."""
        self._left = slots
        self._size = max(AT_ONCE, -(-len(slots) // self._turns))
        self._at = now_ms

    def next(self, now_ms: int) -> IntArray | None:
        """Whose turn it is now, None while it is nobody's."""
        if self._left is None or now_ms < self._at:
            return None
        turn, left = self._left[: self._size], self._left[self._size :]
        self._left = left if len(left) else None
        self._at += _TURN_MS
        return turn
