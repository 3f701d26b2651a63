"""What is due once an interval, ticks at multiples of it, and how many may be done at once. Pure.

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


class Budget:
    """How many may go now: `at_once` after a rest, and from then on as many as the time that passed allows."""

    def __init__(self, at_once: int, now_ms: int) -> None:
        self._at_once = at_once
        self._left = float(at_once)
        self._looked = now_ms

    def take(self, wanted: int, per_ms: float, now_ms: int) -> int:
        """How many of these may go at `per_ms`; they are taken off. Where that is more, a quarter of a second's worth
        may go at once."""
        passed = max(0, now_ms - self._looked)
        self._looked = now_ms
        self._left = min(self._left + passed * per_ms, max(float(self._at_once), 250.0 * per_ms))
        given = min(wanted, int(self._left))
        self._left -= given
        return given

    def give_back(self, unused: int) -> None:
        """So many of those that went were not used."""
        self._left += unused
