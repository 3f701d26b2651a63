"""The past: series of a thing, states of a room, commands, alerts, and what people did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.concurrency import run_in_threadpool

from console.access import Inside, Visible
from console.api.problems import problems
from console.history import MAX_POINTS, HistoryError, Window
from console.states import MAX_STEPS, MAX_THINGS, Asked, kind_of

router = APIRouter(prefix="/api/v1/sites", tags=["past"], responses=problems(401, 404, 422, 429, 503))

From = Annotated[int, Query(alias="from", ge=0, le=4_102_444_800_000, description="Epoch ms.")]
To = Annotated[int, Query(alias="to", ge=0, le=4_102_444_800_000, description="Epoch ms.")]


class Series(BaseModel):
    """Property -> [[epoch ms, value], …], one mean a step."""

    step_s: int
    series: dict[str, list[list[Any]]]


class States(BaseModel):
    """A room's racks and units, or single things, at ``times`` (epoch ms): for each thing and feature/property as many
    values, null where nothing was known then. Of what is in ``texts`` values are places in its list."""

    step_s: int
    times: list[int]
    texts: dict[str, list[str]]
    values: dict[str, dict[str, list[float | None]]]


class Inlets(BaseModel):
    """[[epoch ms, °C], …], one pair a step."""

    hottest: list[list[float]]
    coldest: list[list[float]]


class PastAlert(BaseModel):
    """An alert and how long it was open. Times are epoch ms; ``until`` is null where it lasts on."""

    thing: str
    rule: str
    severity: str
    title: str
    text: str
    since: int
    until: int | None
    acknowledged_by: str | None
    acknowledged_at: int | None


class Prediction(BaseModel):
    """What was predicted of a thing. Times are epoch ms, the horizon is s."""

    model: str
    target: str
    horizonS: int
    issuedAt: int
    validAt: int
    value: float
    lo: float | None
    hi: float | None


class LogEntry(BaseModel):
    """Something that happened, with what is known of it. ``at`` is epoch ms."""

    model_config = ConfigDict(extra="allow")

    at: int
    thing: str | None = None
    event: str | None = None
    who: str | None = None
    text: str | None = None


class Extent(BaseModel):
    """How far back history goes, epoch ms; null while there is none."""

    oldest: int | None


@router.get("/{site}/extent")
async def extent(fleet: Visible, inside: Inside) -> Extent:
    """How far back history goes."""
    return Extent(oldest=await run_in_threadpool(inside.history.extent, fleet.site))


@router.get("/{site}/things/{thing}/series")
async def series(
    fleet: Visible,
    inside: Inside,
    thing: Annotated[str, Path(max_length=256)],
    feature: Annotated[str, Query(max_length=128)],
    properties: Annotated[list[str], Query(alias="property", min_length=1, max_length=10)],
    start: From,
    end: To,
    points: Annotated[int, Query(ge=1, le=MAX_POINTS)] = 300,
) -> Series:
    """Properties of a thing's feature over time."""
    if thing not in fleet.things:
        raise HistoryError(f"thing: {fleet.site} has no {thing}")
    window = Window.of(start, end, points, MAX_POINTS)
    found = await run_in_threadpool(inside.history.series, thing, feature, properties, window, inside.clock())
    return Series(step_s=window.step_s, series=found)


@router.get("/{site}/things/{thing}/predictions")
async def predictions(
    fleet: Visible,
    inside: Inside,
    thing: Annotated[str, Path(max_length=256)],
    start: From,
    end: To,
    points: Annotated[int, Query(ge=1, le=MAX_POINTS)] = 200,
) -> list[Prediction]:
    """What was predicted of a thing between two times of issue."""
    if thing not in fleet.things:
        raise HistoryError(f"thing: {fleet.site} has no {thing}")
    window = Window.of(start, end, points, MAX_POINTS)
    found = await run_in_threadpool(inside.history.predictions, thing, window, inside.clock())
    return [Prediction(**each) for each in found]


@router.get("/{site}/states", response_model=States)
async def states(
    fleet: Visible,
    inside: Inside,
    room: Annotated[str, Query(max_length=63)],
    start: From,
    end: To,
    step_s: Annotated[int, Query(ge=1, le=86_400)],
    thing: Annotated[
        list[Annotated[str, StringConstraints(max_length=256)]] | None,
        Query(max_length=MAX_THINGS, description="Only these, with everything that they told."),
    ] = None,
) -> Response:
    """What was known of a room at the ends of the steps that lie in a time, for replay: measurements, verdicts,
    predictions as they had been made then. At most 60 steps at once."""
    if end <= start or end - start > MAX_STEPS * step_s * 1000:
        raise HistoryError(f"to: expected a time after from ({start}), by at most {MAX_STEPS} steps, not {end}")
    # Of this site alone: what is not here is not asked for.
    known = {each: list(fleet.things[each].get("features") or {}) for each in thing or () if each in fleet.things}
    if thing and not known:
        raise HistoryError(f"thing: {fleet.site} has no {thing[0]}")
    shown = (
        known
        if thing
        else [each["thingId"] for each in fleet.of_kind("rack") if fleet.room_of(each["thingId"]) == room]
    )
    classes = {each: _class(fleet.things[each]) for each in shown if kind_of(each) == "rack"}
    asked = Asked(fleet.site, room, classes, known if thing else None)
    found = await run_in_threadpool(inside.history.states, asked, Window(start, end, step_s), inside.clock())
    # Encoded here: a room's many values are not checked once more against the model that documents them.
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.get("/{site}/inlets")
async def inlets(
    fleet: Visible,
    inside: Inside,
    room: Annotated[str, Query(max_length=63)],
    start: From,
    end: To,
    points: Annotated[int, Query(ge=1, le=MAX_POINTS)] = 120,
) -> Inlets:
    """The hottest and the coldest inlet of a room over time."""
    window = Window.of(start, end, points, MAX_POINTS)
    found = await run_in_threadpool(inside.history.inlets, fleet.site, room, window, inside.clock())
    return Inlets(**found)


@router.get("/{site}/alerts/past")
async def past_alerts(fleet: Visible, inside: Inside, start: From, end: To) -> list[PastAlert]:
    """Alerts that were open at some time between two times, the oldest first; of very many the newest."""
    Window.of(start, end, 1, 1)
    return [PastAlert(**each) for each in await run_in_threadpool(inside.history.alerts, fleet.site, start, end)]


@router.get("/{site}/log/{what}")
async def log(
    fleet: Visible,
    inside: Inside,
    what: Annotated[str, Path(pattern="^(command|alert|action)$")],
    start: From,
    end: To,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[LogEntry]:
    """Commands, alerts, or people's other actions, between two times, newest first."""
    window = Window.of(start, end, 1, 1)
    found = await run_in_threadpool(inside.history.records, fleet.site, what, window, limit)
    return [LogEntry(**each) for each in found]


def _class(rack: Mapping[str, Any]) -> str:
    """The class that a rack is held to."""
    return str((rack.get("attributes") or {}).get("ashraeClass") or "A2")
