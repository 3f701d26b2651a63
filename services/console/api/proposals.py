"""The optimiser's proposals: who acts on them, accepting or leaving one; and where a new rack fits. What is proposed
stands on the room's twin."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_404_NOT_FOUND, HTTP_409_CONFLICT, HTTP_503_SERVICE_UNAVAILABLE

from console.access import Engineer, Inside, Visible
from console.api.bodies import Body
from console.api.problems import problems
from console.questions import Unanswerable
from console.twin_writes import note, write
from racktwin import commands
from racktwin.fleet import Fleet
from racktwin.names import ThingId, thing_id

router = APIRouter(
    prefix="/api/v1/sites", tags=["proposals"], responses=problems(401, 403, 404, 409, 422, 429, 502, 503)
)

Room = Annotated[str, Path(max_length=63)]


class Mode(Body):
    """Who acts on proposals from now on."""

    mode: Literal["off", "advise", "closed-loop"]


class Accept(Body):
    """The proposal that the person saw; another one has come meanwhile when it is not the room's any more."""

    proposal: Annotated[str, Field(min_length=1, max_length=100)]
    confirm: bool = False


class Leave(Body):
    """The proposal that the person saw and does not want, and why."""

    proposal: Annotated[str, Field(min_length=1, max_length=100)]
    why: Annotated[str, Field(max_length=200)] = ""


class NewRack(Body):
    """A rack that is looked for a place."""

    power_w: Annotated[float, Field(gt=0, le=1_000_000, description="What it will draw (W).")]


class SpotFound(BaseModel):
    """A free place, in m, with the hottest inlets (°C) there would be, with all units and with the worst one lost."""

    row: str
    x: float
    y: float
    own_inlet_c: float
    hottest_c: float
    hottest_one_lost_c: float
    worst_loss: str
    fits: bool
    why: str


class Left(BaseModel):
    """What the room can still carry (W), and which of the three limits it."""

    power_w: float
    cooling_w: float
    cooling_one_lost_w: float
    limit: str


class Placement(BaseModel):
    """Places for a rack, the best first, and what the room can still carry."""

    room: str
    power_w: float
    places: list[SpotFound]
    left: Left


class Accepted(BaseModel):
    """The wishes that were made of it: unit (thing id) -> id."""

    wishes: dict[str, str]


@router.put("/{site}/rooms/{room}/optimisation/mode", status_code=204)
async def switch(mode: Mode, fleet: Visible, session: Engineer, inside: Inside, room: Room) -> None:
    """Switch the optimiser of a room."""
    thing = _room(fleet, room)
    await run_in_threadpool(note, inside, fleet, session, thing, event="optimiser mode", subject=mode.mode)
    path = f"/api/2/things/{thing}/features/optimisation/desiredProperties/mode"
    await run_in_threadpool(write, inside, path, mode.mode)


@router.post("/{site}/rooms/{room}/optimisation/accept", status_code=202)
async def accept(accept: Accept, fleet: Visible, session: Engineer, inside: Inside, room: Room) -> Accepted:
    """Ask each unit for what is proposed; the guard decides upon each."""
    thing = _room(fleet, room)
    proposed = _proposed(fleet, thing, accept.proposal)
    why = str(proposed.get("why", ""))[:500]
    await run_in_threadpool(
        note, inside, fleet, session, thing, event="proposal accepted", subject=accept.proposal, detail=why
    )
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


@router.post("/{site}/rooms/{room}/optimisation/leave", status_code=204)
async def leave(leave: Leave, fleet: Visible, session: Engineer, inside: Inside, room: Room) -> None:
    """Say that a proposal is not wanted. Nothing changes in the room; who said so and why stands on its twin and in
    the audit, and the optimiser proposes the like no more for some hours, unless inlets would lose their margin."""
    thing = _room(fleet, room)
    proposed = _proposed(fleet, thing, leave.proposal)
    await run_in_threadpool(
        note, inside, fleet, session, thing, event="proposal left", subject=leave.proposal, detail=leave.why
    )
    # With its settings: the optimiser proposes the like no more for some time, also one that was started anew.
    settings = {
        unit: {"setpoint": each["setpoint"], "fanSpeed": each["fanSpeed"]}
        for unit, each in (proposed.get("settings") or {}).items()
    }
    left = {
        "proposal": leave.proposal,
        "who": session.user,
        "at": inside.clock(),
        "why": leave.why,
        "settings": settings,
    }
    path = f"/api/2/things/{thing}/features/optimisation/desiredProperties/left"
    await run_in_threadpool(write, inside, path, left)


@router.post("/{site}/rooms/{room}/placement")
async def placement(rack: NewRack, fleet: Visible, inside: Inside, room: Room) -> Placement:
    """Where a new rack fits: each free place is tried in the room's model, with all cooling units and with each lost
    in turn."""
    _room(fleet, room)
    # Copies: the fleet changes while the question is put.
    things = [
        {"thingId": each["thingId"], "attributes": each.get("attributes"), "features": dict(each.get("features") or {})}
        for each in fleet.in_room(room)
        if ThingId.parse(each["thingId"]).kind != "server"
    ]
    now = inside.clock()
    try:
        found = await run_in_threadpool(inside.questions.ask, "placement", room, things, now, powerW=rack.power_w)
        left = await run_in_threadpool(inside.questions.ask, "capacity", room, things, now)
    except Unanswerable as error:
        status = HTTP_503_SERVICE_UNAVAILABLE if error.busy else HTTP_409_CONFLICT
        raise HTTPException(status, f"placement: {error}") from error
    return Placement(room=room, power_w=rack.power_w, places=found["places"], left=left)


def _proposed(fleet: Fleet, thing: str, proposal: str) -> dict[str, Any]:
    feature = (fleet.things[thing].get("features") or {}).get("optimisation") or {}
    proposed: dict[str, Any] = feature.get("properties") or {}
    if proposed.get("proposal") != proposal or proposed.get("state") != "proposed":
        raise HTTPException(HTTP_409_CONFLICT, "proposal: it is not the room's any more; look at the newest one")
    return proposed


def _room(fleet: Fleet, room: str) -> str:
    try:
        thing = thing_id(fleet.site, "room", room)
    except ValueError as error:
        raise HTTPException(HTTP_404_NOT_FOUND, f"room: {error}") from error
    if thing not in fleet.things:
        raise HTTPException(HTTP_404_NOT_FOUND, f"room: {fleet.site} has no {room}")
    return thing
