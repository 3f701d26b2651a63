"""What is wrong now, and who has seen it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_404_NOT_FOUND

from console.access import Inside, Operator, Visible
from console.api.problems import problems
from console.twin_writes import note, write
from racktwin.names import ThingId

router = APIRouter(prefix="/api/v1/sites", tags=["alerts"], responses=problems(401, 404, 422, 429))

_SEVERITIES = ("critical", "warning", "info")


class Alert(BaseModel):
    """One alert that fires now. ``since`` is epoch ms."""

    thing: str
    kind: str
    name: str
    room: str | None
    rule: str
    severity: str
    title: str
    text: str
    action: str
    since: int
    acknowledged_by: str | None


@router.get("/{site}/alerts")
async def alerts(fleet: Visible) -> list[Alert]:
    """Alerts that fire now, the worst and newest first."""
    found = []
    for thing, rule, entry in _open(fleet.things.values()):
        parsed = ThingId.parse(thing)
        found.append(
            Alert(
                thing=thing,
                kind=parsed.kind,
                name=parsed.name,
                room=fleet.room_of(thing),
                rule=rule,
                severity=str(entry.get("severity", "warning")),
                title=str(entry.get("title", rule)),
                text=str(entry.get("text", "")),
                action=str(entry.get("action", "")),
                since=int(entry.get("since", 0)),
                acknowledged_by=entry.get("acknowledgedBy"),
            )
        )
    rank = {name: index for index, name in enumerate(_SEVERITIES)}
    return sorted(found, key=lambda alert: (rank.get(alert.severity, 1), -alert.since))


@router.post("/{site}/things/{thing}/alerts/{rule}/acknowledge", status_code=204, responses=problems(403, 502, 503))
async def acknowledge(
    fleet: Visible,
    session: Operator,
    inside: Inside,
    thing: Annotated[str, Path(max_length=256)],
    rule: Annotated[str, Path(pattern="^[a-z][a-z0-9-]{0,62}$")],
) -> None:
    """Say that somebody looks after it. The alert stays until it is over."""
    found = fleet.things.get(thing)
    if found is None or not any(rule == name for _, name, _ in _open([found])):
        raise HTTPException(HTTP_404_NOT_FOUND, f"alert: {rule} does not fire on {thing}")
    await run_in_threadpool(note, inside, fleet, session, thing, event="acknowledged", subject=rule)
    path = f"/api/2/things/{thing}/features/alerts/properties/open/{rule}/acknowledgedBy"
    await run_in_threadpool(write, inside, path, session.user)


def _open(things: Any) -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for thing in things:
        feature = (thing.get("features") or {}).get("alerts") or {}
        entries = (feature.get("properties") or {}).get("open") or {}
        found += [(thing["thingId"], rule, entry) for rule, entry in entries.items() if isinstance(entry, dict)]
    return found
