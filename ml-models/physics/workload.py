"""Workload of racks over time: a daily rhythm, correlated noise, and jobs that come and go.

Pure but for its random generator. Next: :mod:`physics.plant` turns utilisation into power.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_S: Final = 86400.0
JOB_SLOTS: Final = 3


@dataclass(frozen=True, slots=True)
class WorkloadParameters:
    """Times in seconds, the rest as shares of full utilisation."""

    base: tuple[float, float] = (0.25, 0.55)  # range over the racks of the mean without jobs
    daily: float = 0.12  # amplitude of the daily rhythm
    noise: float = 0.05  # standard deviation of the correlated noise
    noise_time_s: float = 1500.0
    job_size: tuple[float, float] = (0.08, 0.30)
    job_length_s: float = 2700.0  # mean
    job_gap_s: float = 9000.0  # mean, per slot
    ramp_time_s: float = 25.0  # how fast utilisation follows what is asked for


class Workload:
    """Utilisation (0 to 1) of n racks. Statistics do not depend on the step's length."""

    def __init__(self, n: int, rng: np.random.Generator, parameters: WorkloadParameters) -> None:
        p = self._p = parameters
        self._rng = rng
        self.base = rng.uniform(*p.base, n)
        self.phase_s = rng.normal(0.0, 5400.0, n)
        self.noise = rng.normal(0.0, p.noise, n)
        busy = p.job_length_s / (p.job_length_s + p.job_gap_s)
        self.job_on = rng.random((JOB_SLOTS, n)) < busy
        self.job_size = rng.uniform(*p.job_size, (JOB_SLOTS, n))
        self.utilisation: Floats = np.zeros(n)
        self.utilisation = self._wanted(0.0)

    def step(self, time_s: float, dt_s: float) -> Floats:
        """Advance by ``dt_s`` seconds to ``time_s`` (epoch seconds: the daily rhythm peaks at 15:00 UTC)."""
        p, rng = self._p, self._rng
        keep = np.exp(-dt_s / p.noise_time_s)
        self.noise = keep * self.noise + p.noise * np.sqrt(1.0 - keep * keep) * rng.standard_normal(self.noise.shape)
        draw = rng.random(self.job_on.shape)
        ends = self.job_on & (draw < -np.expm1(-dt_s / p.job_length_s))
        begins = ~self.job_on & (draw < -np.expm1(-dt_s / p.job_gap_s))
        if begins.any():
            self.job_size = np.where(begins, rng.uniform(*p.job_size, self.job_size.shape), self.job_size)
        self.job_on = (self.job_on & ~ends) | begins
        self.utilisation += -np.expm1(-dt_s / p.ramp_time_s) * (self._wanted(time_s) - self.utilisation)
        return self.utilisation

    def _wanted(self, time_s: float) -> Floats:
        rhythm = self._p.daily * np.cos(2.0 * np.pi * (time_s - 54000.0 + self.phase_s) / DAY_S)
        jobs = np.where(self.job_on, self.job_size, 0.0).sum(axis=0)
        return np.asarray(np.clip(self.base + rhythm + self.noise + jobs, 0.02, 1.0))
