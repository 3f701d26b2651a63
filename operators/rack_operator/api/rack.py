"""The `Rack` resource: where it stands, what it can bear, its feeds, sensors and servers.

Field names follow NetBox where NetBox has the field (facilityId, uHeight, role, assetTag,
position of a device in U). Rules that a single field cannot state are CEL rules on the spec.
"""

# Pydantic copies list defaults, and a default_factory would not reach the schema.
# ruff: noqa: RUF012
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from rack_operator.api.base import (
    ApiModel,
    AshraeClass,
    Condition,
    DeletionPolicy,
    DnsLabel,
    NetboxId,
    SiteName,
    Slug,
    Text,
    cel,
    list_map,
    rules,
)

MAX_SERVERS = 60
MAX_U = 60
# A DNS subdomain, as nodes are named; empty for none.
NODE_PATTERN = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$"

Measure = Literal["temperature", "relativeHumidity"]

_OVERLAP = (
    "self.servers.all(a, self.servers.all(b, a.name == b.name"
    " || (a.face != b.face && !a.fullDepth && !b.fullDepth)"
    " || a.position + a.uHeight <= b.position || b.position + b.uHeight <= a.position))"
)


_HALF_U = cel("self * 2.0 == double(int(self * 2.0))", "must be a whole or half U")


def _sensor_rule(position: str) -> str:
    return (
        f"self.sensors.exists(s, s.position == '{position}'"
        " && 'temperature' in s.measures && 'relativeHumidity' in s.measures)"
    )


class Position(ApiModel):
    """Where something stands in its room: the origin is a corner of the floor, x along the rows.

    The names carry their unit because a bare `y` is a boolean to YAML 1.1, which kubectl reads.
    """

    x_m: Annotated[float, Field(ge=0, le=1000)]
    """Distance along the room's width, in metres, of the rack's centre."""
    y_m: Annotated[float, Field(ge=0, le=1000)]
    """Distance along the room's depth, in metres, of the rack's centre."""
    z_m: Annotated[float, Field(ge=-10, le=100)] = 0.0
    """Height of the rack's foot above the floor, in metres."""
    yaw_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0
    """Direction of the rack's front, in degrees, counter-clockwise from the x axis."""


class Feed(ApiModel):
    """One power feed of the rack."""

    name: Literal["A", "B"]
    """Which of the two feeds."""
    pdu: DnsLabel
    """The power distribution unit it comes from; two feeds come from two units."""
    voltage: Annotated[float, Field(gt=0, le=1000)] = 230
    """Nominal voltage, in volts."""
    amperage: Annotated[float, Field(gt=0, le=1000)] = 32
    """Rated current, in amperes."""


