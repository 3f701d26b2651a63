"""What the guard remembers of the last hour: commands let through, and how cold the supply was. Pure, in memory.

After a restart this is gone; what it only sharpens is then judged by the twins alone, and pace starts anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from guard.ledger import Ledger
from guard.rules import Past, Verdict
from guard.state import Room, Unit
from racktwin.commands import Wish

_KEPT_MS: Final = 3_600_000
# The supply is kept as the lowest of each such span (ms).
_SPAN_MS: Final = 60_000


class Recent:
    """The last hour, by unit. Not thread safe."""

    def __init__(self) -> None:
        self._past: dict[str, deque[Past]] = {}
        self._supply: dict[str, deque[tuple[int, float]]] = {}

    def let_through(self, wish: Wish, verdict: Verdict, now: int) -> None:
        """A command was approved; one that is sent again counts once. An id proves nothing: whoever asks chooses it."""
        mine = self._past.setdefault(wish.thing, deque())
        if mine and mine[-1].digest == wish.digest:
            return
        mine.append(Past(wish.thing, wish.digest, now, verdict.less, verdict.setpoint_up_k, verdict.fan_down))

    def supply(self, thing: str, now: int, value: float) -> None:
        """The unit's supply temperature (°C) now."""
        spans = self._supply.setdefault(thing, deque())
        if spans and now - spans[-1][0] < _SPAN_MS:
            spans[-1] = spans[-1][0], min(spans[-1][1], value)
        else:
            spans.append((now, value))
        while spans and now - spans[0][0] > _KEPT_MS:
            spans.popleft()

    def past(self, things: Iterable[str], wish: Wish, now: int) -> tuple[Past, ...]:
        """Commands let through to these units, oldest first, without the wish itself where it was the last."""
        found: list[Past] = []
        for thing in things:
            mine = self._past.get(thing, deque())
            while mine and now - mine[0].at > _KEPT_MS:
                mine.popleft()
            again = bool(mine) and mine[-1].thing == wish.thing and mine[-1].digest == wish.digest
            found.extend(list(mine)[:-1] if again else mine)
        return tuple(sorted(found, key=lambda past: past.at))

    def overlay(self, room: Room, ledger: Ledger, now: int) -> Room:
        """The room with what is on its way to its units, and with the coldest supply of the last hour."""
        return replace(room, units={thing: self._unit(unit, ledger, now) for thing, unit in room.units.items()})

    def _unit(self, unit: Unit, ledger: Ledger, now: int) -> Unit:
        spans: Iterable[tuple[int, float]] = self._supply.get(unit.thing, ())
        low = min((value for at, value in spans if now - at <= _KEPT_MS), default=None)
        unit = replace(unit, supply_low=low)
        command = ledger.of(unit.thing)
        if command is None or command.state not in ("requested", "accepted"):
            return unit
        reported_after = unit.observed_at is not None and unit.observed_at > command.sent_at + 5_000
        if command.state == "accepted" and reported_after:
            return unit
        return _as_if_done(unit, command.wish.values)


def _as_if_done(unit: Unit, values: Mapping[str, float | str]) -> Unit:
    """The unit as it will be: what was let through counts, though its report does not show it yet."""
    setpoint, fan, mode = values.get("setpoint"), values.get("fanSpeed"), values.get("mode")
    return replace(
        unit,
        setpoint=float(setpoint) if isinstance(setpoint, int | float) else unit.setpoint,
        fan_speed=float(fan) if isinstance(fan, int | float) else unit.fan_speed,
        mode=mode if isinstance(mode, str) else unit.mode,
    )
