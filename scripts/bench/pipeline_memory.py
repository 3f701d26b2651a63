"""Does a process grow? Its resident memory over time, and the straight line through it. Pure.

The first part of a run fills caches and windows, so it is left out; ten minutes tell a leak from that.
Next: `bench.pipeline` samples every few seconds and prints.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import linear_regression
from typing import Final

# Share of a run that is warming up.
_WARMING: Final = 0.4
_LEAST_SAMPLES: Final = 5


class Memory:
    """Samples of several processes."""

    def __init__(self) -> None:
        self._samples: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def add(self, at_s: float, rss_mb: dict[str, int]) -> None:
        """What the processes have at a time (any clock, in seconds)."""
        for name, value in rss_mb.items():
            self._samples[name].append((at_s, value))

    def growth_mb_per_10min(self) -> dict[str, float]:
        """By process; nothing of one that was looked at too seldom."""
        found = {}
        for name, samples in self._samples.items():
            begin = samples[0][0] + (samples[-1][0] - samples[0][0]) * _WARMING
            late = [sample for sample in samples if sample[0] >= begin]
            if len(late) >= _LEAST_SAMPLES:
                slope = linear_regression([at for at, _ in late], [value for _, value in late]).slope
                found[name] = round(slope * 600, 1)
        return found
