"""What the doctor saw: where the marked reading came by, and what the systems say of themselves. Pure data.

Times are epoch milliseconds UTC by the clock of whoever stamped them: Kafka's producers, or this machine.
Next: `racktwin_cli.doctor.diagnosis`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal


class Hop(StrEnum):
    """The stations of a reading, in the order of its way."""

    ADAPTER = "adapter"
    HONO = "hono"
    INGEST = "ingest"
    MERGE = "merge"
    TWIN = "twin"
    HISTORY = "history"
    PREDICTION = "prediction"
    PREDICTED_TWIN = "predicted-twin"


TITLES: Final[Mapping[Hop, str]] = {
    Hop.ADAPTER: "Hono's adapter took the message",
    Hop.HONO: "record on hono.telemetry",
    Hop.INGEST: "record on racktwin.readings",
    Hop.MERGE: "merge on racktwin.twin",
    Hop.TWIN: "the twin shows it",
    Hop.HISTORY: "point in InfluxDB",
    Hop.PREDICTION: "prediction made from it",
    Hop.PREDICTED_TWIN: "the twin shows the prediction",
}

# From which hop each one gets the reading.
BEFORE: Final[Mapping[Hop, Hop]] = {
    Hop.HONO: Hop.ADAPTER,
    Hop.INGEST: Hop.HONO,
    Hop.MERGE: Hop.INGEST,
    Hop.TWIN: Hop.MERGE,
    Hop.HISTORY: Hop.INGEST,
    Hop.PREDICTION: Hop.INGEST,
    Hop.PREDICTED_TWIN: Hop.PREDICTION,
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """The reading came by: when, and where exactly (topic, partition and offset, or what was shown)."""

    at_ms: int
    where: str


# How `Evidence.unready` begins for a process that does not answer at all.
NO_ANSWER: Final = "does not answer"

# How InfluxDB answers a token that it does not take.
REFUSED: Final = frozenset({401, 403})

Refusal = Literal["unreachable", "credentials", "unavailable", "other"]


@dataclass(frozen=True, slots=True)
class Sent:
    """How the adapter answered. `refusal` None: it acknowledged."""

    refusal: Refusal | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The dead letter that the reading became."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: who is in it, and how many records before the marked one it has not done (None: unknown)."""

    members: int
    behind: int | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """Ditto's connection that takes the merges. `wanted` is what its configuration says, `live` how it is."""

    found: bool
    wanted: str = ""
    live: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Influx:
    """How InfluxDB answered a question of ours: HTTP status, 0 when it could not be reached, 200 when it was fine."""

    status: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Runner:
    """A model that reads the marked feature. `ready` None: Kubernetes has no Deployment for it."""

    model: str
    replicas: int
    ready: int | None
    group: Group | None = None
    group_id: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the doctor knows when it concludes. None always means: could not be asked."""

    site: str
    thing: str
    feature: str
    login: str
    """The device whose credentials were used: the thing's own, or a gateway's."""
    sent: Sent | None = None
    """None: there were no credentials to send with; `secret_problem` says why."""
    secret_problem: str = ""
    tenant_known: bool | None = None
    device_known: bool | None = None
    device_enabled: bool = True
    sightings: Mapping[Hop, Sighting] = field(default_factory=dict)
    rejected: Rejected | None = None
    topics: frozenset[str] | None = None
    bridge: Group | None = None
    ingest: Group | None = None
    historian: Group | None = None
    ditto_group: Group | None = None
    twin_found: bool | None = None
    ditto_problem: str = ""
    connection: Connection | None = None
    may_write: bool | None = None
    """Whether the policy lets the pipeline write the feature."""
    influx: Influx | None = None
    runners: tuple[Runner, ...] | None = None
    """Models that should predict from the reading; empty: none is expected to."""
    unready: Mapping[str, str] = field(default_factory=dict)
    """Process -> what its /readyz says is wrong, for those that were asked and are not ready."""


def expected(evidence: Evidence) -> tuple[Hop, ...]:
    """The hops that the reading should pass."""
    predicted = (Hop.PREDICTION, Hop.PREDICTED_TWIN)
    return tuple(hop for hop in Hop if hop not in predicted or evidence.runners)
