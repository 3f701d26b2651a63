"""What fires now: from findings to alerts that begin once and end once. Pure; times are epoch ms.

A rule fires when it was broken without a break for its waiting time, and is clear with the first finding that is not.
What is open stands on the twin, so a board that begins anew takes it from there and repeats nothing. Of a thing that
was deleted while no board watched it knows nothing: what was open on it is open in history until `leftovers` ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from alerting.rules import BY_NAME, RULES, Rule
from alerting.view import WINDOW_MS, Finding, View
from racktwin.fleet import Thing
from racktwin.names import ThingId

_PAST_STEP_MS: Final = 15_000


@dataclass(frozen=True, slots=True)
class Change:
    """An alert that began, ended, or that somebody acknowledged."""

    thing: Thing
    rule: Rule
    what: Literal["firing", "cleared", "acknowledged"]
    at: int
    since: int
    finding: Finding
    who: str = ""
    history_only: bool = False
    """Whether nothing is to be written onto the twin: the thing is no more, or its twin has the alert as over."""


class Board:
    """What fires, of one site."""

    def __init__(self, scale: float = 1.0, calm_scale: float | None = None) -> None:
        """``scale`` multiplies every time that rules know: how long they wait, and how far they look back. How long it
        must be well before an alert is over is multiplied by ``calm_scale``, where that is given."""
        self._scale = scale
        self._calm_scale = scale if calm_scale is None else calm_scale
        self._pending: dict[tuple[str, str], int] = {}
        # Open alerts of which nothing is seen any more, since when.
        self._calm: dict[tuple[str, str], int] = {}
        self._open: dict[tuple[str, str], tuple[int, Finding]] = {}
        self._acknowledged: dict[tuple[str, str], str] = {}
        # Things as they were judged last.
        self._known: dict[str, Thing] = {}
        self._past: dict[str, dict[str, list[tuple[int, float]]]] = {}

    def judge(self, thing: Thing, now: int) -> list[Change]:
        """Look at a twin; what changed by it."""
        name = thing["thingId"]
        first = name not in self._known
        self._known[name] = thing
        if first:
            self._take_over(thing)
        self._remember(thing, now)
        kind = ThingId.parse(name).kind
        changes = [change for rule in RULES if kind in rule.kinds for change in self._apply(rule, thing, now)]
        return [*changes, *self._acknowledgements(thing, now)]

    def forget(self, name: str, now: int) -> list[Change]:
        """The thing is no more, and with it what was wrong; alerts that are over by it."""
        thing = self._known.pop(name, None)
        self._past.pop(name, None)
        over = []
        for rule, (since, last) in [(key[1], found) for key, found in self._open.items() if key[0] == name]:
            assert thing is not None
            finding = Finding(False, last.value, last.limit, f"{ThingId.parse(name).name}: it is no more")
            over.append(Change(thing, BY_NAME[rule], "cleared", now, since, finding, history_only=True))
        for kept in (self._pending, self._calm, self._open, self._acknowledged):
            for key in [key for key in kept if key[0] == name]:
                del kept[key]
        return over

    def has_none(self, name: str, rule: str) -> bool:
        """Whether a thing that was judged has no such alert: neither open, nor on its way to be, nor on its twin."""
        thing, key = self._known.get(name), (name, rule)
        return thing is not None and not (key in self._open or key in self._pending or rule in _on_twin(thing))

    def count(self) -> dict[str, int]:
        """Open alerts by severity."""
        counts = dict.fromkeys(("info", "warning", "critical"), 0)
        for _, rule in self._open:
            counts[BY_NAME[rule].severity] += 1
        return counts

    def _apply(self, rule: Rule, thing: Thing, now: int) -> Iterator[Change]:
        key = (thing["thingId"], rule.name)
        firing = key in self._open
        finding = rule.check(View(thing, now, firing, self._past.get(thing["thingId"], {}), self._scale))
        if finding is None:
            self._pending.pop(key, None)
            return
        if not finding.broken:
            self._pending.pop(key, None)
            wait_ms = 0.0 if finding.taken_back else rule.clear_s * self._calm_scale * 1000
            if firing and now - self._calm.setdefault(key, now) >= wait_ms:
                del self._calm[key]
                since, _ = self._open.pop(key)
                self._acknowledged.pop(key, None)
                yield Change(thing, rule, "cleared", now, since, finding)
            return
        if firing:
            self._calm.pop(key, None)
            return
        since = self._pending.setdefault(key, now)
        if now - since >= rule.for_s * self._scale * 1000:
            del self._pending[key]
            self._open[key] = (since, finding)
            yield Change(thing, rule, "firing", now, since, finding)

    def _acknowledgements(self, thing: Thing, now: int) -> Iterator[Change]:
        for name, entry in _on_twin(thing).items():
            key = (thing["thingId"], name)
            who = entry.get("acknowledgedBy")
            if key in self._open and isinstance(who, str) and self._acknowledged.get(key) != who:
                self._acknowledged[key] = who
                since, finding = self._open[key]
                yield Change(thing, BY_NAME[name], "acknowledged", now, since, finding, who)

    def _take_over(self, thing: Thing) -> None:
        for name, entry in _on_twin(thing).items():
            since = entry.get("since")
            if name not in BY_NAME or not isinstance(since, int):
                continue
            key = (thing["thingId"], name)
            finding = Finding(
                True, float(entry.get("value", 0)), float(entry.get("limit", 0)), str(entry.get("text", ""))
            )
            self._open[key] = (since, finding)
            if isinstance(entry.get("acknowledgedBy"), str):
                self._acknowledged[key] = entry["acknowledgedBy"]

    def _remember(self, thing: Thing, now: int) -> None:
        followed = View(thing, now, scale=self._scale).followed()
        if not followed:
            return
        past = self._past.setdefault(thing["thingId"], {})
        for name in past.keys() - followed.keys():
            del past[name]
        for name, value in followed.items():
            points = past.setdefault(name, [])
            if not points or now - points[-1][0] >= _PAST_STEP_MS * self._scale:
                points.append((now, value))
            while points and now - points[0][0] > WINDOW_MS * self._scale:
                points.pop(0)


def _on_twin(thing: Thing) -> dict[str, dict[str, Any]]:
    """Open alerts as the twin has them."""
    feature = (thing.get("features") or {}).get("alerts") or {}
    found = (feature.get("properties") or {}).get("open") or {}
    return {name: entry for name, entry in found.items() if isinstance(entry, dict)}
