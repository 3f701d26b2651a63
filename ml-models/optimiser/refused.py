"""What was refused, and is not proposed again for now. Pure, with a memory per room.

A refusal stands on the twins: a person's on the room's (desired ``optimisation/left``, with the settings that were
left), the guard's or a unit's own on the unit's (``control/lastCommand``). It holds against proposals like the refused
one for a time, and only while the room is much as it was when the refusal was first seen. Next: :mod:`optimiser.work`,
which proposes what brings the margin back all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from optimiser.advise import Proposal
from optimiser.snapshot import Snapshot

# Settings no further apart (K, percentage points) are the same to a person: half of what is proposed at once, for
# proposals for one room differ by as much from minute to minute. A unit that was set by more is set otherwise.
PERSONS: Final = (1.0, 10.0)
SET: Final = (0.5, 5.0)
# What the guard refuses it may let pass a little smaller.
MACHINES: Final = (0.25, 2.0)
# A room whose hottest inlet or power has changed by more is another room (K, share).
CHANGED_K: Final = 1.0
CHANGED_POWER: Final = 0.1
# The guard and a unit answer to the moment, more than a person does.
MACHINES_MS: Final = 900_000
# Rules of the guard's that say "not now" or "not so", and nothing of the settings.
_NOT_NOW: Final = frozenset(
    {
        "age-unknown", "clock", "expired", "format", "interlock", "maintenance", "one-optimiser", "rate-limit",
        "second-approver", "slew", "stale-data",
    }
)  # fmt: skip

Settings = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Who refused which settings (unit -> setpoint, fanSpeed) at which time (epoch ms), and why, in words."""

    key: str
    at: int
    who: str
    why: str
    settings: Settings
    by_person: bool

    @property
    def words(self) -> str:
        """Who, and why where it is known."""
        return f"{self.who} refused it{self.why and f' ({self.why})'}"

    def is_like(self, settings: Settings, present: Settings) -> bool:
        """Whether proposing these settings would come to what was refused."""
        return _alike(self.settings, settings, present, PERSONS if self.by_person else MACHINES)


@dataclass(frozen=True, slots=True)
class _State:
    """What a proposal answers to."""

    hottest_c: float
    power_w: float
    settings: Settings
    failed: frozenset[str]


class Refusals:
    """The refusals of all rooms. Not thread safe."""

    def __init__(self, hold_ms: int) -> None:
        """``hold_ms``: how long a person's refusal holds."""
        self._hold_ms = hold_ms
        self._rooms: dict[str, dict[str, tuple[Refusal, _State]]] = {}

    def against(self, seen: Snapshot, things: Iterable[Mapping[str, Any]], settings: Settings) -> Refusal | None:
        """The refusal that holds against proposing these settings for the room now; None where there is none."""
        now = _state(seen)
        known = self._rooms.setdefault(seen.thing, {})
        for refusal in refusals(things):
            if refusal.key not in known:
                known[refusal.key] = (refusal, now)
        for key in [key for key, (one, then) in known.items() if self._over(one, then, seen.at, now)]:
            # Its record may still stand on the twin: it is kept as one that is over.
            known[key] = (replace(known[key][0], settings={}), known[key][1])
        holding = [one for one, _ in known.values() if one.settings and one.is_like(settings, now.settings)]
        self._forget(known, seen.at)
        return max(holding, key=lambda one: one.at, default=None)

    def _over(self, refusal: Refusal, then: _State, at: int, now: _State) -> bool:
        held = self._hold_ms if refusal.by_person else min(self._hold_ms, MACHINES_MS)
        return at - refusal.at >= held or _changed(then, now)

    def _forget(self, known: dict[str, tuple[Refusal, _State]], at: int) -> None:
        for key in [key for key, (one, _) in known.items() if at - one.at >= max(self._hold_ms, MACHINES_MS)]:
            # Found again on the twin it is over at once, by its age.
            del known[key]


def again(proposal: Proposal, refusal: Refusal, *, needed: bool) -> Proposal:
    """The proposal as it is told in spite of a refusal: where the margin must come back, with a word on it; else as
    nothing to be done."""
    if needed:
        return replace(proposal, why=f"{proposal.why}; {refusal.words}, but the margin to the limits must come back")
    why = f"not proposed again: {refusal.words}; until the room changes or the refusal is old"
    return replace(
        proposal,
        state="none",
        settings={},
        power_then_w=None,
        hottest_c=proposal.hottest_now_c,
        cost_then=None,
        why=why,
    )


def refusals(things: Iterable[Mapping[str, Any]]) -> list[Refusal]:
    """All refusals of the optimiser's that stand on a room's twins."""
    found = [_left(thing) if ":room-" in str(thing.get("thingId")) else _command(thing) for thing in things]
    return [refusal for refusal in found if refusal is not None and refusal.settings]


def _left(room: Mapping[str, Any]) -> Refusal | None:
    left = (_feature(room, "optimisation").get("desiredProperties") or {}).get("left")
    if not isinstance(left, Mapping) or not isinstance(left.get("at"), int):
        return None
    settings = left.get("settings")
    found = {
        str(unit): _numbers(values)
        for unit, values in (settings.items() if isinstance(settings, Mapping) else ())
        if isinstance(values, Mapping) and _numbers(values)
    }
    who, why = str(left.get("who") or "somebody"), str(left.get("why") or "")
    return Refusal(str(left.get("proposal")), left["at"], who, why, found, by_person=True)


def _command(unit: Mapping[str, Any]) -> Refusal | None:
    last = (_feature(unit, "control").get("properties") or {}).get("lastCommand")
    if not isinstance(last, Mapping) or last.get("state") != "refused" or not isinstance(last.get("at"), int):
        return None
    rule = str(last.get("rule") or "")
    if not str(last.get("origin")).startswith("optimiser") or rule in _NOT_NOW:
        return None
    name = str(unit["thingId"])
    values = last.get("values")
    settings = {name: _numbers(values)} if isinstance(values, Mapping) and _numbers(values) else {}
    who = f"the guard's rule {rule}" if rule else name.partition(":")[2]
    return Refusal(str(last.get("id")), last["at"], who, str(last.get("detail") or ""), settings, by_person=False)


def _state(seen: Snapshot) -> _State:
    now = seen.seen
    settings = {
        unit: {"setpoint": float(now.setpoint[k]), "fanSpeed": 100.0 * float(now.fan[k])}
        for k, unit in enumerate(seen.layout.unit_ids)
    }
    # The mean, because racks come and go with their reports.
    return _State(float(np.nanmax(now.inlet)), float(np.nanmean(now.power)), settings, frozenset(seen.failed))


def _changed(then: _State, now: _State) -> bool:
    """Whether the room is no longer as it was when the refusal came."""
    return (
        abs(now.hottest_c - then.hottest_c) > CHANGED_K
        or abs(now.power_w - then.power_w) > CHANGED_POWER * then.power_w
        or now.failed != then.failed
        or not _alike(then.settings, now.settings, now.settings, SET)
    )


def _alike(one: Settings, other: Settings, present: Settings, within: tuple[float, float]) -> bool:
    """Whether both come to the same for every unit that the first names; a unit not named stays as it is."""
    for unit, values in one.items():
        for name, value in values.items():
            wanted = other.get(unit, present.get(unit, {})).get(name)
            if wanted is None or abs(wanted - value) > within[name == "fanSpeed"]:
                return False
    return True


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(values[name]) for name in ("setpoint", "fanSpeed") if isinstance(values.get(name), int | float)}


def _feature(thing: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = (thing.get("features") or {}).get(name)
    return found if isinstance(found, Mapping) else {}
