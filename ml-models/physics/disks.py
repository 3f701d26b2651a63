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

    def moments(self, sums: Floats) -> Floats:
        """When sectors go bad of a failing disk: each when so many were to be expected since the onset."""
        if math.isinf(self.onset_s) or self.rate <= 0.0:
            return np.array([])
        if math.isinf(self.growth_s):
            return np.asarray(self.onset_s + sums / self.rate * HOUR_S)
        tau = self.growth_s / HOUR_S
        return np.asarray(self.onset_s + tau * np.log1p(sums / (self.rate * tau)) * HOUR_S)


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
        failing = self.course.moments(np.cumsum(rng.exponential(1.0, _MOST)))
        waits = rng.exponential(self.waits_h, _MOST)
        reported = rng.random(_MOST) < self.reported
        at = self.course.burst_s + rng.normal(0.0, 2.0, self.course.burst) * HOUR_S
        waits = np.concatenate([waits[: len(failing)], rng.exponential(self.waits_h, self.course.burst)])
        reported = np.concatenate([reported[: len(failing)], rng.random(self.course.burst) < self.reported])
        bad = np.concatenate([failing, at])
        # When sectors go bad, when they are reallocated, when errors reach the host.
        self._bad_at = np.sort(bad)
        self._done_at = np.sort(bad + waits * HOUR_S)
        self._reported_at = np.sort(bad[reported])

    def says(self, time_s: float) -> bool:
        """Whether it answers at all."""
        return self.born_s <= time_s < self.course.dies_s

    def counters(self, time_s: float) -> dict[str, float]:
        """Its attributes at a moment, by the catalogue's names."""
        return {name: float(values[0]) for name, values in self.series(np.array([time_s])).items()}

    def series(self, times_s: Floats) -> dict[str, Floats]:
        """Its attributes at moments (epoch seconds), by the catalogue's names."""
        hours = np.maximum(0.0, (times_s - self.born_s) / HOUR_S)
        bad, done, told = (
            np.searchsorted(at, times_s, side="right").astype(float)
            for at in (self._bad_at, self._done_at, self._reported_at)
        )
        counts = {"powerOnHours": np.floor(hours), "reallocatedSectors": done, "reportedUncorrectable": told}
        if self.ssd:
            used = np.floor(np.minimum(255.0, self.worn * hours))
            spare = 100.0 - np.minimum(90.0, np.floor(done / _SPARE))
            return {**counts, "percentageUsed": used, "availableSpare": spare}
        return {**counts, "pendingSectors": bad - done, "offlineUncorrectable": np.floor((bad - done) / 2.0)}
