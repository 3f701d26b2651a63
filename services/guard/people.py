"""Who asks and who approves, as far as it can be known: what was signed in, not what is claimed. Pure.

Ditto says of every change which subject made it (``ditto-originator``). A few subjects sign people in themselves and
are believed when they say who it is (the console); of every other the subject is the person, whatever the request says.
A program's subject (``integration:…``) confirms and approves nothing. Of a change that only a re-read showed nobody
knows who made it: it approves nothing either. Next: :mod:`guard.rules`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import structs

from guard.ledger import Command
from racktwin.commands import Request, Wish

_PROGRAM: Final = "integration:"


def authenticated(wish: Wish, subject: str, trusted: Collection[str], waiting: Command | None) -> Wish:
    """The wish with who asks and who approves as they were signed in; an approval that proves nothing is taken out.

    ``waiting`` is the unit's last command, for a wish that approves it: who asked for that is known, and stays.
    """
    request = wish.request
    # That the guard itself asks is not for others to say.
    origin = "api" if request.origin == "guard" else request.origin
    program = subject.startswith(_PROGRAM)
    approves = bool(request.approved_by or request.approval_of)
    asked = _waiting_for(wish, waiting) if approves else None
    if asked is None:
        who = _person(subject, request.who, trusted)
        changed = structs.replace(
            request, origin=origin, who=who, approved_by="", confirm=request.confirm and not program
        )
        return structs.replace(wish, request=changed)
    claimed = request.approved_by or request.who
    approver = "" if program or not subject else _person(subject, claimed, trusted)
    changed = structs.replace(
        request,
        origin=asked.origin or "api",
        who=asked.who,
        confirm=asked.confirm,
        approved_by=approver,
    )
    return structs.replace(wish, request=changed)


def _waiting_for(wish: Wish, waiting: Command | None) -> Request | None:
    """The request that the wish approves: it waits for that, and its values are the same."""
    if waiting is None or waiting.state != "awaiting approval":
        return None
    same = waiting.wish.id == (wish.request.approval_of or wish.id) and waiting.wish.values == wish.values
    return waiting.wish.request if same else None


def _person(subject: str, claimed: str, trusted: Collection[str]) -> str:
    if not subject or subject in trusted or subject.startswith(_PROGRAM):
        return claimed
    return subject
