"""Scores by series and by model, older ones fading. Pure.

A tally fades with a half-life, so that it speaks of the last hours and needs no list of what it was made of.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from racktwin.names import site_of
from scorecard.ledger import Scored

HALF_LIFE_MS: Final = 6 * 3_600_000
# A version's verdict rests on what is recent: a drift must show within an hour or two.
RECENT_HALF_LIFE_MS: Final = 45 * 60_000


@dataclass(slots=True)
class Tally:
    """Faded sums over scored predictions."""

    half_life_ms: int = HALF_LIFE_MS
    at_ms: int = 0
    weight: float = 0.0
    absolute: float = 0.0
    signed: float = 0.0
    square: float = 0.0
    naive: float = 0.0
    covered: float = 0.0
    count: int = 0

    def add(self, scored: Scored) -> None:
        """One more."""
        w = scored.waited
        keep = 0.5 ** (max(0, scored.at_ms - self.at_ms) / self.half_life_ms) if self.count else 0.0
        self.at_ms = max(self.at_ms, scored.at_ms)
        error, naive = w.value - scored.truth, w.persistence - scored.truth
        self.weight = self.weight * keep + 1.0
        self.absolute = self.absolute * keep + abs(error)
        self.signed = self.signed * keep + error
        self.square = self.square * keep + error * error
        self.naive = self.naive * keep + naive * naive
        self.covered = self.covered * keep + (1.0 if w.lo <= scored.truth <= w.hi else 0.0)
        self.count += 1

    @property
    def skill(self) -> float:
        """1 - MSE / MSE of persistence; 0 where persistence was perfect too."""
        return 1.0 - self.square / self.naive if self.naive > 0 else 0.0

    @property
    def mae(self) -> float:
        """Mean absolute error."""
        return self.absolute / self.weight if self.weight else 0.0

    @property
    def bias(self) -> float:
        """Mean error; positive where too much was predicted."""
        return self.signed / self.weight if self.weight else 0.0

    @property
    def coverage(self) -> float:
        """Share of truths inside their interval."""
        return self.covered / self.weight if self.weight else 0.0

    def as_dict(self) -> dict[str, float | int]:
        """As plain numbers."""
        return {
            "count": self.count,
            "mae": round(self.mae, 4),
            "bias": round(self.bias, 4),
            "skill": round(self.skill, 4),
            "coverage": round(self.coverage, 4),
        }


class Tallies:
    """All tallies: of each thing by model, target and horizon, and of each model's version as a whole
    and by horizon."""

    def __init__(self, recent_half_life_ms: int = RECENT_HALF_LIFE_MS) -> None:
        """``recent_half_life_ms``: of what a version's verdict rests on."""
        self._recent_ms = recent_half_life_ms
        self._of_things: dict[str, dict[tuple[str, str, int], Tally]] = defaultdict(dict)
        self.versions: dict[tuple[str, str], Tally] = {}
        self._horizons: dict[tuple[str, str], dict[int, Tally]] = defaultdict(dict)
        # Model -> sites with things that it was scored for.
        self.sites: dict[str, set[str]] = defaultdict(set)
        self._changed: dict[str, Scored] = {}

    def newest(self) -> dict[str, str]:
        """Model -> the version that was scored last: the one that serves."""
        found: dict[str, str] = {}
        for (model, version), tally in self.versions.items():
            if model not in found or tally.at_ms >= self.versions[model, found[model]].at_ms:
                found[model] = version
        return found

    def horizons(self, model: str, version: str) -> dict[int, Tally]:
        """Of a version's horizons (s), the shortest first; each as recent as the version's own."""
        return dict(sorted(self._horizons.get((model, version), {}).items()))

    def add(self, scored: Scored) -> None:
        """One more scored prediction."""
        w = scored.waited
        self.sites[w.model].add(site_of(scored.thing))
        mine = self._of_things[scored.thing]
        mine.setdefault((w.model, scored.target, w.horizon_s), Tally()).add(scored)
        self.versions.setdefault((w.model, w.version), Tally(self._recent_ms)).add(scored)
        self._horizons[w.model, w.version].setdefault(w.horizon_s, Tally(self._recent_ms)).add(scored)
        self._changed[scored.thing] = scored

    def changed(self) -> list[tuple[Scored, dict[str, Any]]]:
        """Things with new scores since the last call: the newest scored prediction, and all scores as plain data."""
        found = []
        for thing, scored in self._changed.items():
            models: dict[str, Any] = {}
            for (model, target, horizon), tally in self._of_things[thing].items():
                models.setdefault(model, {}).setdefault(target, {})[str(horizon)] = tally.as_dict()
            found.append((scored, models))
        self._changed.clear()
        return found
