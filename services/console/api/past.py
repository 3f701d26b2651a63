"""The past: series of a thing, frames of a room, commands, alerts, and what people did."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from console.access import Inside, Visible
from console.api.problems import problems
from console.history import MAX_FRAMES, MAX_POINTS, HistoryError, Window

router = APIRouter(prefix="/api/v1/sites", tags=["past"], responses=problems(401, 404, 422, 429, 503))

From = Annotated[int, Query(alias="from", ge=0, le=4_102_444_800_000, description="Epoch ms.")]
To = Annotated[int, Query(alias="to", ge=0, le=4_102_444_800_000, description="Epoch ms.")]


class Series(BaseModel):
    """Property -> [[epoch ms, value], …], one mean a step."""

    step_s: int
    series: dict[str, list[list[Any]]]


class Frames(BaseModel):
    """A room over time: for each thing a value for each time, null where nothing was measured."""

    quantity: str
    times: list[int]
    values: dict[str, list[float | None]]


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


@router.get("/{site}/frames")
async def frames(
    fleet: Visible,
    inside: Inside,
    room: Annotated[str, Query(max_length=63)],
    quantity: Annotated[str, Query(max_length=32)],
    start: From,
    end: To,
    points: Annotated[int, Query(ge=1, le=MAX_FRAMES)] = 240,
) -> Frames:
    """A room's quantity over time, for replay."""
    window = Window.of(start, end, points, MAX_FRAMES)
    found = await run_in_threadpool(inside.history.frames, fleet.site, room, quantity, window, inside.clock())
    return Frames(**found)


@router.get("/{site}/log/{what}")
async def log(
    fleet: Visible,
    inside: Inside,
    what: Annotated[str, Path(pattern="^(command|alert|action)$")],
    start: From,
    end: To,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    begins: bool = False,
) -> list[LogEntry]:
    """Commands, alerts (with ``begins`` those that began alone), or people's other actions, between two times, newest
    first."""
    window = Window.of(start, end, 1, 1)
    found = await run_in_threadpool(
        inside.history.records, fleet.site, what, window, limit, begins=begins and what == "alert"
    )
    return [LogEntry(**each) for each in found]
