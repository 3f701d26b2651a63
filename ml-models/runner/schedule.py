"""What is due once an interval: ticks at multiples of it. Pure.

When a single thing's prediction is due is for `runner.forecaster`.
"""

from __future__ import annotations


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
