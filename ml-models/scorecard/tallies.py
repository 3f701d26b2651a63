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
        # Site and model -> the version that was scored there last, and when. Sites may stay at different ones.
        self._at_sites: dict[tuple[str, str], tuple[int, str]] = {}
        # Predictions that were made before say nothing about a version that begins anew.
        self._since: dict[tuple[str, str], int] = {}
        # When the oldest prediction was made of those that a version's tally was begun with.
        self._oldest: dict[tuple[str, str], int] = {}
        self._changed: dict[str, Scored] = {}
        # When a version's newest prediction was made, of those that were scored.
        self.made: dict[tuple[str, str], int] = {}

    def served(self) -> dict[tuple[str, str], set[str]]:
        """Model and version -> sites that it serves: where it was scored last."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for (site, model), (_, version) in self._at_sites.items():
            if (model, version) in self.versions:
                found[model, version].add(site)
        return dict(found)

    def begin(self, model: str, version: str, since_ms: int) -> bool:
        """Count the version's predictions from then on alone; True where what was counted is dropped for it."""
        self._since[model, version] = since_ms
        if self._oldest.get((model, version), since_ms) >= since_ms:
            return False
        del self._oldest[model, version]
        self.versions.pop((model, version), None)
        self._horizons.pop((model, version), None)
        return True

    def horizons(self, model: str, version: str) -> dict[int, Tally]:
        """Of a version's horizons (s), the shortest first; each as recent as the version's own."""
        return dict(sorted(self._horizons.get((model, version), {}).items()))

    def add(self, scored: Scored) -> None:
        """One more scored prediction."""
        w = scored.waited
        mine = self._of_things[scored.thing]
        mine.setdefault((w.model, scored.target, w.horizon_s), Tally()).add(scored)
        self._changed[scored.thing] = scored
        made = w.valid_at - w.horizon_s * 1000
        self.made[w.model, w.version] = max(made, self.made.get((w.model, w.version), 0))
        if made < self._since.get((w.model, w.version), 0):
            return
        self._oldest[w.model, w.version] = min(made, self._oldest.get((w.model, w.version), made))
        here = (site_of(scored.thing), w.model)
        self._at_sites[here] = max(self._at_sites.get(here, (0, "")), (scored.at_ms, w.version))
        self.versions.setdefault((w.model, w.version), Tally(self._recent_ms)).add(scored)
        self._horizons[w.model, w.version].setdefault(w.horizon_s, Tally(self._recent_ms)).add(scored)

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
