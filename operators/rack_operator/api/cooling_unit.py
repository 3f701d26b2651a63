"""The `CoolingUnit` resource: a CRAC, CRAH or in-row unit that has a twin and takes commands.

Limits stated here are the twin's attributes, against which commands are checked before they reach the unit.
A room's `coolingUnits` stay plain data, for rooms whose units take no commands.
"""

# Pydantic copies list defaults, and a default_factory would not reach the schema.
# ruff: noqa: RUF012
from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from rack_operator.api.base import (
    ApiModel,
    Condition,
    DeletionPolicy,
    DnsLabel,
    NetboxId,
    SiteName,
    Text,
    cel,
    list_map,
    rules,
)
from rack_operator.api.rack import Position

MAX_RACKS = 200


class SlewLimits(ApiModel):
    """How far and how fast commands may move the unit. A large step wants a person's confirmation in either direction.
    The pace holds for less cooling that no person confirmed; more cooling is let through at once, however much."""

    setpoint_step_k: Annotated[float, Field(gt=0, le=20)] = 2
    """The largest step of the set-point, up or down, that needs no person's confirmation, in kelvin; also how much it
    may be raised at once."""
    setpoint_k_per_min: Annotated[float, Field(gt=0, le=20, alias="setpointKPerMin")] = 0.5
    """How fast the set-point may be raised by many small steps, in kelvin a minute; lowering it is not held back. Every
    command tells the unit this rate, for its own ramp."""
    fan_percent_per_min: Annotated[float, Field(gt=0, le=100)] = 10
    """How fast the fans may be slowed by many small steps, in percentage points a minute; speeding them up is not held
    back. Every command tells the unit this rate, for its own ramp."""


class MaintenanceWindow(ApiModel):
    """From when to when somebody works at the unit."""

    model_config = ConfigDict(
        json_schema_extra=rules(cel("self.start < self.end", "start must lie before end", field_path=".start"))
    )

    start: datetime
    """Beginning, RFC 3339."""
    end: datetime
    """End, RFC 3339."""
    reason: Text = ""
    """What is done; told to whoever is refused."""


class CoolingUnitSpec(ApiModel):
    """What the unit is, which racks it serves, and within which limits it may be commanded."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.setpointMinC <= self.setpointC && self.setpointC <= self.setpointMaxC",
                "setpointC must lie between setpointMinC and setpointMaxC",
                field_path=".setpointC",
            ),
            cel(
                "self.fanMinPercent <= self.fanMaxPercent",
                "fanMinPercent must not exceed fanMaxPercent",
                field_path=".fanMinPercent",
            ),
        )
    )

    site: Annotated[
        SiteName,
        Field(json_schema_extra=rules(cel("self == oldSelf", "site is immutable: delete the unit and make it anew"))),
    ]
    """Name of the Site, in the same namespace, that the unit belongs to. It cannot be changed."""
    room: DnsLabel
    """Name of the room, one of the site's."""
    racks: Annotated[list[DnsLabel], Field(max_length=MAX_RACKS, json_schema_extra={"x-kubernetes-list-type": "set"})]
    """Names of the Racks whose inlets it serves; those that do not exist yet are no fault."""
    position: Position
    """Where it stands in the room."""
    type: Literal["crac", "crah", "in-row"] = "crah"
    """Kind of unit."""
    facility_id: Text = ""
    """The facility's own name for the unit."""
    serial: Text = ""
    """Serial number."""
    asset_tag: Text = ""
    """Number in the asset register."""
    netbox_id: NetboxId = None
    """Id of the device in NetBox, where it comes from there."""
    capacity_w: Annotated[float, Field(gt=0, le=10_000_000)]
    """Heat that it can carry away, in watts."""
    airflow_m3s: Annotated[float, Field(gt=0, le=1000, alias="airflowM3s")]
    """Air that it moves at full fan speed, in cubic metres a second."""
    fan_power_w: Annotated[float | None, Field(gt=0, le=1_000_000)] = None
    """Power of the fans at full speed, in watts."""
    setpoint_c: Annotated[float, Field(ge=5, le=45)] = 20
    """Supply temperature that it starts with, in degrees Celsius; commands change the twin, not this."""
    setpoint_min_c: Annotated[float, Field(ge=5, le=45)] = 14
    """The lowest set-point allowed, in degrees Celsius."""
    setpoint_max_c: Annotated[float, Field(ge=5, le=45)] = 27
    """The highest set-point allowed, in degrees Celsius."""
    fan_min_percent: Annotated[float, Field(ge=0, le=100)] = 30
    """The lowest fan speed allowed, in percent."""
    fan_max_percent: Annotated[float, Field(ge=0, le=100)] = 100
    """The highest fan speed allowed, in percent."""
    slew: SlewLimits = SlewLimits()
    """How fast commands may move it."""
    maintenance_windows: Annotated[list[MaintenanceWindow], Field(max_length=16)] = []
    """Times in which somebody works at the unit: no command reaches it then."""
    second_approver: bool = False
    """Whether each command needs the approval of a second person."""
    gateways: Annotated[list[DnsLabel], Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Gateways of the site that may speak for the unit; all of the site's when left out."""
    deletion_policy: DeletionPolicy = "Delete"
    """What becomes of twin and device when the CoolingUnit is deleted."""
    suspend: bool = False
    """Stop reconciling: drift is neither looked for nor mended."""


class CoolingUnitStatus(ApiModel):
    """What the operator has made of the unit. Its state is never here; it is on the twin."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the spec that this status speaks of."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_map("type"))] = []
    """PolicyReady, ThingReady, DeviceRegistered, CredentialsReady and Ready."""
    thing_id: Annotated[str, Field(max_length=256)] = ""
    """Id of the unit's thing in Ditto and of its device in Hono."""
    policy_id: Annotated[str, Field(max_length=256)] = ""
    """Id of the unit's policy in Ditto."""
    tenant: Annotated[str, Field(max_length=64)] = ""
    """Hono tenant of its device."""
    devices: Annotated[
        list[Annotated[str, Field(max_length=256)]],
        Field(max_length=4, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Ids of the devices, and of the things of the same ids, that were made for the unit."""


class CoolingUnit(ApiModel):
    """A cooling unit: a twin whose set-points are commanded as desired properties, and its device."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "size(self.metadata.name) <= 50 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "metadata.name must be a DNS label of at most 50 characters that begins with a letter",
            )
        )
    )

    spec: CoolingUnitSpec
    status: CoolingUnitStatus = CoolingUnitStatus()
