"""The present: sites, rooms, things, and what changes of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Response, WebSocket
from pydantic import BaseModel
from starlette.status import HTTP_404_NOT_FOUND, WS_1008_POLICY_VIOLATION

from console.access import Here, Inside, Visible, present, same_origin, services_of
from console.api.problems import problems
from racktwin.fleet import view, views
from racktwin.history import Retention
from racktwin.names import ThingId

router = APIRouter(prefix="/api/v1/sites", tags=["twins"], responses=problems(401, 422, 429))

Room = Annotated[str | None, Query(max_length=63, description="Only things of this room.")]


class RoomSummary(BaseModel):
    """A room of a site. Lengths in m."""

    name: str
    width: float | None
    depth: float | None
    height: float | None
    racks: int
    cooling_units: int


class SiteSummary(BaseModel):
    """A site."""

    name: str
    display_name: str
    ashrae_class: str
    # Days that history is kept at full rate, by the minute and by the quarter of an hour; 0: for ever.
    kept_days: tuple[int, int, int]
    rooms: list[RoomSummary]


class Feature(BaseModel):
    """What a thing reports of one concern, and what is wished of it."""

    properties: dict[str, Any]
    desiredProperties: dict[str, Any] | None = None


class ThingView(BaseModel):
    """A thing as it is now."""

    id: str
    kind: str
    name: str
    attributes: dict[str, Any]
    features: dict[str, Feature | None]


class Things(BaseModel):
    """Things with attributes and features, as they are now. ``at`` is epoch ms."""

    at: int
    feed: Literal["starting", "live", "lost"]
    things: list[ThingView]


class Hit(BaseModel):
    """A thing that was found."""

    id: str
    kind: str
    name: str
    room: str | None


@router.get("", responses=problems(401, 429))
async def sites(session: Here, inside: Inside) -> list[SiteSummary]:
    """Sites that the user may see."""
    found = []
    for name, fleet in sorted(inside.feed.fleets.items()):
        if not session.may_see(name):
            continue
        kinds: dict[tuple[str | None, str], int] = {}
        for each in fleet.things:
            key = (fleet.room_of(each), ThingId.parse(each).kind)
            kinds[key] = kinds.get(key, 0) + 1
        rooms = []
        for thing in fleet.of_kind("room"):
            attributes = thing.get("attributes", {})
            room = str(attributes.get("name", ThingId.parse(thing["thingId"]).name))
            rooms.append(
                RoomSummary(
                    name=room,
                    width=attributes.get("width"),
                    depth=attributes.get("depth"),
                    height=attributes.get("height"),
                    racks=kinds.get((room, "rack"), 0),
                    cooling_units=kinds.get((room, "cooling"), 0),
                )
            )
        own = next(iter(fleet.of_kind("site")), {}).get("attributes", {})
        kept = Retention().of_site(own)
        found.append(
            SiteSummary(
                name=name,
                display_name=own.get("displayName") or name,
                ashrae_class=own.get("ashraeClass") or "A2",
                kept_days=(kept.full_days, kept.minute_days, kept.quarter_days),
                rooms=rooms,
            )
        )
    return found


@router.get("/{site}/things", response_model=Things, responses=problems(404))
async def things(fleet: Visible, inside: Inside, room: Room = None) -> Response:
    """Every thing of a site or of one of its rooms, as it is now."""
    # Encoded here: thousands of things are not checked once more against the model that documents them.
    body = {"at": inside.clock(), "feed": inside.feed.state, "things": views(fleet.in_room(room))}
    return Response(msgspec.json.encode(body), media_type="application/json")


@router.get("/{site}/things/{thing}", response_model=ThingView, responses=problems(404))
async def thing(fleet: Visible, thing: Annotated[str, Path(max_length=256)]) -> Response:
    """One thing, as it is now."""
    found = fleet.things.get(thing)
    if found is None:
        raise HTTPException(HTTP_404_NOT_FOUND, f"thing: {fleet.site} has no {thing}")
    return Response(msgspec.json.encode(view(found)), media_type="application/json")


@router.get("/{site}/search", responses=problems(404))
async def search(
    fleet: Visible, q: Annotated[str, Query(min_length=1, max_length=100, description="Part of a name or serial.")]
) -> list[Hit]:
    """Things whose name, serial, asset tag or facility id holds the text; at most 50."""
    wanted = q.lower()
    found = []
    for name, each in sorted(fleet.things.items()):
        attributes = each.get("attributes", {})
        texts = (name.partition(":")[2], *(attributes.get(key) or "" for key in ("serial", "assetTag", "facilityId")))
        if any(wanted in str(text).lower() for text in texts):
            parsed = ThingId.parse(name)
            found.append(Hit(id=name, kind=parsed.kind, name=parsed.name, room=fleet.room_of(name)))
            if len(found) == 50:
                break
    return found


@router.websocket("/{site}/live")
async def live(socket: WebSocket, site: str) -> None:
    """What changes: ``hello``, then ``delta`` {things: {id: {feature: {properties}}}, gone: [id]} and ``feed`` {state}.

    Read the things after the hello; a delta holds whole features, so it can be applied in any order after that.
    """
    inside = services_of(socket)
    session = present(socket, inside)

    def allowed() -> bool:
        session = present(socket, inside)
        return session is not None and session.may_see(site)

    if session is None or not same_origin(socket, inside.settings) or not allowed() or site not in inside.feed.fleets:
        await socket.close(WS_1008_POLICY_VIOLATION, "sign in first, and name a site that you may see")
        return
    if inside.hub.watching(session.user) >= inside.settings.console_live_per_user:
        await socket.close(WS_1008_POLICY_VIOLATION, "too many live connections: close some")
        return
    await inside.hub.serve(socket, site, session.user, allowed)
