"""Simulated disks: SMART counters that age, and what befalls a disk that fails. Deterministic; a function of the time.

A bad sector is found at some moment, waits some hours to be reallocated, and is reported to the host when it is read
meanwhile. Bad sectors come as a Poisson process with a rate that is told: none, some once in the disk's life, or more
and more from an onset on, until the disk dies (or without it: about a quarter of disks die without a sign). Times are
epoch seconds. Who uses it: `physics.shelves` for the gateway's simulated servers, `training.disks` for fleets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from physics.laws import Floats

# More bad sectors than that are not followed: no disk goes on with as many.
_MOST: Final = 5000
HOUR_S: Final = 3600.0
_SPARE: Final = 10.0


@dataclass(frozen=True)
class Course:
    """How a disk's bad sectors come: `burst` of them around `burst_s`, and from `onset_s` on `rate` an hour, which
    grows by e every `growth_s` (inf: does not). It says nothing from `dies_s` on."""

    burst: int = 0
    burst_s: float = -math.inf
    onset_s: float = math.inf
    rate: float = 0.0
    growth_s: float = math.inf
    dies_s: float = math.inf

    def expected(self, time_s: Floats) -> Floats:
        """Bad sectors that a failing disk has on average, since the onset."""
        hours = np.maximum(0.0, np.asarray(time_s) - self.onset_s) / HOUR_S
        if math.isinf(self.onset_s):
            return np.zeros_like(hours)
        if math.isinf(self.growth_s):
            return np.asarray(self.rate * hours)
        tau = self.growth_s / HOUR_S
        return np.asarray(self.rate * tau * np.expm1(np.minimum(hours / tau, 50.0)))


@dataclass
class Disk:
    """One disk. `waits_h`: how long a sector waits to be reallocated, on average; `reported`: the share of bad sectors
    that the host asks for meanwhile; `worn`: percent of the rated writes used up by an hour (0 for magnetic disks)."""

    seed: int
    born_s: float
    ssd: bool = False
    course: Course = field(default_factory=Course)
    waits_h: float = 24.0
    reported: float = 0.3
    worn: float = 0.0

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 5])
        # The n-th sector goes bad when the expected count reaches the n-th sum.
        self._sums = np.cumsum(rng.exponential(1.0, _MOST))
        self._waits = rng.exponential(self.waits_h, _MOST) * HOUR_S
        self._is_reported = rng.random(_MOST) < self.reported
        at = self.course.burst_s + rng.normal(0.0, 2.0 * HOUR_S, self.course.burst)
        self._burst_at = np.sort(at)
        self._burst_waits = rng.exponential(self.waits_h, self.course.burst) * HOUR_S
        self._burst_reported = rng.random(self.course.burst) < self.reported

    def says(self, time_s: float) -> bool:
        """Whether it answers at all."""
        return self.born_s <= time_s < self.course.dies_s

    def counters(self, time_s: float) -> dict[str, float]:
        """Its attributes at a moment, by the catalogue's names."""
        found = int(np.searchsorted(self._sums, float(self.course.expected(np.array([time_s]))[0]), side="right"))
        moments = np.concatenate([self._moments(found), self._burst_at])
        waits = np.concatenate([self._waits[:found], self._burst_waits])
        reported = np.concatenate([self._is_reported[:found], self._burst_reported])
        bad = moments <= time_s
        done = bad & (moments + waits <= time_s)
        hours = max(0.0, (time_s - self.born_s) / HOUR_S)
        counts = {
            "powerOnHours": float(int(hours)),
            "reallocatedSectors": float(done.sum()),
            "reportedUncorrectable": float((bad & reported).sum()),
        }
        if self.ssd:
            used = float(int(min(255.0, self.worn * hours)))
            return {**counts, "percentageUsed": used, "availableSpare": 100.0 - min(90.0, float(done.sum()) / _SPARE)}
        waiting = float((bad & ~done).sum())
        return {**counts, "pendingSectors": waiting, "offlineUncorrectable": float(int(0.5 * waiting))}

    def _moments(self, count: int) -> Floats:
        """When the first so many sectors of the failure went bad."""
        course, sums = self.course, self._sums[:count]
        if not count:
            return np.array([])
        if math.isinf(course.growth_s):
            return np.asarray(course.onset_s + sums / course.rate * HOUR_S)
        tau = course.growth_s / HOUR_S
        return np.asarray(course.onset_s + tau * np.log1p(sums / (course.rate * tau)) * HOUR_S)