class Sensor(ApiModel):
    """One sensor position on the rack; its readings become a feature of the rack's thing.

    The feature is `environment.top` or `environment.bottom` at the front, `environment.rear-top` or
    `environment.rear-bottom` at the rear.
    """

    name: Slug
    """Name of the sensor, unique in the rack."""
    position: Literal["top", "bottom"]
    """Height in the rack."""
    face: Literal["front", "rear"] = "front"
    """Side of the rack; ASHRAE's limits hold at the front, the equipment's inlet."""
    measures: Annotated[
        list[Measure],
        Field(min_length=1, max_length=4, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """What it measures: temperature (Cel), relativeHumidity (%)."""


class Server(ApiModel):
    """One server in the rack; it becomes a thing and a device of its own."""

    name: DnsLabel
    """Name of the server, unique in the site."""
    position: Annotated[float, Field(ge=1, le=MAX_U, json_schema_extra=rules(_HALF_U))]
    """The lowest U that it occupies, counted from 1 at the bottom."""
    u_height: Annotated[float, Field(ge=0.5, le=MAX_U, json_schema_extra=rules(_HALF_U))] = 1
    """Its height, in U."""
    face: Literal["front", "rear"] = "front"
    """The side on which it is mounted."""
    full_depth: bool = True
    """Whether it occupies its U on both sides."""
    serial: Text = ""
    """Serial number."""
    model: Text = ""
    """Device type."""
    role: Text = "server"
    """Device role."""
    allocated_draw_w: Annotated[float, Field(ge=0, le=100_000)] = 0
    """Power set aside for it, in watts."""
    maximum_draw_w: Annotated[float | None, Field(gt=0, le=100_000)] = None
    """The most it can draw, in watts."""
    weight_kg: Annotated[float | None, Field(gt=0, le=2_000)] = None
    """Its weight, in kilograms."""
    follows_node: Annotated[str, Field(max_length=253, pattern=NODE_PATTERN)] = ""
    """Name of the Kubernetes node that it is; its load is then reported from the cluster's metrics."""
    netbox_id: NetboxId = None
    """Id of the device in NetBox, where it comes from there."""


class RackSpec(ApiModel):
    """What the rack is and holds."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.servers.all(s, s.position + s.uHeight - 1.0 <= double(self.uHeight))",
                "a server reaches above the rack: position + uHeight - 1 must not exceed spec.uHeight",
                field_path=".servers",
            ),
            cel(
                _OVERLAP,
                "two servers occupy the same U: change position or uHeight of one of them",
                field_path=".servers",
            ),
            cel(
                "!self.enforceCapacity || !has(self.availablePowerW)"
                " || self.servers.map(s, s.allocatedDrawW).sum() <= self.availablePowerW",
                "the sum of servers' allocatedDrawW exceeds availablePowerW and enforceCapacity is true",
                field_path=".servers",
            ),
            cel(
                "self.sensors.all(a, self.sensors.exists_one(b, b.position == a.position && b.face == a.face))",
                "sensors must differ in position or face: each place of the rack has one",
                field_path=".sensors",
            ),
            cel(
                _sensor_rule("top"),
                "sensors must include one with position top that measures temperature and relativeHumidity",
                field_path=".sensors",
            ),
            cel(
                _sensor_rule("bottom"),
                "sensors must include one with position bottom that measures temperature and relativeHumidity",
                field_path=".sensors",
            ),
        )
    )

    site: Annotated[
        SiteName,
        Field(json_schema_extra=rules(cel("self == oldSelf", "site is immutable: delete the rack and make it anew"))),
    ]
    """Name of the Site, in the same namespace, that the rack belongs to. It cannot be changed."""
    room: DnsLabel
    """Name of the room, one of the site's."""
    row: Slug
    """Name of the row in the room."""
    position: Position
    """Where the rack stands in the room."""
    facility_id: Text = ""
    """The facility's own name for the rack."""
    u_height: Annotated[int, Field(ge=1, le=MAX_U)] = 42
    """Height, in U."""
    outer_width_mm: Annotated[int, Field(gt=0, le=3000)] = 600
    """Outer width, in millimetres."""
    outer_depth_mm: Annotated[int, Field(gt=0, le=3000)] = 1200
    """Outer depth, in millimetres."""
    outer_height_mm: Annotated[int, Field(gt=0, le=5000)] = 2000
    """Outer height, in millimetres."""
    airflow: Literal["front-to-rear", "rear-to-front"] = "front-to-rear"
    """Direction of the air."""
    status: Literal["reserved", "available", "planned", "active", "deprecated"] = "active"
    """Life of the rack in the inventory."""
    role: Text = ""
    """What the rack is for."""
    serial: Text = ""
    """Serial number."""
    asset_tag: Text = ""
    """Number in the asset register."""
    netbox_id: NetboxId = None
    """Id of the rack in NetBox, where it comes from there; it stays the same rack when it is renamed there."""
    max_weight_kg: Annotated[float | None, Field(gt=0, le=10_000)] = None
    """The most weight it may carry, in kilograms."""
    ashrae_class: AshraeClass | None = None
    """ASHRAE thermal class of the equipment; the site's when left out."""
    available_power_w: Annotated[float | None, Field(gt=0, le=1_000_000)] = None
    """Power that may be drawn, in watts."""
    cooling_capacity_w: Annotated[float | None, Field(gt=0, le=1_000_000)] = None
    """Heat that can be carried away, in watts."""
    enforce_capacity: bool = False
    """Refuse servers whose allocated draw exceeds availablePowerW; without it the condition WithinCapacity warns."""
    feeds: Annotated[
        list[Feed],
        Field(
            max_length=2,
            json_schema_extra={
                **list_map("name"),
                **rules(
                    cel(
                        "self.all(a, self.exists_one(b, b.pdu == a.pdu))",
                        "feeds must come from different pdus, else one failure takes both",
                    )
                ),
            },
        ),
    ] = []
    """Power feeds, at most A and B."""
    gateways: Annotated[list[DnsLabel], Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Gateways of the site that may speak for the rack and its servers; all of the site's when left out."""
    sensors: Annotated[list[Sensor], Field(min_length=2, max_length=16, json_schema_extra=list_map("name"))] = [
        Sensor(name="top", position="top", measures=["temperature", "relativeHumidity"]),
        Sensor(name="bottom", position="bottom", measures=["temperature", "relativeHumidity"]),
    ]
    """Sensors; at least temperature and humidity at top and bottom."""
    servers: Annotated[list[Server], Field(max_length=MAX_SERVERS, json_schema_extra=list_map("name"))] = []
    """Servers in the rack."""
    deletion_policy: DeletionPolicy = "Delete"
    """What becomes of the twins and devices when the Rack is deleted."""
    suspend: bool = False
    """Stop reconciling: drift is neither looked for nor mended."""


class RackStatus(ApiModel):
    """What the operator has made of the rack. Readings are never here; they are on the twin."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the spec that this status speaks of."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_map("type"))] = []
    """PolicyReady, ThingReady, DeviceRegistered, CredentialsReady and Ready; and WithinCapacity, where
    availablePowerW is given: a warning, which Ready does not heed."""
    thing_id: Annotated[str, Field(max_length=256)] = ""
    """Id of the rack's thing in Ditto and of its device in Hono."""
    policy_id: Annotated[str, Field(max_length=256)] = ""
    """Id of the rack's policy in Ditto."""
    tenant: Annotated[str, Field(max_length=64)] = ""
    """Hono tenant of its devices."""
    devices: Annotated[
        list[Annotated[str, Field(max_length=256)]],
        Field(max_length=MAX_SERVERS + 1, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Ids of the devices, and of the things of the same ids, that were made for the rack and its servers."""


class Rack(ApiModel):
    """A rack: one twin for it and one for each of its servers, and their devices."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "size(self.metadata.name) <= 50 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "metadata.name must be a DNS label of at most 50 characters that begins with a letter",
            )
        )
    )

    spec: RackSpec
    status: RackStatus = RackStatus()
