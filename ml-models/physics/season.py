"""The year around a simulated room: how moist the air is that comes in.

A year is one swing between midwinter and midsummer, of the northern hemisphere; weather wanders about it. Nothing else
of the plant follows the year: there is no temperature outside, loads know the time of day alone, and how much a cooling
unit draws depends on its supply. Pure but for its random generator. Next: :mod:`physics.plant`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physics.hidden import Nature
from physics.laws import Floats

YEAR_S: Final = 365.2425 * 86400.0
# Mid-July: where winters are cold, the most moisture comes half a month after the longest day or a little later.
_SUMMER_S: Final = 198.0 * 86400.0


def days(rooms: int, rng: np.random.Generator) -> Floats:
    """A day of the year for each of so many rooms, drawn so that together they are spread over all of it."""
    return np.asarray((rng.permutation(rooms) + rng.random(rooms)) / rooms * (YEAR_S / 86400.0))


def summer(time_s: float, ahead_days: float | Floats = 0.0) -> float | Floats:
    """1 in the middle of summer, -1 in that of winter, for a calendar that is so many days ahead of ``time_s``."""
    return np.cos(2.0 * np.pi * (time_s + 86400.0 * np.asarray(ahead_days) - _SUMMER_S) / YEAR_S)


class Surroundings:
    """What surrounds S rooms. Its generator is its own, so that rooms are the same in any weather."""

    def __init__(self, rooms: int, nature: Nature, rng: np.random.Generator) -> None:
        self._nature, self._rng = nature, rng
        self.weather: Floats = rng.normal(0.0, nature.dew_point_drift, rooms)

    def step(self, dt_s: float) -> None:
        """Let the weather change as it does within ``dt_s``: an exact step of an Ornstein-Uhlenbeck process."""
        keep = np.exp(-dt_s / self._nature.dew_point_time_s)
        fresh = self._nature.dew_point_drift * np.sqrt(1.0 - keep * keep) * self._rng.standard_normal(self.weather.size)
        self.weather = keep * self.weather + fresh

    def dew_k(self, time_s: float) -> Floats:
        """By how much the dew point outside is above its mean over the years (S,), K."""
        swing = self._nature.season_dew_k * summer(time_s, self._nature.season_ahead_days)
        return np.asarray(self.weather + swing)
