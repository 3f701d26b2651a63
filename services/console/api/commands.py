"""Asking cooling units for something: a wish on the twin, on which the guard decides."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_404_NOT_FOUND

from console.access import Inside, Operator, Visible
from console.api.bodies import Body
from console.api.problems import problems
from console.twin_writes import write
from racktwin import commands
from racktwin.names import thing_id

router = APIRouter(prefix="/api/v1/sites", tags=["commands"], responses=problems(401, 403, 404, 422, 429, 502))


_SETTABLE = ("setpoint", "fan_speed", "mode")


class Wish(Body):
    """What a unit should be set to: at least one of the three."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [n]} for n in _SETTABLE]})

    setpoint: Annotated[float | None, Field(ge=0, le=50, description="Supply air set-point, °C.")] = None
    fan_speed: Annotated[float | None, Field(ge=0, le=100, description="Fan speed, %.")] = None
    mode: Literal["auto", "manual", "mpc"] | None = None
    confirm: Annotated[bool, Field(description="The step is large or unusual, and wanted.")] = False
    approval_of: Annotated[str, Field(max_length=100, description="Id of another person's wish that is approved.")] = ""
    valid_s: Annotated[int, Field(ge=10, le=3600, description="How long the wish holds (s).")] = 600

    @model_validator(mode="after")
    def _something(self) -> Wish:
        if self.setpoint is None and self.fan_speed is None and self.mode is None:
            raise ValueError("expected at least one of setpoint, fan_speed, mode")
        return self


class Asked(BaseModel):
    """The wish's id; what becomes of it stands in ``lastCommand`` of the unit's feature ``control``."""

    id: str


@router.post("/{site}/units/{unit}/wish", status_code=202)
async def wish(
    wish: Wish, fleet: Visible, session: Operator, inside: Inside, unit: Annotated[str, Path(max_length=63)]
) -> Asked:
    """Ask a cooling unit for a set-point, a fan speed or a mode."""
    try:
        thing = thing_id(fleet.site, "cooling", unit)
    except ValueError as error:
        raise HTTPException(HTTP_404_NOT_FOUND, f"unit: {error}") from error
    if thing not in fleet.things:
        raise HTTPException(HTTP_404_NOT_FOUND, f"unit: {fleet.site} has no cooling unit {unit}")
    now = inside.clock()
    request = commands.Request(
        id=f"c-{secrets.token_hex(8)}",
        origin="console",
        who=session.user,
        confirm=wish.confirm,
        at=now,
        valid_until=now + wish.valid_s * 1000,
        approval_of=wish.approval_of,
    )
    given = {"setpoint": wish.setpoint, "fanSpeed": wish.fan_speed, "mode": wish.mode}
    values: dict[str, float | str] = {name: value for name, value in given.items() if value is not None}
    body = commands.desired_of(values, request)
    await run_in_threadpool(write, inside, f"/api/2/things/{thing}/features/control/desiredProperties", body)
    return Asked(id=request.id)
