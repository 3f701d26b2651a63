"""What an artifact must read and say, where whoever ordered it (a TwinModel) says so. Pure.

What the contract leaves out, it does not ask for. An artifact that does not keep it is refused, with the part that
differs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from models.definition import Channel, Manifest, ModelError


class Contract(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What is asked for; see `rack_operator.api.twin_model`."""

    task: str | None = None
    kinds: list[str] | None = None
    channels: list[Channel] | None = None
    window_s: int | None = msgspec.field(default=None, name="windowS")
    resolution_s: int | None = msgspec.field(default=None, name="resolutionS")
    feature: str | None = None
    targets: list[str] | None = None
    horizons_s: list[int] | None = msgspec.field(default=None, name="horizonsS")
    unit: str | None = None
    sha256: str | None = None


def read(text: str) -> Contract:
    """Raises ModelError when it is none."""
    try:
        return msgspec.json.decode(text or "{}", type=Contract)
    except msgspec.DecodeError as error:
        raise ModelError(f"contract: {error}") from error


def check(contract: Contract, manifest: Manifest) -> None:
    """Raises ModelError that names the first part that differs."""
    definition = manifest.definition
    feature = definition.feature if definition.task == "detect" else f"prediction.{definition.name}"
    units = {definition.channel_of(target).unit for target in definition.targets}
    found: list[tuple[str, Any, Any]] = [
        ("artifact.sha256", contract.sha256, manifest.graph.sha256),
        ("task", contract.task, definition.task),
        ("inputs.windowS", contract.window_s, definition.window_s),
        ("inputs.resolutionS", contract.resolution_s, definition.resolution_s),
        ("output.feature", contract.feature, feature),
        ("output.horizonsS", contract.horizons_s, definition.horizons),
    ]
    if contract.targets is not None:
        found.append(("output.targets", sorted(contract.targets), sorted(target.name for target in definition.targets)))
    if contract.unit is not None:
        found.append(("output.unit", [contract.unit], sorted(units)))
    if contract.channels is not None:
        # What it does without where it is missing need not be asked for.
        named = {channel.name for channel in contract.channels}
        given = [channel for channel in definition.channels if not channel.optional or channel.name in named]
        found.append(("inputs.channels", _spelled(contract.channels), _spelled(given)))
    for part, asked, has in found:
        if asked is not None and asked != has:
            raise ModelError(f"spec.{part} is {_text(asked)}, but version {manifest.version} has {_text(has)}")
    unknown = sorted(set(contract.kinds or ()) - set(definition.kinds))
    if unknown:
        raise ModelError(f"spec.selector.kinds: version {manifest.version} is for {_text(definition.kinds)} alone")


def _spelled(channels: list[Channel]) -> list[str]:
    return sorted(f"{c.name}={c.feature}/{c.property} in {c.unit}{', optional' * c.optional}" for c in channels)


def _text(value: Any) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
