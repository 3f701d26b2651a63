"""When something was first to be seen on a twin: matching readings with the states that show them. Pure.

Used by the main job's benchmark; a reading that a newer one overtook counts as seen when the newer one was.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence


class Sightings:
    """States seen on one thing: each shows everything observed up to some time."""

    def __init__(self) -> None:
        self._shown: list[int] = []
        self._seen: list[float] = []

    def add(self, shown_up_to: int, seen_at: float) -> None:
        """A state that shows what was observed until ``shown_up_to``, seen at ``seen_at`` (both in ms)."""
        # A state that shows nothing newer tells nothing new.
        if not self._shown or shown_up_to > self._shown[-1]:
            self._shown.append(shown_up_to)
            self._seen.append(seen_at)

    def first_at(self, observed: int) -> float | None:
        """When a state that shows the observation was first seen, or None when none was."""
        index = bisect.bisect_left(self._shown, observed)
        return self._seen[index] if index < len(self._seen) else None

    def ages(self, observed: Iterable[int]) -> list[float]:
        """For each state that shows exactly one of these observations as its newest: milliseconds from it to its
        sighting."""
        wanted = set(observed)
        return [seen - shown for shown, seen in zip(self._shown, self._seen, strict=True) if shown in wanted]

    def __len__(self) -> int:
        return len(self._shown)


def latencies(observed: Iterable[int], sightings: Sightings) -> tuple[list[float], int]:
    """Milliseconds from each observation to its first sighting, and how many were never seen."""
    found: list[float] = []
    unseen = 0
    for at in observed:
        seen = sightings.first_at(at)
        if seen is None:
            unseen += 1
        else:
            found.append(seen - at)
    return found, unseen


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0 to 1) of the values do not exceed.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
