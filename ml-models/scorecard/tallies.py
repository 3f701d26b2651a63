"""Scores by series and by model, older ones fading. Pure.

A tally fades with a half-life, so that it speaks of the last hours and needs no list of what it was made of. After a
start it goes on from what was written of it: of versions in the registry, of things in their history.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import msgspec

from models.notes import Scores, State
from racktwin.messages import Reading
from racktwin.names import site_of
from scorecard.ledger import Scored

# Of what was written without its weight: of each series one prediction a minute was scored then.
_EVERY_MS: Final = 60_000
_MINUTE_MS: Final = 60_000
HALF_LIFE_MS: Final = 6 * 3_600_000
# A version's verdict rests on what is recent: a drift must show within an hour or two.
RECENT_HALF_LIFE_MS: Final = 45 * 60_000
# Of an incident that no model foresees, squares outweigh for hours what comes after it: how often a version is right is
# looked at by itself, of what is newest: of this share of that half-life.
_NEWEST_SHARE: Final = 10 / 45


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
    nearer: float = 0.0
    count: int = 0
    minutes: int = 0
    """How many of them, counting one a minute of each series."""
    newest: Tally | None = None
    """The same, of what is newest alone; only of versions."""

    def add(self, scored: Scored, minute: bool = True) -> None:
        """One more; ``minute``: the first within a minute of its series."""
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
        gain = abs(naive) - abs(error)
        self.nearer = self.nearer * keep + (1.0 if gain > 0.0 else 0.5 if gain == 0.0 else 0.0)
        self.count += 1
        self.minutes += minute
        if self.newest is not None:
            self.newest.add(scored, minute)

    @staticmethod
    def of_version(half_life_ms: int) -> Tally:
        """Of a version as a whole: with what is newest beside it."""
        return Tally(half_life_ms, newest=Tally(round(half_life_ms * _NEWEST_SHARE)))

    @staticmethod
    def again(half_life_ms: int, at_ms: int, scores: Scores, minutes: int = 0) -> Tally:
        """As it was when these scores were noted; ``minutes``: 0 where each of them was of another."""
        made = Tally(half_life_ms, at_ms, count=scores.count, weight=scores.weight, minutes=minutes or scores.count)
        made.absolute, made.signed = scores.mae * scores.weight, scores.bias * scores.weight
        made.covered, made.square = scores.coverage * scores.weight, scores.rmse**2 * scores.weight
        # Scores are rounded, so a skill of 1 may be a little less.
        made.naive = made.square / max(1.0 - scores.skill, 1e-4)
        # What is not noted: how often it was nearer.
        made.nearer = scores.weight if scores.skill >= 0.0 else 0.0
        return made

    @property
    def rmse(self) -> float:
        """Root of the mean square error."""
        return math.sqrt(self.square / self.weight) if self.weight else 0.0

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

    @property
    def advantage(self) -> float:
        """Share of predictions that were nearer to the truth than assuming no change was; those as near count half."""
        return self.nearer / self.weight if self.weight else 0.0

    def as_dict(self, digits: int = 4) -> dict[str, float]:
        """As plain numbers, as a twin has them."""
        return {
            "count": self.count,
            "mae": round(self.mae, digits),
            "bias": round(self.bias, digits),
            "skill": round(self.skill, digits),
            "coverage": round(self.coverage, digits),
        }

    def as_history(self) -> dict[str, float]:
        """As plain numbers, all that it takes to go on with them after a start."""
        return {**self.as_dict(6), "rmse": round(self.rmse, 6), "weight": round(self.weight, 3)}


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
        # What was scored of a version until then has been noted before a start, and is in its tally.
        self._until: dict[tuple[str, str], int] = {}
        # Scores of things from before a start, whose series is not known yet: thing, (model, feature, horizon).
        self._told: dict[tuple[str, tuple[str, str, int]], Tally] = {}
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
        self._until.pop((model, version), None)
        self.versions.pop((model, version), None)
        self._horizons.pop((model, version), None)
        return True

    def again(self, model: str, version: str, state: State) -> None:
        """Go on with a version as it was noted before a start: what was scored until then is in it."""
        key = (model, version)
        self.begin(model, version, state.since)
        if not state.count or not state.weight or key in self.versions:
            return
        at_ms = state.scored_at or state.at
        whole = Scores(
            state.count, state.mae or 0.0, state.bias or 0.0, state.skill or 0.0, state.coverage or 0.0, state.rmse,
            state.weight,
        )  # fmt: skip
        tally = self.versions[key] = Tally.again(self._recent_ms, at_ms, whole, state.minutes)
        # What was newest is not noted: of as much as it can hold, it was like the rest.
        newest_ms = round(self._recent_ms * _NEWEST_SHARE)
        like = msgspec.structs.replace(whole, weight=whole.weight * _NEWEST_SHARE)
        tally.newest = Tally.again(newest_ms, at_ms, like, state.minutes)
        for horizon, own in state.horizons.items():
            self._horizons[key][int(horizon)] = Tally.again(self._recent_ms, at_ms, own)
        self._oldest[key], self._until[key] = state.since, at_ms

    def noted_until(self, model: str, version: str) -> int:
        """What was scored of a version until then (epoch ms UTC) was noted before this start; 0: nothing was."""
        return self._until.get((model, version), 0)

    def told(self, reading: Reading) -> None:
        """Go on with a thing's scores of one series as they were written before a start; what was scored until then is
        in them. Older ones hold neither weight nor squares: one a minute was scored, and errors are taken to be spread
        as normal ones are."""
        told = {name: float(value) for name, value in reading.values.items() if isinstance(value, int | float)}
        try:
            _, model, *feature, horizon = reading.feature.split(".")
            count, mae = int(told["count"]), told["mae"]
            keep = 0.5 ** (_EVERY_MS / HALF_LIFE_MS)
            weight = told.get("weight", (1.0 - keep**count) / (1.0 - keep))
            rmse = told.get("rmse", mae * math.sqrt(math.pi / 2.0))
            scores = Scores(count, mae, told["bias"], told["skill"], told["coverage"], rmse, weight)
            series = (model, ".".join(feature), int(horizon))
            tally = Tally.again(HALF_LIFE_MS, reading.observed_at, scores)
        except (KeyError, ValueError, ArithmeticError):
            # Somebody else's, by a name like ours: numbers may be any.
            return
        mine = self._of_things[reading.thing]
        same = [key for key in mine if (key[0], key[1].partition("/")[0], key[2]) == series]
        for key in same:
            mine[key] = tally
        if not same:
            # Which property of the feature it was, the next prediction tells.
            self._told[reading.thing, series] = tally

    def horizons(self, model: str, version: str) -> dict[int, Tally]:
        """Of a version's horizons (s), the shortest first; each as recent as the version's own."""
        return dict(sorted(self._horizons.get((model, version), {}).items()))

    def add(self, scored: Scored) -> None:
        """One more scored prediction."""
        w = scored.waited
        mine = self._of_things[scored.thing]
        series = (w.model, scored.target, w.horizon_s)
        if series not in mine:
            told = self._told.pop((scored.thing, (w.model, scored.target.partition("/")[0], w.horizon_s)), None)
            mine[series] = told or Tally()
        own = mine[series]
        minute = not own.count or own.at_ms // _MINUTE_MS != scored.at_ms // _MINUTE_MS
        own.add(scored)
        self._changed[scored.thing] = scored
        made = w.valid_at - w.horizon_s * 1000
        self.made[w.model, w.version] = max(made, self.made.get((w.model, w.version), 0))
        if made < self._since.get((w.model, w.version), 0):
            return
        self._oldest[w.model, w.version] = min(made, self._oldest.get((w.model, w.version), made))
        here = (site_of(scored.thing), w.model)
        self._at_sites[here] = max(self._at_sites.get(here, (0, "")), (scored.at_ms, w.version))
        if scored.at_ms <= self._until.get((w.model, w.version), 0):
            return
        self.versions.setdefault((w.model, w.version), Tally.of_version(self._recent_ms)).add(scored, minute)
        self._horizons[w.model, w.version].setdefault(w.horizon_s, Tally(self._recent_ms)).add(scored)

    def changed(self) -> list[tuple[Scored, dict[tuple[str, str, int], Tally]]]:
        """Things with new scores since the last call: the newest scored prediction, and all its thing's tallies by
        model, target and horizon (s)."""
        found = [(scored, self._of_things[thing]) for thing, scored in self._changed.items()]
        self._changed.clear()
        return found
