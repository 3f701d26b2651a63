"""When a unit must go back from the optimiser's control to its own: optimiser or data are stale. Pure."""

from __future__ import annotations

from guard.case import Policy
from guard.state import Room, Unit
from racktwin.commands import Request, Wish, digest_of


def stale(room: Room, now: int, policy: Policy) -> str:
    """Why the optimiser cannot be trusted with the room now; empty when it can."""
    if room.optimiser_at is None or now - room.optimiser_at > policy.optimiser_stale_ms:
        return "optimiser stale"
    if len({inlet.rack for inlet in room.fresh_inlets(now)}) < policy.racks_known * room.racks:
        return "data stale"
    return ""


def local_wish(unit: Unit, room: Room, now: int, policy: Policy) -> Wish | None:
    """The guard's own command to a unit in mode ``mpc`` whose optimiser is gone; None while all is well."""
    why = stale(room, now, policy)
    if not why:
        return None
    request = Request(id=f"local-{now}", origin="guard", who=why, at=now)
    # The digest is that of the wish that stands on the twin: it stays dealt with.
    return Wish(thing=unit.thing, values={"mode": "auto"}, request=request, digest=digest_of(unit.desired))
