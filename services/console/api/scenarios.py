"""What-ifs: asking for one, seeing what came of it."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.status import (
    HTTP_404_NOT_FOUND,
    HTTP_422_UNPROCESSABLE_CONTENT,
    HTTP_502_BAD_GATEWAY,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from console.access import Engineer, Inside, Services, Visible
from console.api.bodies import Body
from console.api.problems import problems
from console.scenarios import ASKED_BY, ScenarioRefused, Scenarios, manifest
from console.twin_writes import note
from racktwin.fleet import Fleet
from racktwin.names import thing_id

router = APIRouter(prefix="/api/v1/sites", tags=["scenarios"], responses=problems(401, 404, 422, 429, 502, 503))

Name = Annotated[str, Path(pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=30)]
Case = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,100}$")]
_PASSED_ON = (404, 409, 422, 503)
# The report is a page of its own making: it may show itself and do nothing.
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class Question(Body):
    """A what-if of a room, in the words of the Scenario resource (``whatIf``)."""

    room: Annotated[str, Field(min_length=1, max_length=63)]
    what_if: Annotated[dict[str, Any], Field(alias="whatIf")]
    base_time: Annotated[str | None, Field(alias="baseTime", max_length=40)] = None
    name: Annotated[str | None, Field(pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=30)] = None

    def spec(self) -> dict[str, Any]:
        """The resource's spec, but for the site."""
        base = {"baseTime": self.base_time} if self.base_time else {}
        return {"room": self.room, **base, "whatIf": self.what_if}


class Yaml(BaseModel):
    """The question as a file for ``kubectl apply``."""

    yaml: str


class Made(BaseModel):
    """The scenario that was made."""

    name: str


class Kept(BaseModel):
    """A scenario: what was asked, and what came of it so far."""

    name: str
    created: str | None
    asked_by: str | None
    spec: dict[str, Any]
    status: dict[str, Any]


class CaseSeries(BaseModel):
    """One case: the inlet of each rack (°C, the warmer of top and bottom), and the cooling power (W)."""

    inlets: dict[str, list[float | None]]
    power: list[float | None]


class ScenarioSeries(BaseModel):
    """Cases over time. ``times`` are s from ``start`` (epoch ms) on."""

    start: int | None
    times: list[float]
    cases: dict[str, CaseSeries]


@router.get("/{site}/scenarios")
async def scenarios(fleet: Visible, inside: Inside) -> list[Kept]:
    """Scenarios of a site, the newest first: name, created, spec, status."""
    items = await _ask(_kept(inside).list, fleet.site)
    found = [
        Kept(
            name=item["metadata"]["name"],
            created=item["metadata"].get("creationTimestamp"),
            asked_by=(item["metadata"].get("annotations") or {}).get(ASKED_BY),
            spec=item["spec"],
            status=item.get("status", {}),
        )
        for item in items
    ]
    return sorted(found, key=lambda each: str(each.created), reverse=True)


@router.post("/{site}/scenarios", status_code=201, responses=problems(403, 409))
async def ask(question: Question, fleet: Visible, session: Engineer, inside: Inside) -> Made:
    """Ask what would happen; it is computed as a Job."""
    kept = _kept(inside)
    thing = _room(fleet, question.room)
    name = question.name or f"console-{secrets.token_hex(4)}"
    what = json.dumps(question.what_if, separators=(",", ":"))[:500]
    await run_in_threadpool(note, inside, fleet, session, thing, event="scenario asked", subject=name, detail=what)
    made = await _ask(kept.create, fleet.site, name, question.spec(), session.user)
    return Made(name=made["metadata"]["name"])


@router.post("/{site}/scenarios/yaml", responses=problems(403))
async def as_yaml(question: Question, fleet: Visible, session: Engineer) -> Yaml:
    """The same question as a file, without asking it."""
    body = manifest(fleet.site, question.name or "my-scenario", question.spec(), session.user)
    return Yaml(yaml=yaml.safe_dump(body, sort_keys=False))


@router.delete("/{site}/scenarios/{name}", status_code=204, responses=problems(403))
async def forget(fleet: Visible, session: Engineer, inside: Inside, name: Name) -> None:
    """Delete a scenario with its results."""
    kept = _kept(inside)
    whole = thing_id(fleet.site, "site", fleet.site)
    await run_in_threadpool(note, inside, fleet, session, whole, event="scenario deleted", subject=name)
    await _ask(kept.delete, fleet.site, name)


@router.get("/{site}/scenarios/{name}/series")
async def series(
    fleet: Visible,
    inside: Inside,
    name: Name,
    cases: Annotated[list[Case], Query(alias="case", min_length=1, max_length=4)],
    points: Annotated[int, Query(ge=2, le=500)] = 121,
) -> ScenarioSeries:
    """Cases of a what-if over time, side by side; those that it has not are left out."""
    found = await run_in_threadpool(inside.history.scenario, fleet.site, name, cases, points)
    return ScenarioSeries(**found)


@router.get("/{site}/scenarios/{name}/report", response_class=HTMLResponse)
async def report(fleet: Visible, inside: Inside, name: Name) -> HTMLResponse:
    """The report of a scenario, a page of its own."""
    page = await run_in_threadpool(inside.history.report, fleet.site, name)
    if page is None:
        raise HTTPException(HTTP_404_NOT_FOUND, f"report: {name} has none (yet)")
    return HTMLResponse(page, headers={"content-security-policy": _REPORT_POLICY})


def _room(fleet: Fleet, room: str) -> str:
    try:
        thing = thing_id(fleet.site, "room", room)
    except ValueError as error:
        raise HTTPException(HTTP_422_UNPROCESSABLE_CONTENT, f"room: {error}") from error
    if thing not in fleet.things:
        raise HTTPException(HTTP_422_UNPROCESSABLE_CONTENT, f"room: {fleet.site} has no {room}")
    return thing


def _kept(inside: Services) -> Scenarios:
    if inside.scenarios is None:
        raise HTTPException(HTTP_503_SERVICE_UNAVAILABLE, "scenarios: this console has no Kubernetes API")
    return inside.scenarios


async def _ask(call: Any, *arguments: Any) -> Any:
    try:
        return await run_in_threadpool(call, *arguments)
    except ScenarioRefused as error:
        # What it says of our own rights or of its own trouble is no answer to the browser's request.
        status = error.status if error.status in _PASSED_ON else HTTP_502_BAD_GATEWAY
        raise HTTPException(status, str(error)) from error
