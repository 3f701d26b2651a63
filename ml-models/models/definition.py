"""What a model is: `model.yaml`, written by people, and `model.json`, the manifest inside a trained artefact.

The manifest carries everything serving needs (channels, inputs, targets, the graph's checksum), so that a runner of any
version serves an artefact as it was trained. Nothing here reads the graph itself: `runner.predictor` does.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

MANIFEST_FORMAT = 1
MANIFEST_FILE = "model.json"
GRAPH_FILE = "model.onnx"
CARD_FILE = "CARD.md"

Positive = Annotated[int, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Channel(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """One property of one feature that a model reads, under a short name.

    An `optional` one may be missing: of it the newest value alone is read, while it is no older than `stale_after_s`
    (0: as old as the model's own), and without one the model does with the rest.
    """

    name: str
    feature: str
    property: str
    unit: str
    optional: bool = False
    stale_after_s: int = msgspec.field(default=0, name="staleAfterS")


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One property that a model forecasts: `channel` holds its own past, `name` ends its feature's id on the twin.

    A model that detects forecasts nothing: its targets are the channels whose newest reading a verdict rests on.
    """

    name: str
    channel: str


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a detecting model can find: a column of its graph's `score`. `cause` is what people read."""

    name: str
    cause: str


class Output(msgspec.Struct, frozen=True):
    """One column of a forecasting graph's outputs: index of its target, and how far ahead in seconds."""

    target: int
    horizon_s: int


class Definition(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The part that people write, and that serving and training share. Times in seconds.

    `expiry_s`: how long after it was made a prediction may be shown; `stale_after_s`: a channel whose newest reading is
    older gives no prediction; `least_past_s`: nor does one whose oldest reading in the window is younger. `horizon_s`
    is the horizon that the twin's feature shows first; `horizons_s` lists all of them, ascending (empty: that one
    alone). `task` detect: `findings` are what it can find, `feature` is where on the twin its verdict stands. `task`
    maintain: `findings` are the parts that it judges, `limits` what of them is too much and when that is told.
    """

    name: str
    title: str
    package: str
    kinds: list[str]
    task: Literal["forecast", "detect", "maintain"] = "forecast"
    feature: str = ""
    findings: list[Finding] = []
    limits: dict[str, float] = {}
    horizon_s: Positive = msgspec.field(name="horizonS")
    horizons_s: list[Positive] = msgspec.field(default_factory=list, name="horizonsS")
    window_s: Positive = msgspec.field(name="windowS")
    resolution_s: Positive = msgspec.field(name="resolutionS")
    expiry_s: Positive = msgspec.field(name="expiryS")
    stale_after_s: Positive = msgspec.field(name="staleAfterS")
    least_past_s: Annotated[int, msgspec.Meta(ge=0)] = msgspec.field(default=0, name="leastPastS")
    coverage: Fraction
    channels: list[Channel]
    targets: list[Target]

    @property
    def cells(self) -> int:
        """Cells in a window."""
        return self.window_s // self.resolution_s

    @property
    def channel_names(self) -> list[str]:
        """Names of the channels: those of a window's first axis in its order, then the optional ones."""
        return [channel.name for channel in self.channels]

    @property
    def optional(self) -> list[Channel]:
        """Channels of which the newest value alone is read; they come after those that windows are of."""
        return [channel for channel in self.channels if channel.optional]

    @property
    def windowed(self) -> int:
        """How many channels windows are of."""
        return len(self.channels) - len(self.optional)

    def optional_ms(self) -> list[int]:
        """How old the newest value of each optional channel may be, in milliseconds."""
        return [(channel.stale_after_s or self.stale_after_s) * 1000 for channel in self.optional]

    def target_channels(self) -> list[int]:
        """For each target, the index of the channel that holds its past."""
        return [self.channel_names.index(target.channel) for target in self.targets]

    @property
    def horizons(self) -> list[int]:
        """All horizons in seconds, ascending."""
        return list(self.horizons_s) or [self.horizon_s]

    def outputs(self) -> list[Output]:
        """Columns of the graph's outputs: all horizons of the first target, then of the next."""
        return [Output(target, horizon) for target in range(len(self.targets)) for horizon in self.horizons]

    def output_channels(self) -> list[int]:
        """For each output, the index of the channel that holds its target's past."""
        channels = self.target_channels()
        return [channels[output.target] for output in self.outputs()]

    def channel_of(self, target: Target) -> Channel:
        """The channel that a target forecasts."""
        return self.channels[self.channel_names.index(target.channel)]

    def prediction_feature(self, target: Target) -> str:
        """Feature on the twin that carries the predictions of one target."""
        return f"prediction.{self.name}.{target.name}"


class Graph(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The ONNX graph: its checksum and its interface. Inputs float32 [N, inputs]; each output float32 [N, targets]."""

    file: str
    sha256: str
    opset: int
    input: str
    outputs: list[str]


class Manifest(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`model.json`: one trained version. `version` is the head of the graph's SHA-256, `created` epoch ms UTC."""

    format: int
    version: str
    created: int
    definition: Definition
    inputs: list[str]
    graph: Graph
    training: dict[str, Any]
    metrics: dict[str, Any]


class ModelError(Exception):
    """A model that cannot be used: what is wrong with it, and what was expected."""


def version_of(graph: bytes) -> str:
    """Version of a trained graph: 12 hexadecimal digits of its SHA-256, so equal graphs have equal versions."""
    return hashlib.sha256(graph).hexdigest()[:12]


def read_definition(package: str) -> Definition:
    """Read `models/<package>/model.yaml`.

    Raises:
        ModelError: there is no such model, or its file is not well formed.
    """
    try:
        text = resources.files("models").joinpath(package, "model.yaml").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"model {package!r}: models/{package}/model.yaml does not exist") from error
    try:
        definition = msgspec.convert(yaml.safe_load(text), Definition)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ModelError(f"models/{package}/model.yaml: {error}") from error
    check(definition)
    return definition


def read_manifest(folder: Path) -> Manifest:
    """Read `model.json` of an artefact.

    Raises:
        ModelError: the file is missing, not well formed, or of a format this version does not know.
    """
    path = folder / MANIFEST_FILE
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; train a model with `make train`, or set RACKTWIN_MODEL_DIR") from error
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
    if manifest.format != MANIFEST_FORMAT:
        raise ModelError(f"{path}: format {manifest.format}, this runner knows {MANIFEST_FORMAT}")
    check(manifest.definition)
    return manifest


def check(definition: Definition) -> None:
    """Check what types cannot say.

    Raises:
        ModelError: a target's channel is unknown, a name is used twice, or the window is not whole cells.
    """
    names = definition.channel_names
    if len(set(names)) != len(names) or not names:
        raise ModelError(
            f"model {definition.name!r}: channels must have distinct names, got {', '.join(names) or 'none'}"
        )
    if any(channel.optional for channel in definition.channels[: definition.windowed]):
        raise ModelError(f"model {definition.name!r}: optional channels come after the others")
    if any(channel.stale_after_s and not channel.optional for channel in definition.channels):
        raise ModelError(f"model {definition.name!r}: staleAfterS of a channel is for optional ones")
    names = names[: definition.windowed]
    for target in definition.targets:
        if target.channel not in names:
            raise ModelError(
                f"model {definition.name!r}: target {target.name!r} reads unknown channel {target.channel!r}"
            )
    horizons = definition.horizons
    if definition.horizon_s not in horizons or horizons != sorted(set(horizons)):
        raise ModelError(
            f"model {definition.name!r}: horizonsS must ascend and hold horizonS {definition.horizon_s}, got {horizons}"
        )
    if definition.task != "forecast" and not (definition.findings and definition.feature):
        raise ModelError(f"model {definition.name!r}: a model that detects needs findings and a feature")
    missing = {"loss", "dueH", "plannedH"} - set(definition.limits)
    if definition.task == "maintain" and missing:
        raise ModelError(f"model {definition.name!r}: limits: {', '.join(sorted(missing))} missing")
    if not definition.targets or not definition.kinds:
        raise ModelError(f"model {definition.name!r}: needs at least one target and one kind")
    if definition.window_s % definition.resolution_s:
        raise ModelError(
            f"model {definition.name!r}: windowS {definition.window_s} is no multiple of "
            f"resolutionS {definition.resolution_s}"
        )
