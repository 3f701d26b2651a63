"""The `Scenario` resource: a what-if or a replay, run once as a Job; its summary comes back in the status.

Its series are in InfluxDB under its name, apart from everything live. A Scenario is never changed: what is to be asked
anew is asked as another one.
"""

# Pydantic copies list defaults, and a default_factory would not reach the schema.
# ruff: noqa: RUF012
from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from rack_operator.api.base import ApiModel, Condition, DnsLabel, SiteName, Slug, cel, list_map, rules
from rack_operator.api.rack import Position

MAX_CHANGES = 20
MAX_CASES = 40
_ACTIONS = ("coolingUnit", "load", "move", "rack", "containment", "feed")


class UnitChange(ApiModel):
    """What happens to a cooling unit; what is left out stays as it is."""

    name: DnsLabel
    """Name of the unit."""
    fails: bool = False
    """It stops: no cooling, no air."""
    capacity_percent: Annotated[float | None, Field(ge=0, le=100)] = None
    """What is left of its capacity, in percent; its fan goes on."""
    setpoint_c: Annotated[float | None, Field(ge=5, le=45)] = None
    """Another set-point of the supply air, in degrees Celsius, within the unit's limits."""
    fan_percent: Annotated[float | None, Field(ge=0, le=100)] = None
    """Another fan speed, in percent."""


class LoadChange(ApiModel):
    """Another electrical load of racks."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "[has(self.addW), has(self.addPercent), has(self.capW)].filter(x, x).size() == 1",
                "give exactly one of addW, addPercent and capW",
            )
        )
    )

    racks: Annotated[list[DnsLabel], Field(max_length=500, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Names of the racks; all of the room when left out."""
    add_w: Annotated[float | None, Field(ge=-1_000_000, le=1_000_000)] = None
    """Watts that each of them draws in addition; less when negative."""
    add_percent: Annotated[float | None, Field(ge=-100, le=1000)] = None
    """The same as a share of what each draws, in percent."""
    cap_w: Annotated[float | None, Field(ge=0, le=1_000_000)] = None
    """The most that each of them may draw, in watts."""


class MoveLoad(ApiModel):
    """Load that moves from one rack to another."""

    from_: Annotated[DnsLabel, Field(alias="from")]
    """Name of the rack it leaves."""
    to: DnsLabel
    """Name of the rack it goes to."""
    power_w: Annotated[float | None, Field(gt=0, le=1_000_000)] = None
    """How much, in watts; all of it when left out."""


class NewRack(ApiModel):
    """A rack that is not there yet."""

    name: DnsLabel
    """Its name."""
    row: Slug = "new"
    """Its row."""
    position: Position
    """Where it stands."""
    power_w: Annotated[float, Field(gt=0, le=1_000_000)]
    """What it draws, in watts."""
    available_power_w: Annotated[float | None, Field(gt=0, le=1_000_000)] = None
    """What it may draw, in watts; a quarter more than it draws when left out."""


class Containment(ApiModel):
    """Containment that is opened or closed."""

    open_percent: Annotated[float, Field(ge=0, le=100)]
    """How far it is open, in percent."""


class FeedLoss(ApiModel):
    """A power feed that is lost: of one rack, or with a whole PDU that of every rack on it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.pdu) ? !has(self.rack) && !has(self.feed) : has(self.rack) && has(self.feed)",
                "give a pdu, or a rack and its feed",
            )
        )
    )

    pdu: DnsLabel | None = None
    """Name of the power distribution unit."""
    rack: DnsLabel | None = None
    """Name of the rack."""
    feed: Literal["A", "B"] | None = None
    """Which of its feeds."""


class Change(ApiModel):
    """One thing that happens, at its time."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "[" + ", ".join(f"has(self.{name})" for name in _ACTIONS) + "].filter(x, x).size() == 1",
                f"give exactly one of {', '.join(_ACTIONS)}",
            )
        )
    )

    at_s: Annotated[float, Field(ge=0, le=172_800)] = 0
    """When, in seconds after the beginning."""
    cooling_unit: UnitChange | None = None
    """A cooling unit fails, loses capacity, or is set otherwise."""
    load: LoadChange | None = None
    """Racks draw more, less, or no more than a cap."""
    move: MoveLoad | None = None
    """Load moves."""
    rack: NewRack | None = None
    """A rack is added."""
    containment: Containment | None = None
    """Containment is opened or closed."""
    feed: FeedLoss | None = None
    """A power feed is lost: what hangs on it alone goes dark."""


class Case(ApiModel):
    """One course of events, computed beside the baseline."""

    name: DnsLabel
    """Name of the case, unique in the scenario."""
    changes: Annotated[list[Change], Field(min_length=1, max_length=MAX_CHANGES)]
    """What happens."""


