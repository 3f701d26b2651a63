"""The `TwinModel` resource: a model that serves a site's things, from its training to its replicas.

The operator makes a runner Deployment and training Jobs of it. Which version serves stands in the model registry; this
resource says what it must read and say, when it is trained, what it must achieve, and how many runners share the work.
"""

# Pydantic copies list defaults, and a default_factory would not reach the schema.
# ruff: noqa: RUF012
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from rack_operator.api.base import ApiModel, Condition, DnsLabel, SiteName, Slug, cel, list_map, rules

ThingKind = Literal["rack", "server", "cooling"]
CRON_PATTERN = r"^(\S+ \S+ \S+ \S+ \S+)?$"
_SET = {"x-kubernetes-list-type": "set"}
_FeatureName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][A-Za-z0-9.-]*$")]
# Those that no other process may write: `racktwin.catalogue_computed.BY_MODELS`.
_OwnFeature = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^(anomaly|sensing|prediction\.[a-z][A-Za-z0-9.-]*)$")
]
_Seconds = Annotated[int, Field(gt=0, le=604_800)]


class Selector(ApiModel):
    """Which things are served; every part that is given must fit."""

    kinds: Annotated[list[ThingKind], Field(min_length=1, max_length=3, json_schema_extra=_SET)] = ["rack"]
    """Kinds of things."""
    rooms: Annotated[list[DnsLabel], Field(max_length=100, json_schema_extra=_SET)] = []
    """Rooms; all when left out."""
    rows: Annotated[list[Slug], Field(max_length=500, json_schema_extra=_SET)] = []
    """Rows; all when left out."""
    names: Annotated[list[DnsLabel], Field(max_length=1000, json_schema_extra=_SET)] = []
    """Names of things; all when left out."""


class Channel(ApiModel):
    """One property of one feature that the model reads."""

    name: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[a-z][A-Za-z0-9]*$")]
    """Short name."""
    feature: _FeatureName
    """Feature of the twin."""
    property: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z][A-Za-z0-9]*$")]
    """Property of the feature."""
    unit: Annotated[str, Field(min_length=1, max_length=16)]
    """Unit, as UCUM writes it."""
    optional: bool = False
    """Whether the model does without it where it is missing."""


class Inputs(ApiModel):
    """What the model reads. An artifact that reads anything else is refused."""

    channels: Annotated[list[Channel], Field(max_length=32, json_schema_extra=list_map("name"))] = []
    """Properties of features; what the artifact says when left out. Optional ones may be left out one by one."""
    window_s: _Seconds | None = None
    """How far back, in seconds."""
    resolution_s: _Seconds | None = None
    """Length of a cell, in seconds."""


class Output(ApiModel):
    """What the model says. An artifact that says anything else is refused."""

    feature: _OwnFeature | None = None
    """Feature of the twin where its verdict stands, `anomaly` or `sensing`; of a forecast, the beginning of its
    features' names, `prediction.<model>`. Models alone may write it."""
    targets: Annotated[list[Slug], Field(max_length=16, json_schema_extra=_SET)] = []
    """Names of what is forecast; each has a feature of its own."""
    horizons_s: Annotated[list[_Seconds], Field(max_length=16, json_schema_extra=_SET)] = []
    """How far ahead, in seconds."""
    unit: Annotated[str, Field(max_length=16)] = ""
    """Unit of its values, as UCUM writes it."""


class ModelArtifact(ApiModel):
    """Where the trained model comes from: the model registry, and a ConfigMap until a version serves there."""

    config_map: DnsLabel | None = None
    """A ConfigMap in the same namespace with `model.onnx`, `model.json` and `CARD.md`: what serves where there is no
    registry, or no version of the model was promoted in it yet. It is not judged by its card, and never pauses."""
    version: Annotated[str, Field(max_length=12, pattern="^(current|[0-9a-f]{12})$")] = "current"
    """Version in the registry: the one that was promoted last, or one to stay at. One to stay at is judged and pauses
    too, but nothing is trained for its drift."""
    sha256: Annotated[str, Field(max_length=64, pattern="^([0-9a-f]{64})?$")] = ""
    """Checksum that the graph must have; any when left out."""


class ModelTraining(ApiModel):
    """When the model is trained, and on what."""

    schedule: Annotated[str, Field(max_length=64, pattern=CRON_PATTERN)] = ""
    """Five fields as in cron, in UTC; never by the clock when left out."""
    on_drift: bool = True
    """Train when the served version drifts: by its scores, or by its inputs."""
    history: Literal["auto", "influx", "simulated"] = "auto"
    """Recorded readings, simulated plants, or recorded ones once there are enough. A model that detects is always
    trained on simulated faults, as recorded readings do not say what was wrong: `influx` is refused for it."""
    history_hours: Annotated[float, Field(gt=0, le=87_600)] = 168
    """How far back recorded readings are taken, in hours; of no matter to a model that detects."""
    least_interval_s: Annotated[int, Field(ge=60, le=31_536_000)] = 21_600
    """Time between two trainings for drift at least, in seconds."""
    time_limit_s: Annotated[int, Field(ge=60, le=604_800)] = 7200
    """After this a training is given up, in seconds."""


