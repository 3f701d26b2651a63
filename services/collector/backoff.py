"""How long to leave a failing device alone: doubling, bounded, with jitter. Pure but for its random numbers."""

from __future__ import annotations

import random
from typing import Final

_FIRST_S: Final = 1.0


class Backoff:
    """Delays after failures in a row."""

    def __init__(self, longest_s: float, rng: random.Random) -> None:
        self._longest_s, self._rng = longest_s, rng
        self.failures = 0

    def good(self) -> None:
        """It worked."""
        self.failures = 0

    def failed(self) -> float:
        """It failed once more: how long to wait (s), between half and all of 1, 2, 4, … up to the longest."""
        self.failures += 1
        whole = min(self._longest_s, _FIRST_S * 2.0 ** min(self.failures - 1, 30))
        return whole * self._rng.uniform(0.5, 1.0)
