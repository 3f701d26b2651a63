"""What-ifs: asking for one, seeing what came of it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_404_NOT_FOUND, HTTP_503_SERVICE_UNAVAILABLE

from console.access import Engineer, Inside, Services, Visible
from console.scenarios import ScenarioRefused, Scenarios, manifest

router = APIRouter(prefix="/api/v1/sites", tags=["scenarios"])

Name = Annotated[str, Path(pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=30)]
# The report is a page of its own making: it may show itself and do nothing.
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class Question(BaseModel):
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


@router.get("/{site}/scenarios")
async def scenarios(fleet: Visible, inside: Inside) -> list[dict[str, Any]]:
    """Scenarios of a site, the newest first: name, created, spec, status."""
    items = await _ask(_kept(inside).list, fleet.site)
    found = [
        {
            "name": item["metadata"]["name"],
            "created": item["metadata"].get("creationTimestamp"),
            "spec": item["spec"],
            "status": item.get("status", {}),
        }
        for item in items
    ]
    return sorted(found, key=lambda each: str(each["created"]), reverse=True)


@router.post("/{site}/scenarios", status_code=201)
async def ask(question: Question, fleet: Visible, session: Engineer, inside: Inside) -> dict[str, Any]:
    """Ask what would happen; it is computed as a Job."""
    name = question.name or f"console-{secrets.token_hex(4)}"
    made = await _ask(_kept(inside).create, fleet.site, name, question.spec(), session.user)
    return {"name": made["metadata"]["name"]}


@router.post("/{site}/scenarios/yaml")
async def as_yaml(question: Question, fleet: Visible, session: Engineer) -> Yaml:
    """The same question as a file, without asking it."""
    body = manifest(fleet.site, question.name or "my-scenario", question.spec(), session.user)
    return Yaml(yaml=yaml.safe_dump(body, sort_keys=False))


@router.delete("/{site}/scenarios/{name}", status_code=204)
async def forget(fleet: Visible, _session: Engineer, inside: Inside, name: Name) -> None:
    """Delete a scenario with its results."""
    await _ask(_kept(inside).delete, fleet.site, name)


@router.get("/{site}/scenarios/{name}/report", response_class=HTMLResponse)
async def report(fleet: Visible, inside: Inside, name: Name) -> HTMLResponse:
    """The report of a scenario, a page of its own."""
    page = await run_in_threadpool(inside.history.report, fleet.site, name)
    if page is None:
        raise HTTPException(HTTP_404_NOT_FOUND, f"report: {name} has none (yet)")
    return HTMLResponse(page, headers={"content-security-policy": _REPORT_POLICY})


def _kept(inside: Services) -> Scenarios:
    if inside.scenarios is None:
        raise HTTPException(HTTP_503_SERVICE_UNAVAILABLE, "scenarios: this console has no Kubernetes API")
    return inside.scenarios


async def _ask(call: Any, *arguments: Any) -> Any:
    try:
        return await run_in_threadpool(call, *arguments)
    except ScenarioRefused as error:
        raise HTTPException(error.status, str(error)) from error