class Promotion(ApiModel):
    """What a new version must achieve before it serves; it must also be better than the one that serves. One that
    detects must find at least half of what is wrong (F1 0.5) and report at most 2 % of normal windows."""

    automatic: bool = True
    """Let a version that passes serve; otherwise a person promotes it (`racktwin models promote`)."""
    least_skill: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Skill against persistence that it must exceed; of a forecast alone."""
    coverage_tolerance: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """How far the coverage of its intervals may be from what they promise; of a forecast alone."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """By which share its error must be smaller than that of the version that serves; of one that detects, what it
    lacks of an F1 of 1."""


class Replicas(ApiModel):
    """How many runners share the work, by how far they are behind."""

    model_config = ConfigDict(
        json_schema_extra=rules(cel("self.min <= self.max", "min must not exceed max", field_path=".min"))
    )

    min: Annotated[int, Field(ge=1, le=100)] = 1
    """Runners at least; to have none, say `suspend`: readings come all the time, so none is never enough."""
    max: Annotated[int, Field(ge=1, le=100)] = 1
    """Runners at most; more than the topic's partitions are of no use."""
    lag_per_replica: Annotated[int, Field(ge=1, le=100_000_000)] = 20_000
    """Readings behind for which one more runner is wanted."""


class TwinModelSpec(ApiModel):
    """What is to serve, and how it is kept good."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.task != 'detect' || !has(self.training) || self.training.history != 'influx'",
                "a model that detects is trained on simulated faults: leave history out, or say simulated",
                field_path=".training.history",
            ),
            cel(
                "self.task != 'detect' || self.promotion.leastSkill == 0.0",
                "leastSkill is of forecasts: a model that detects is held to its F1",
                field_path=".promotion.leastSkill",
            ),
            cel(
                "self.task != 'detect' || self.promotion.coverageTolerance == 0.05",
                "coverageTolerance is of forecasts: a model that detects has no intervals",
                field_path=".promotion.coverageTolerance",
            ),
        )
    )

    site: SiteName
    """Name of the Site, in the same namespace."""
    model: Annotated[str, Field(max_length=50, pattern="^([a-z]([-a-z0-9]*[a-z0-9])?)?$")] = ""
    """Name of the model in the registry, and of its code; the resource's own when left out."""
    task: Literal["forecast", "detect"] = "forecast"
    """Whether it forecasts values or finds what is wrong."""
    selector: Selector = Selector()
    """Which things."""
    inputs: Inputs = Inputs()
    """What it reads."""
    output: Output = Output()
    """What it says."""
    artifact: ModelArtifact = ModelArtifact()
    """Where the trained model comes from."""
    training: ModelTraining | None = None
    """When it is trained; never when left out."""
    promotion: Promotion = Promotion()
    """What a new version must achieve."""
    interval_s: Annotated[float | None, Field(gt=0, le=3600)] = None
    """Time between two predictions of a thing, in seconds; as the runner is set when left out."""
    expiry_s: _Seconds | None = None
    """How long after it was made a prediction is shown, in seconds; what the artifact says when left out."""
    replicas: Replicas = Replicas()
    """How many runners."""
    suspend: bool = False
    """Predict nothing and train nothing; what was predicted and found is taken off the twins."""


class TrainingStatus(ApiModel):
    """The newest training."""

    job: Annotated[str, Field(max_length=64)] = ""
    """Name of its Job."""
    reason: Annotated[str, Field(max_length=64)] = ""
    """Why it was begun: first, schedule, drift, asked, changed."""
    started_at: Annotated[str, Field(max_length=40)] = ""
    """When it was begun."""
    ended_at: Annotated[str, Field(max_length=40)] = ""
    """When it ended."""
    result: Literal["", "Running", "Succeeded", "Failed"] = ""
    """What became of it."""
    message: Annotated[str, Field(max_length=512)] = ""
    """The same in a sentence."""
    asked: Annotated[str, Field(max_length=256)] = ""
    """Value of the annotation racktwin.io/train that was heeded last."""
    fingerprint: Annotated[str, Field(max_length=64)] = ""
    """Of the part of the spec that decides what is trained."""


class TwinModelStatus(ApiModel):
    """How the model stands."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the spec that this status speaks of."""
    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_map("type"))] = []
    """Trained, Promoted, Serving, Drifting, Paused, and Ready: that it serves and does not pause."""
    version: Annotated[str, Field(max_length=12)] = ""
    """The version that serves, or is to."""
    newest_version: Annotated[str, Field(max_length=12)] = ""
    """The version that was trained last."""
    deployment: Annotated[str, Field(max_length=64)] = ""
    """Name of the runners' Deployment."""
    replicas: Annotated[int, Field(ge=0)] = 0
    """Runners asked for."""
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    """Runners that work."""
    lag: Annotated[int | None, Field(ge=0)] = None
    """Readings that the runners were behind when their number was last decided on."""
    skill: float | None = None
    """Recent skill against persistence of the version that serves, when its predictions' time had come."""
    coverage: float | None = None
    """Share of its recent predictions whose interval held what came."""
    training: TrainingStatus = TrainingStatus()
    """The newest training."""


class TwinModel(ApiModel):
    """A model that predicts for a site's things: trained, judged, promoted and served."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "size(self.metadata.name) <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "metadata.name must be a DNS label of at most 40 characters that begins with a letter",
            )
        )
    )

    spec: TwinModelSpec
    status: TwinModelStatus = TwinModelStatus()
