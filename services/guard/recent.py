"""What the guard remembers of the last hour: commands let through, and how cold the supply was. Pure.

It is in memory; what a guard that is started anew must know of it stands in the audit (`pace` of approved commands),
and is taken from there before anything is lessened. Next: :mod:`guard.journal` reads it, :mod:`guard.work` decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from guard.case import Past, Verdict
from guard.ledger import Ledger
from guard.state import Room, Unit
from racktwin.commands import Audit, Pace, Wish

KEPT_MS: Final = 3_600_000
# The supply is kept as the lowest of each such span (ms).
_SPAN_MS: Final = 60_000


class Recent:
    """The last hour, by unit. Not thread safe."""

    def __init__(self, kept_ms: int = KEPT_MS) -> None:
        """``kept_ms``: for how long, at least as long as any rule looks back."""
        self._kept_ms = kept_ms
        self._past: dict[str, deque[Past]] = {}
        self._supply: dict[str, deque[tuple[int, float]]] = {}

    def let_through(self, wish: Wish, verdict: Verdict, now: int) -> Pace:
        """A command was approved; one that is sent again counts once. An id proves nothing: whoever asks chooses it.

        What is given back is for the audit.
        """
        mine = self._past.setdefault(wish.thing, deque())
        if not mine or mine[-1].digest != wish.digest:
            mine.append(Past(wish.thing, wish.digest, now, verdict.less, verdict.setpoint_up_k, verdict.fan_down))
        return Pace(
            digest=wish.digest,
            less=verdict.less,
            setpoint_up_k=verdict.setpoint_up_k,
            fan_down=verdict.fan_down,
            supply_low=self._low(wish.thing, now),
        )

    def recall(self, journal: Iterable[Audit], now: int) -> None:
        """Take over what an earlier run of the guard let through; what is known already stays as it is."""
        found: dict[str, list[Past]] = {}
        for line in journal:
            # What the guard asks for itself hands a unit back to its own control: it takes nothing of the pace.
            if line.event != "approved" or line.action or line.origin == "guard":
                continue
            at, pace = min(line.at, now), line.pace
            if pace is None:
                found.setdefault(line.thing, []).append(Past(line.thing, f"id {line.id}", at, True, None, None))
                continue
            found.setdefault(line.thing, []).append(
                Past(line.thing, pace.digest, at, pace.less, pace.setpoint_up_k, pace.fan_down)
            )
            if pace.supply_low is not None:
                spans = self._supply.get(line.thing, ())
                self._supply[line.thing] = deque(sorted({*spans, (at, pace.supply_low)}))
        for thing, lines in found.items():
            mine: deque[Past] = deque()
            for past in sorted([*self._past.get(thing, ()), *lines], key=lambda one: one.at):
                if not mine or mine[-1].digest != past.digest:
                    mine.append(past)
            self._past[thing] = mine

    def supply(self, thing: str, now: int, value: float) -> None:
        """The unit's supply temperature (°C) now."""
        spans = self._supply.setdefault(thing, deque())
        if spans and now - spans[-1][0] < _SPAN_MS:
            spans[-1] = spans[-1][0], min(spans[-1][1], value)
        else:
            spans.append((now, value))
        while spans and now - spans[0][0] > self._kept_ms:
            spans.popleft()

    def past(self, things: Iterable[str], wish: Wish, now: int) -> tuple[Past, ...]:
        """Commands let through to these units, oldest first, without the wish itself where it was the last."""
        found: list[Past] = []
        for thing in things:
            mine = self._past.get(thing, deque())
            while mine and now - mine[0].at > self._kept_ms:
                mine.popleft()
            again = thing == wish.thing and self._let_through_last(wish)
            found.extend(list(mine)[:-1] if again else mine)
        return tuple(sorted(found, key=lambda past: past.at))

    def overlay(self, room: Room, ledger: Ledger, now: int) -> Room:
        """The room with what is on its way to its units, and with the coldest supply of the last hour."""
        return replace(room, units={thing: self._unit(unit, ledger, now) for thing, unit in room.units.items()})

    def _unit(self, unit: Unit, ledger: Ledger, now: int) -> Unit:
        unit = replace(unit, supply_low=self._low(unit.thing, now))
        command = ledger.of(unit.thing)
        if command is None or command.state not in ("requested", "accepted"):
            return unit
        if command.state == "requested" and not self._let_through_last(command.wish):
            # The twin tells of it, the audit does not: the guard was ended before it was sent. It is judged anew.
            return unit
        reported_after = unit.observed_at is not None and unit.observed_at > command.sent_at + 5_000
        if command.state == "accepted" and reported_after:
            return unit
        return _as_if_done(unit, command.wish.values)

    def _let_through_last(self, wish: Wish) -> bool:
        mine = self._past.get(wish.thing)
        return mine is not None and len(mine) > 0 and mine[-1].digest == wish.digest

    def _low(self, thing: str, now: int) -> float | None:
        spans: Iterable[tuple[int, float]] = self._supply.get(thing, ())
        return min((value for at, value in spans if now - at <= self._kept_ms), default=None)


def _as_if_done(unit: Unit, values: Mapping[str, float | str]) -> Unit:
    """The unit as it will be: what was let through counts, though its report does not show it yet."""
    setpoint, fan, mode = values.get("setpoint"), values.get("fanSpeed"), values.get("mode")
    return replace(
        unit,
        setpoint=float(setpoint) if isinstance(setpoint, int | float) else unit.setpoint,
        fan_speed=float(fan) if isinstance(fan, int | float) else unit.fan_speed,
        mode=mode if isinstance(mode, str) else unit.mode,
    )
