"""Whether a served version drifts, and whether it must pause. Pure; remembers since when.

It drifts when its recent scores are much worse than its card promised: intervals that hold far less than they should,
or errors far beyond those of its test. It pauses when it stays worse than persistence: then no prediction is better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from scorecard.tallies import Tally

# Scored predictions before anything is said; of each series one a minute counts, as those within it are much the same.
LEAST: Final = 200
_COVERAGE_SHORT: Final = 0.15
_ERROR_TIMES: Final = 1.6
_PAUSE_AFTER_MS: Final = 30 * 60_000


@dataclass(frozen=True)
class Promise:
    """What a version's card says: MAE on its test, and the coverage its intervals are made for."""

    mae: float
    coverage: float


# Of a version that no registry knows: its error is held against persistence alone.
UNKNOWN: Final = Promise(math.inf, 0.9)


def promise_of(metrics: dict[str, Any], nominal: float) -> Promise:
    """From a manifest's metrics; over all horizons where they are told apart, as scores are."""
    by_horizon = metrics.get("byHorizon") or {}
    found = [float(scores["mae"]) for scores in by_horizon.values()] or [float(metrics["overall"]["mae"])]
    return Promise(sum(found) / len(found), nominal)


@dataclass(frozen=True)
class Verdict:
    """What is found, and why."""

    drifting: bool
    paused: bool
    reason: str


class Judge:
    """Judges one version."""

    def __init__(self, promise: Promise, least: int = LEAST) -> None:
        """``least``: scored predictions, of each series one a minute, before anything is said."""
        self._promise, self._least = promise, least
        self._worse_since: int | None = None

    def verdict(self, tally: Tally, now_ms: int) -> Verdict:
        """What its recent scores say."""
        if tally.minutes < self._least:
            return Verdict(False, False, "")
        reasons = []
        if tally.coverage < self._promise.coverage - _COVERAGE_SHORT:
            reasons.append(f"its intervals hold {tally.coverage:.0%} instead of {self._promise.coverage:.0%}")
        if tally.mae > _ERROR_TIMES * self._promise.mae and tally.skill < 0.1:
            reasons.append(f"its error is {tally.mae:.3f}, the card says {self._promise.mae:.3f}")
        worse = tally.skill < 0.0
        if not worse:
            self._worse_since = None
        elif self._worse_since is None:
            self._worse_since = now_ms
        paused = self._worse_since is not None and now_ms - self._worse_since >= _PAUSE_AFTER_MS
        if worse:
            reasons.append(f"it is worse than persistence (skill {tally.skill:.2f})")
        return Verdict(bool(reasons), paused, "; ".join(reasons))
