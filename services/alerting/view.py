"""A twin as a rule of `rules` sees it, and what a rule finds. Pure; times are epoch ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from racktwin.fleet import Thing
from racktwin.names import ThingId

# A feature that was not heard of for so long is silent; how far rules look back. A view's scale multiplies both.
STALE_MS: Final = 180_000
WINDOW_MS: Final = 900_000
# A process of the pipeline that said nothing for this long is gone, and with it what it missed.
_HOP_GONE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a rule is broken, by what value against what limit (NaN: not known); ``text`` says it to people.
    ``taken_back``: what it judged is no longer said, which cannot waver."""

    broken: bool
    value: float
    limit: float
    text: str
    taken_back: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A twin as a rule sees it. ``firing``: the rule fires now. ``past``: what `followed` gave in the last quarter
    of an hour [(epoch ms, value)], oldest first. ``scale`` multiplies every time that a rule knows."""

    thing: Thing
    now: int
    firing: bool = False
    past: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)
    scale: float = 1.0

    @property
    def name(self) -> str:
        """The thing's name without site and kind."""
        return ThingId.parse(self.thing["thingId"]).name

    def number(self, feature: str, name: str) -> float | None:
        """A property that is a number."""
        value = self.of(feature).get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def text(self, feature: str, name: str) -> str | None:
        """A property that is a text."""
        value = self.of(feature).get(name)
        return value if isinstance(value, str) else None

    def of(self, feature: str) -> Mapping[str, Any]:
        """Properties of a feature; empty when there is none."""
        found = (self.thing.get("features") or {}).get(feature) or {}
        return found.get("properties") or {}

    def expired(self, feature: str) -> bool:
        """Whether a model's word no longer holds."""
        expires = self.number(feature, "expiresAt")
        return expires is not None and expires < self.now

    def over(self, limit: float, why: str) -> Finding | None:
        """What a rule finds when what it judges was taken back: a firing one is clear, one that does not fire is not
        asked. For what is said and withdrawn; what is measured falls silent, which another rule tells."""
        return Finding(False, 0.0, limit, f"{self.name}: {why}", taken_back=True) if self.firing else None

    def inlets(self) -> dict[str, float]:
        """Fresh front temperatures (°C) by place."""
        found = {}
        for feature in self.thing.get("features") or {}:
            place = feature.removeprefix("environment.")
            if place == feature or place.startswith("rear"):
                continue
            value = self.number(feature, "temperature")
            if value is not None and not self.is_stale(feature):
                found[place] = value
        return found

    def moisture(self) -> dict[str, tuple[float | None, float | None]]:
        """Fresh dew points (°C) and relative humidities (%) at the front by place."""
        found = {}
        for place in self.inlets():
            feature = f"environment.{place}"
            found[place] = self.number(feature, "dewPoint"), self.number(feature, "relativeHumidity")
        return found

    def is_stale(self, feature: str) -> bool:
        """Whether the feature has fallen silent."""
        observed = self.number(feature, "observedAt")
        old = observed is not None and self.now - observed > STALE_MS * self.scale
        return self.text(feature, "quality") == "stale" or old

    def missing(self) -> dict[str, float]:
        """Readings missing at each process of the pipeline that lives (on the site's twin)."""
        found = {}
        for name, entry in (self.of("hops").get("processes") or {}).items():
            if isinstance(entry, Mapping) and self.now - int(entry.get("at") or 0) <= _HOP_GONE_MS:
                found[name] = float(entry.get("missing") or 0.0)
        return found

    def followed(self) -> dict[str, float]:
        """What rules want to know the past of."""
        return self.missing() if ThingId.parse(self.thing["thingId"]).kind == "site" else self.inlets()

    def recent(self, series: str) -> list[float]:
        """The values of a followed series within the window, oldest first."""
        return [value for at, value in self.past.get(series, []) if self.now - at <= WINDOW_MS * self.scale]

    def ashrae_class(self) -> str:
        """The class that the rack is held to."""
        return str((self.thing.get("attributes") or {}).get("ashraeClass") or "A2")
