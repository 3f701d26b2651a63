"""The optimiser's proposals: who acts on them, and accepting one. What is proposed stands on the room's twin."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_404_NOT_FOUND, HTTP_409_CONFLICT

from console.access import Engineer, Inside, Visible
from console.twin_writes import write
from racktwin import commands
from racktwin.fleet import Fleet
from racktwin.names import thing_id

router = APIRouter(prefix="/api/v1/sites", tags=["proposals"])

Room = Annotated[str, Path(max_length=63)]


class Mode(BaseModel):
    """Who acts on proposals from now on."""

    mode: Literal["off", "advise", "closed-loop"]


class Accept(BaseModel):
    """The proposal that the person saw; another one has come meanwhile when it is not the room's any more."""

    proposal: Annotated[str, Field(min_length=1, max_length=100)]
    confirm: bool = False


class Accepted(BaseModel):
    """The wishes that were made of it: unit (thing id) -> id."""

    wishes: dict[str, str]


@router.put("/{site}/rooms/{room}/optimisation/mode", status_code=204)
async def switch(mode: Mode, fleet: Visible, _session: Engineer, inside: Inside, room: Room) -> None:
    """Switch the optimiser of a room."""
    thing = _room(fleet, room)
    path = f"/api/2/things/{thing}/features/optimisation/desiredProperties/mode"
    await run_in_threadpool(write, inside, path, mode.mode)


@router.post("/{site}/rooms/{room}/optimisation/accept", status_code=202)
async def accept(accept: Accept, fleet: Visible, session: Engineer, inside: Inside, room: Room) -> Accepted:
    """Ask each unit for what is proposed; the guard decides upon each."""
    thing = _room(fleet, room)
    feature = (fleet.things[thing].get("features") or {}).get("optimisation") or {}
    proposed: dict[str, Any] = feature.get("properties") or {}
    if proposed.get("proposal") != accept.proposal or proposed.get("state") != "proposed":
        raise HTTPException(HTTP_409_CONFLICT, "proposal: it is not the room's any more; look at the newest one")
    now = inside.clock()
    wishes: dict[str, str] = {}
    for unit, settings in (proposed.get("settings") or {}).items():
        request = commands.Request(
            id=f"acc-{secrets.token_hex(6)}",
            origin="optimiser-proposal",
            who=session.user,
            confirm=accept.confirm,
            at=now,
            valid_until=now + commands.DEFAULT_VALIDITY_MS,
            proposal=accept.proposal,
        )
        wished = {"setpoint": settings["setpoint"], "fanSpeed": settings["fanSpeed"], "mode": "manual"}
        path = f"/api/2/things/{unit}/features/control/desiredProperties"
        await run_in_threadpool(write, inside, path, commands.desired_of(wished, request))
        wishes[unit] = request.id
    return Accepted(wishes=wishes)


def _room(fleet: Fleet, room: str) -> str:
    try:
        thing = thing_id(fleet.site, "room", room)
    except ValueError as error:
        raise HTTPException(HTTP_404_NOT_FOUND, f"room: {error}") from error
    if thing not in fleet.things:
        raise HTTPException(HTTP_404_NOT_FOUND, f"room: {fleet.site} has no {room}")
    return thing
