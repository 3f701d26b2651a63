"""How often somebody may ask: token buckets in memory, one set a process. Pure; the clock is passed in."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

# More callers than this are forgotten, oldest first.
_CALLERS: Final = 10_000


class Limiter:
    """At most ``rate`` requests a second on average, ``burst`` at once, for each caller."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, caller: str, now_s: float) -> float:
        """0 when the request may pass; else how many seconds to wait."""
        level, at = self._buckets.pop(caller, (self._burst, now_s))
        level = min(self._burst, level + (now_s - at) * self._rate)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._buckets[caller] = (level if wait else level - 1, now_s)
        if len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return wait
