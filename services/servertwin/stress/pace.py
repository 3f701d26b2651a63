"""How a load keeps to its level: time on the processor by the clock's periods, bytes by a budget that grows. Pure.

Standard library alone: workers load this, and should weigh nothing themselves.
"""

from __future__ import annotations


class Bytes:
    """How many bytes are due: ``rate`` per second since the start; what was not done for long is not made up for."""

    def __init__(self, rate: float, burst: int) -> None:
        """``burst``: most bytes that may be due at once."""
        self._rate, self._burst = rate, burst
        self._at: float | None = None
        self._due = 0.0

    def due(self, now: float) -> int:
        """Bytes that may be moved now (``now``: monotonic seconds)."""
        if self._at is not None:
            self._due = min(float(self._burst), self._due + (now - self._at) * self._rate)
        self._at = now
        return max(0, int(self._due))

    def done(self, count: int) -> None:
        """So many were moved."""
        self._due -= count

    def wait(self, count: int) -> float:
        """Seconds until so many are due."""
        return max(0.0, (count - self._due) / self._rate)


class Duty:
    """Busy for a share of each period: how much processor time is left in the period that ``now`` lies in.

    What a period did not get, because others had the core, is lost: a load never catches up beyond its level.
    """

    def __init__(self, share: float, period: float, start: float) -> None:
        self._share, self._period, self._start = share, period, start
        self._number = -1
        self._spent_before = 0.0

    def left(self, now: float, spent: float) -> float:
        """Seconds of processor time still to spend in this period; ``spent`` is all that was, ever."""
        number = int((now - self._start) // self._period)
        if number != self._number:
            self._number, self._spent_before = number, spent
        return self._share * self._period - (spent - self._spent_before)

    def until_next(self, now: float) -> float:
        """Seconds until the next period."""
        return max(0.0, self._start + (self._number + 1) * self._period - now)
