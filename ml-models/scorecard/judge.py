"""Whether a served version drifts, and whether it must pause. Pure; remembers since when.

It drifts when its recent scores are much worse than its card promised, and still are: intervals that hold far less than
they should, or errors far beyond those of its test. It pauses when it stays worse than persistence: then no prediction
is better. An incident that nobody could foresee makes a version worse than persistence for hours, by the squares of a
few minutes, and is neither, once most of its predictions are nearer to the truth than assuming no change was.
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
# Squares of kelvins among tenths of them are gone after eight half-lives (`tallies`).
_NO_INCIDENT_MS: Final = 6 * 3_600_000


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
        self._worse, self._off = _Since(), _Since()

    def verdict(self, tally: Tally, now_ms: int) -> Verdict:
        """What its recent scores say."""
        if tally.minutes < self._least:
            return Verdict(False, False, "")
        newest = tally.newest or tally
        worse_ms = self._worse.last(tally.skill < 0.0, now_ms)
        # Seldom nearer than no change just now; or worse for so long that no incident is left in it.
        off = newest.advantage < 0.5 or worse_ms >= _NO_INCIDENT_MS
        off_ms = self._off.last(tally.skill < 0.0 and off, now_ms)
        reasons = []
        if max(tally.coverage, newest.coverage) < self._promise.coverage - _COVERAGE_SHORT:
            reasons.append(f"its intervals hold {tally.coverage:.0%} instead of {self._promise.coverage:.0%}")
        if off and tally.mae > _ERROR_TIMES * self._promise.mae and tally.skill < 0.1:
            reasons.append(f"its error is {tally.mae:.3f}, the card says {self._promise.mae:.3f}")
        if off and tally.skill < 0.0:
            reasons.append(f"it is worse than persistence (skill {tally.skill:.2f})")
        return Verdict(bool(reasons), off_ms >= _PAUSE_AFTER_MS, "; ".join(reasons))


class _Since:
    """How long something has been so."""

    def __init__(self) -> None:
        self._since: int | None = None

    def last(self, so: bool, now_ms: int) -> int:
        """How long by now (ms); 0 where it is not, or only since now."""
        if not so:
            self._since = None
        elif self._since is None:
            self._since = now_ms
        return 0 if self._since is None else now_ms - self._since
