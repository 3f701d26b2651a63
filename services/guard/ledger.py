"""What was let through and is not finished: sending, repeating, answers, absence, expiry. Pure; a state per unit.

Calls return what is to be done, in order. A command keeps its id over every repetition, and devices do a repeated
command once, so sending again is always safe. What waited for an absent unit is decided anew before it is sent
(:class:`Reconsider`): the room may have changed meanwhile. Next: :mod:`guard.work`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from guard.case import Refusal
from guard.rules import valid_until
from racktwin.commands import Audit, LastCommand, Pace, State, Wish

DELIVERY_FAILURE: Final = "application/vnd.eclipse-hono-delivery-failure-notification+json"
_TOLERANCE: Final = 0.051


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what. Times in ms."""

    answer_ms: int = 10_000
    attempts: int = 3
    report_ms: int = 60_000
    """Of a one-way command: until the unit's reports must show its values."""
    offline_ms: int = 30_000
    """An absent unit is tried again this often, besides at each sign of life."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command under way, or the last one that is finished."""

    wish: Wish
    room: str
    state: State
    requested_at: int
    valid_until: int
    sent_at: int = 0
    attempts: int = 0
    detail: str | None = None
    rule: str | None = None
    by: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A device's answer, or Hono's word that it could not be asked."""

    device: str
    command: str
    status: int
    content_type: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Send:
    """Give this command to Hono."""

    command: Command


@dataclass(frozen=True, slots=True)
class Tell:
    """Write onto the twin: the last command, and values that the unit has taken over."""

    thing: str
    last: LastCommand
    applied: Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Reconsider:
    """Decide on this wish again, now that it could be sent."""

    wish: Wish


Effect = Send | Tell | Reconsider | Audit


class Ledger:
    """Commands by unit. Not thread safe."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._commands: dict[str, Command] = {}

    def of(self, thing: str) -> Command | None:
        """The unit's last command, finished or not."""
        return self._commands.get(thing)

    def open(self) -> list[Command]:
        """Commands that are not finished."""
        return [c for c in self._commands.values() if c.state in ("requested", "offline", "awaiting approval")]

    def knows(self, wish: Wish) -> bool:
        """Whether the wish was dealt with already."""
        command = self._commands.get(wish.thing)
        return command is not None and command.wish.digest == wish.digest

    def refused(self, wish: Wish, room: str, refusal: Refusal, now: int) -> list[Effect]:
        """The guard said no."""
        command = self._new(wish, room, "refused", now, refusal)
        return [*self._replaced(wish, now), *self._keep(command, now), _audit(command, "refused", now)]

    def awaiting(self, wish: Wish, room: str, refusal: Refusal, now: int) -> list[Effect]:
        """A second person must agree first."""
        command = self._new(wish, room, "awaiting approval", now, refusal)
        return [*self._replaced(wish, now), *self._keep(command, now), _audit(command, "awaiting", now)]

    def approved(self, wish: Wish, room: str, now: int, pace: Pace | None = None) -> list[Effect]:
        """The guard said yes: tell the twin first, then send. ``pace``: for the guard after the next start."""
        before = self._commands.get(wish.thing)
        again = before is not None and before.wish.id == wish.id and before.state in ("requested", "offline")
        command = self._new(wish, room, "requested", now, None)
        if again and before is not None:
            command = replace(command, attempts=before.attempts, requested_at=before.requested_at)
        command = replace(command, sent_at=now, attempts=command.attempts + 1)
        return [
            *([] if again else self._replaced(wish, now)),
            *self._keep(command, now),
            _audit(command, "approved", now, pace),
            Send(command),
            _audit(command, "sent", now),
        ]

    def resume(self, wish: Wish, last: Mapping[str, Any], room: str, now: int) -> list[Effect]:
        """Take over a wish that an earlier run of the guard dealt with: what was open goes on, the rest is known."""
        state: Any = last.get("state")
        command = Command(
            wish=wish,
            room=room,
            state=state,
            requested_at=int(last.get("requestedAt") or last.get("at") or now),
            valid_until=int(last.get("validUntil") or valid_until(wish, now)),
            attempts=0,
        )
        self._commands[wish.thing] = command
        if state not in ("requested", "offline"):
            return []
        if command.valid_until <= now:
            over: State = "timed out" if state == "requested" else "expired"
            return self._over(command, over, "while the guard was away", now)
        return [Reconsider(wish)]

    def answered(self, answer: Answer, now: int) -> list[Effect]:
        """An answer or a delivery failure came. Whatever belongs to no known command is not for us."""
        command = self._commands.get(answer.device)
        if command is None or command.wish.id != answer.command or command.state in ("accepted", "refused"):
            return []
        error = str(answer.body.get("error") or "")
        undelivered = answer.content_type == DELIVERY_FAILURE
        if undelivered and answer.status == 503:
            if command.state != "requested":
                return []
            absent = replace(command, state="offline", sent_at=now, detail=error or "not connected")
            return [*self._keep(absent, now), _audit(absent, "offline", now)]
        if 200 <= answer.status < 300:
            late = command.state not in ("requested", "offline")
            done = replace(
                command, state="accepted", detail="the answer came late" if late else None, rule=None, by=None
            )
            applied = answer.body.get("applied")
            return self._end(done, now, applied if isinstance(applied, dict) else command.wish.values)
        who = "Hono" if undelivered else "the unit"
        detail = f"{who} refused it: {answer.status} {error}".strip()
        return self._end(replace(command, state="refused", rule="device", by=None, detail=detail), now)

    def reported(self, thing: str, values: Mapping[str, Any], now: int) -> list[Effect]:
        """The unit reports these set-points: it lives, and a one-way command may show to be done."""
        command = self._commands.get(thing)
        if command is None:
            return []
        if command.state == "offline" and now - command.sent_at >= 1000:
            return self._again(command, now)
        if command.state == "requested" and command.wish.request.one_way and _shows(values, command.wish.values):
            return self._end(replace(command, state="accepted", detail="as its report shows"), now, command.wish.values)
        return []

    def tick(self, now: int) -> list[Effect]:
        """What is due by time."""
        effects: list[Effect] = []
        for command in self.open():
            effects += self._due(command, now)
        return effects

    def _due(self, command: Command, now: int) -> list[Effect]:
        waited = now - command.sent_at
        if command.state == "awaiting approval":
            return self._over(command, "expired", "nobody approved it", now) if now >= command.valid_until else []
        if command.state == "offline":
            if now >= command.valid_until:
                return self._over(command, "expired", "the unit was not connected while it held", now)
            return self._again(command, now) if waited >= self._patience.offline_ms else []
        if command.attempts == 0 and now < command.valid_until:
            # Of an earlier run, and not decided on yet: the twins could not be read.
            return self._again(command, now) if waited >= 1000 else []
        if command.wish.request.one_way:
            over = waited >= self._patience.report_ms or now >= command.valid_until
            return self._over(command, "timed out", "its reports do not show it", now) if over else []
        if waited < self._patience.answer_ms and now < command.valid_until:
            return []
        if command.attempts >= self._patience.attempts or now >= command.valid_until:
            return self._over(command, "timed out", f"no answer to {command.attempts} attempts", now)
        again = replace(command, sent_at=now, attempts=command.attempts + 1)
        self._commands[command.wish.thing] = again
        return [Send(again), _audit(again, "sent", now)]

    def _again(self, command: Command, now: int) -> list[Effect]:
        self._commands[command.wish.thing] = replace(command, sent_at=now)
        return [Reconsider(command.wish)]

    def _replaced(self, wish: Wish, now: int) -> list[Effect]:
        """The audit of an open command that a new wish replaces; the twin shows the new one."""
        before = self._before
        if before is None or before.wish.digest == wish.digest or before.wish.id == wish.id:
            return []
        if before.state not in ("requested", "offline", "awaiting approval"):
            return []
        return [_audit(replace(before, detail=f"replaced by {wish.id}"), "expired", now)]

    def _new(self, wish: Wish, room: str, state: State, now: int, refusal: Refusal | None) -> Command:
        self._before = self._commands.get(wish.thing)
        return Command(
            wish=wish,
            room=room,
            state=state,
            requested_at=wish.request.at or now,
            valid_until=valid_until(wish, now),
            detail=refusal.detail if refusal else None,
            rule=refusal.rule if refusal else None,
            by=refusal.by if refusal else None,
        )

    def _end(self, ended: Command, now: int, applied: Mapping[str, float | str] | None = None) -> list[Effect]:
        return [*self._keep(ended, now, applied), _audit(ended, ended.state, now)]

    def _over(self, command: Command, state: State, detail: str, now: int) -> list[Effect]:
        return self._end(replace(command, state=state, detail=detail, rule=None, by=None), now)

    def _keep(self, command: Command, now: int, applied: Mapping[str, float | str] | None = None) -> list[Effect]:
        self._commands[command.wish.thing] = command
        request = command.wish.request
        last = LastCommand(
            id=command.wish.id,
            state=command.state,
            origin=request.origin or "api",
            who=request.who,
            at=now,
            requested_at=command.requested_at,
            values=command.wish.values,
            rule=command.rule,
            by=command.by,
            detail=command.detail,
            approved_by=request.approved_by or None,
            attempts=command.attempts or None,
            valid_until=command.valid_until,
            digest=command.wish.digest,
        )
        return [Tell(command.wish.thing, last, applied or {})]

    _before: Command | None = None


def _audit(command: Command, event: str, now: int, pace: Pace | None = None) -> Audit:
    request = command.wish.request
    return Audit(
        thing=command.wish.thing,
        at=now,
        event=event,
        id=command.wish.id,
        origin=request.origin or "api",
        who=request.who,
        kind="cooling",
        room=command.room or None,
        values={n: v for n, v in command.wish.values.items() if isinstance(v, int | float | str)},
        rule=command.rule,
        by=command.by,
        detail=command.detail,
        approved_by=request.approved_by or None,
        pace=pace,
        v=1,
    )


def _shows(reported: Mapping[str, Any], wished: Mapping[str, float | str]) -> bool:
    for name, value in wished.items():
        found = reported.get(name)
        if isinstance(value, str):
            if found != value:
                return False
        elif not isinstance(found, int | float) or abs(found - value) > _TOLERANCE:
            return False
    return True
