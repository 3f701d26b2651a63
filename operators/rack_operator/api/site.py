"""The `Site` resource: its rooms, gateways, defaults, topics and models.

A Site is a Hono tenant, a Ditto namespace and a set of Kafka topics, all of its own name.
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
    Text,
    cel,
    list_map,
    rules,
)
from rack_operator.api.rack import Position
from racktwin.names import SITE_LENGTH, SITE_PATTERN


class CoolingUnit(ApiModel):
    """A cooling unit as plain data of its room."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.setpointMinC <= self.setpointC && self.setpointC <= self.setpointMaxC",
                "setpointC must lie between setpointMinC and setpointMaxC",
                field_path=".setpointC",
            )
        )
    )

    name: DnsLabel
    """Name of the unit, unique in the room."""
    position: Position
    """Where it stands in the room."""
    capacity_w: Annotated[float, Field(gt=0, le=10_000_000)]
    """Heat that it can carry away, in watts."""
    airflow_m3s: Annotated[float, Field(gt=0, le=1000, alias="airflowM3s")]
    """Air that it moves at full fan speed, in cubic metres a second."""
    setpoint_c: Annotated[float, Field(ge=5, le=45)] = 20
    """Supply temperature asked for, in degrees Celsius."""
    setpoint_min_c: Annotated[float, Field(ge=5, le=45)] = 14
    """The lowest set-point allowed, in degrees Celsius."""
    setpoint_max_c: Annotated[float, Field(ge=5, le=45)] = 27
    """The highest set-point allowed, in degrees Celsius."""
    fan_power_w: Annotated[float | None, Field(gt=0, le=1_000_000)] = None
    """Power of the fans at full speed, in watts."""
    type: Literal["crac", "crah", "in-row"] = "crah"
    """Kind of unit."""


class Room(ApiModel):
    """A room of the site."""

    name: DnsLabel
    """Name of the room, unique in the site."""
    width_m: Annotated[float, Field(gt=0, le=1000)]
    """Width (x), in metres."""
    depth_m: Annotated[float, Field(gt=0, le=1000)]
    """Depth (y), in metres."""
    height_m: Annotated[float, Field(gt=0, le=100)]
    """Height, in metres."""
    containment: Literal["none", "cold", "hot"] = "none"
    """Which aisles are contained, for the room's physics."""
    cooling_units: Annotated[list[CoolingUnit], Field(max_length=64, json_schema_extra=list_map("name"))] = []
    """Cooling units that stand in the room."""


class Gateway(ApiModel):
    """A gateway: a device that speaks for racks and servers over one connection."""

    name: DnsLabel
    """Name of the gateway, unique in the site."""


class Intervals(ApiModel):
    """How often a twin is updated at most, whatever the rate of its sensors."""

    critical_s: Annotated[float, Field(gt=0, le=3600)] = 1
    """For critical features such as inlet temperature, in seconds."""
    slow_s: Annotated[float, Field(gt=0, le=86_400)] = 300
    """For slow features such as inventory, in seconds."""


class Topics(ApiModel):
    """How the site's Kafka topics are laid out."""

    partitions: Annotated[int, Field(ge=1, le=1000)] = 3
    """Partitions of each topic; they can be raised, never lowered."""
    replication_factor: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of each partition, used when a topic is made."""
    retention_hours: Annotated[int, Field(ge=1, le=87_600)] = 24
    """How long telemetry, readings and twin messages are kept, in hours."""
    long_retention_hours: Annotated[int, Field(ge=1, le=87_600)] = 168
    """How long events, commands, predictions and rejects are kept, in hours."""


class History(ApiModel):
    """How long readings are kept in InfluxDB; 0 is for ever. What is taken away here is deleted there."""

    full_days: Annotated[int, Field(ge=0, le=36_500)] = 7
    """Every reading as it came, in days."""
    minute_days: Annotated[int, Field(ge=0, le=36_500)] = 90
    """Mean, lowest and highest of each minute, in days."""
    quarter_days: Annotated[int, Field(ge=0, le=36_500)] = 1825
    """Mean, lowest and highest of each quarter of an hour, in days."""
    log_days: Annotated[int, Field(ge=0, le=36_500)] = 1825
    """What happened (alerts, commands, what people did in the console), in days."""


class Artifact(ApiModel):
    """Where a model's files come from."""

    config_map: DnsLabel
    """A ConfigMap in the same namespace with `model.onnx` and `model.json`."""


class Model(ApiModel):
    """A model that runs on the site's readings."""

    name: DnsLabel
    """Name of the model, unique in the site."""
    artifact: Artifact
    """Its files."""
    replicas: Annotated[int, Field(ge=0, le=100)] = 1
    """How many runners share the work."""


class SiteSpec(ApiModel):
    """What the site has and how it is run."""

    display_name: Text = ""
    """Name for people."""
    rooms: Annotated[list[Room], Field(min_length=1, max_length=100, json_schema_extra=list_map("name"))]
    """Rooms."""
    gateways: Annotated[list[Gateway], Field(max_length=100, json_schema_extra=list_map("name"))] = []
    """Gateways that may speak for the site's devices."""
    ashrae_class: AshraeClass = "A2"
    """ASHRAE thermal class of racks that name none."""
    intervals: Intervals = Intervals()
    """How often twins are updated at most."""
    topics: Topics = Topics()
    """How the Kafka topics are laid out."""
    history: History | None = None
    """How long readings are kept; without it as the historian is set."""
    models: Annotated[list[Model], Field(max_length=50, json_schema_extra=list_map("name"))] = []
    """Models that run on the site's readings."""
    deletion_policy: DeletionPolicy = "Delete"
    """What becomes of tenant, topics, twins and connections when the Site is deleted."""
    suspend: bool = False
    """Stop reconciling: drift is neither looked for nor mended."""


class SiteStatus(ApiModel):
    """What the operator has made of the site."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the spec that this status speaks of."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_map("type"))] = []
    """TenantReady, PolicyReady, TopicsReady, ThingsReady, ConnectionsReady, ModelsReady and Ready."""
    tenant: Annotated[str, Field(max_length=64)] = ""
    """Hono tenant."""
    namespace: Annotated[str, Field(max_length=128)] = ""
    """Ditto namespace of the site's things."""
    policy_id: Annotated[str, Field(max_length=256)] = ""
    """Id of the policy that the site's things import."""
    things: Annotated[
        list[Annotated[str, Field(max_length=256)]],
        Field(max_length=256, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Ids of the things made for the site's rooms and gateways."""
    models: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Names of the Deployments made for the site's models."""


class Site(ApiModel):
    """A site: a Hono tenant, a Ditto namespace with its base policy, Kafka topics and connections."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                f"size(self.metadata.name) <= {SITE_LENGTH} && self.metadata.name.matches('{SITE_PATTERN}')",
                f"metadata.name must be a DNS label of at most {SITE_LENGTH} characters whose parts each begin with a "
                "letter, as Ditto's namespaces do",
            )
        )
    )

    spec: SiteSpec
    status: SiteStatus = SiteStatus()
