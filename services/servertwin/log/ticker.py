"""When samples are due: multiples of the interval after the start, so that delays never add up. Pure but for its clock.

A sample that comes late is taken at once and the next is due when it always was; ones whose time has passed by then are
missed and counted, as far as they belong to the series. Next: `servertwin.log.run`.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import Final

# Latenesses kept for the percentiles; the newest ones.
_KEPT: Final = 100_000


class Ticker:
    """Due times of a series of ``count`` samples (None: without end). ``wait(seconds)`` sleeps and returns True
    when it was told to stop."""

    def __init__(
        self,
        interval_s: float,
        wait: Callable[[float], bool],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        count: int | None = None,
    ) -> None:
        self.interval_s = interval_s
        self._wait, self._monotonic, self._count = wait, monotonic, count
        self._start: float | None = None
        self._next = 0
        self._late = array("d")
        self.missed = 0

    def begin(self, after_s: float = 0.0) -> None:
        """The first sample is due in ``after_s`` seconds."""
        self._start = self._monotonic() + after_s

    def next(self) -> tuple[int, float] | None:
        """Wait for the next sample: its number and how late it is (s); None when told to stop, and after the last."""
        if self._count is not None and self._next >= self._count:
            return None
        if self._start is None:
            self.begin()
        assert self._start is not None
        due = self._start + self._next * self.interval_s
        while (left := due - self._monotonic()) > 0:
            if self._wait(left):
                return None
        late = self._monotonic() - due
        number = self._next
        # What should have been taken meanwhile is not made up for: those moments are gone.
        passed = int(late // self.interval_s)
        if self._count is not None:
            passed = min(passed, self._count - 1 - number)
        self.missed += passed
        self._next = number + 1 + passed
        if len(self._late) >= _KEPT:
            del self._late[: _KEPT // 10]
        self._late.append(late)
        return number, late

    def lateness_ms(self) -> dict[str, float]:
        """Percentiles of how late samples were (ms)."""
        if not self._late:
            return {}
        ordered = sorted(self._late)
        at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        return {
            name: round(1000.0 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
            for name, share in at.items()
        }