class WhatIf(ApiModel):
    """What would happen to the room. All cases are computed at once, beside one in which nothing changes."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.eachUnitFails || size(self.cases) > 0 || size(self.changes) > 0",
                "give changes, cases, or eachUnitFails: true",
            )
        )
    )

    duration_s: Annotated[float, Field(ge=60, le=172_800)] = 3600
    """How long to compute, in seconds."""
    changes: Annotated[list[Change], Field(max_length=MAX_CHANGES)] = []
    """What happens, where there is one case only."""
    cases: Annotated[list[Case], Field(max_length=MAX_CASES, json_schema_extra=list_map("name"))] = []
    """Several cases."""
    each_unit_fails: bool = False
    """One case for each cooling unit of the room, in which it fails: the N+1 report."""


class Replay(ApiModel):
    """Past readings once more, as things of the scenario's own; never as the live ones."""

    model_config = ConfigDict(
        json_schema_extra=rules(cel("self.from < self.to", "from must lie before to", field_path=".from"))
    )

    from_: Annotated[datetime, Field(alias="from")]
    """Beginning of what is replayed, RFC 3339."""
    to: datetime
    """End of it."""
    speed: Annotated[float, Field(gt=0, le=1_000_000)] = 300
    """How many times faster than it was."""
    resolution_s: Annotated[float, Field(ge=0, le=3600)] = 0
    """Time between readings of a sensor, in seconds; as they were recorded when 0."""
    racks: Annotated[list[DnsLabel], Field(max_length=1000, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Names of the racks; all of the room when left out."""
    keep: bool = False
    """Keep twins, topics and history of the replay until the Scenario is deleted."""


class ScenarioSpec(ApiModel):
    """What is asked. It cannot be changed."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel("self == oldSelf", "a Scenario is run once: make another one with another name"),
            cel("has(self.whatIf) != has(self.replay)", "give either whatIf or replay"),
        )
    )

    site: SiteName
    """Name of the Site, in the same namespace."""
    room: DnsLabel
    """Name of the room, one of the site's."""
    base_time: datetime | None = None
    """The moment from which a what-if starts, RFC 3339; the present when left out."""
    what_if: WhatIf | None = None
    """A what-if."""
    replay: Replay | None = None
    """A replay."""


class CaseResult(ApiModel):
    """What came out of one case; times in seconds after the beginning, absent where a limit is never left."""

    name: Annotated[str, Field(max_length=64)]
    """Name of the case."""
    dark_racks: Annotated[int, Field(ge=0)] = 0
    """Racks that lost all their power."""
    racks_out_of_recommended: Annotated[int, Field(ge=0)] = 0
    """Racks whose inlet leaves the recommended range (with near mass)."""
    racks_out_of_allowable: Annotated[int, Field(ge=0)] = 0
    """Racks whose inlet leaves the allowable range (with near mass)."""
    first_rack: Annotated[str, Field(max_length=64)] = ""
    """The rack that is the first to leave a range."""
    recommended_after_s: Annotated[float | None, Field(ge=0)] = None
    """When the first rack leaves the recommended range, thermal mass near the air counted."""
    allowable_after_s: Annotated[float | None, Field(ge=0)] = None
    """When the first rack leaves the allowable range, thermal mass near the air counted."""
    recommended_after_air_only_s: Annotated[float | None, Field(ge=0)] = None
    """When the first rack leaves the recommended range, were there no mass but the air's."""
    allowable_after_air_only_s: Annotated[float | None, Field(ge=0)] = None
    """When the first rack leaves the allowable range, were there no mass but the air's."""
    peak_c: float | None = None
    """The highest inlet temperature, in degrees Celsius."""
    peak_rack: Annotated[str, Field(max_length=64)] = ""
    """The rack where it is."""
    rci_hi: float | None = None
    """Rack cooling index (high) at the end, in percent."""
    cooling_energy_kwh: float | None = None
    """Energy of the cooling units."""
    cooling_energy_vs_baseline_percent: float | None = None
    """By how much that is more than in the baseline, in percent."""


class ScenarioStatus(ApiModel):
    """Where the scenario stands, and what came out of it."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the spec that this status speaks of."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_map("type"))] = []
    """Ready: True once the result is there; False with the reason when it failed; Unknown while it runs."""
    phase: Literal["Pending", "Running", "Done", "Failed"] = "Pending"
    """Where it stands."""
    job: Annotated[str, Field(max_length=64)] = ""
    """Name of the Job that computes it."""
    started_at: Annotated[str, Field(max_length=40)] = ""
    """When the Job was made."""
    completed_at: Annotated[str, Field(max_length=40)] = ""
    """When the result was taken."""
    base_time: Annotated[str, Field(max_length=40)] = ""
    """The moment from which it started."""
    bucket: Annotated[str, Field(max_length=128)] = ""
    """InfluxDB bucket of its series; their tag `scenario` is the Scenario's name."""
    headline: Annotated[str, Field(max_length=256)] = ""
    """The result in a sentence."""
    cases: Annotated[list[CaseResult], Field(max_length=128, json_schema_extra=list_map("name"))] = []
    """The cases of a what-if, the baseline first."""
    readings: Annotated[int | None, Field(ge=0)] = None
    """Readings that a replay sent."""
    replayed_site: Annotated[str, Field(max_length=64)] = ""
    """Site of a replay's own things."""


class Scenario(ApiModel):
    """A what-if or a replay of a room, run once as a Job; never mixed with what is live."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "size(self.metadata.name) <= 30 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "metadata.name must be a DNS label of at most 30 characters that begins with a letter",
            )
        )
    )

    spec: ScenarioSpec
    status: ScenarioStatus = ScenarioStatus()
