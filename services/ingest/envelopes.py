"""Ditto Protocol envelope -> measured values.

Devices that speak Ditto's own protocol send ``merge`` or ``modify`` of a thing, its features, one feature, its
properties or one property; everything else of the protocol is no telemetry and refused. `observedAt`, `quality` and
`seq` beside the properties are taken as the reading's own. Pure. Next: `ingest.cleaning`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.flat import epoch_ms, load_object, sequence_number
from ingest.intake import Inbound
from ingest.measured import Decoded, Measured, Refusal
from racktwin import ditto_protocol

_ACTIONS = frozenset({"merge", "modify"})
_BESIDE = frozenset({"observedAt", "quality", "seq"})


def decode(message: Inbound) -> Decoded:
    """Read one envelope.

    Raises:
        Refusal: `malformed_json`, or `unsupported_content` for what is no telemetry.
    """
    try:
        envelope = msgspec.convert(load_object(message.payload), ditto_protocol.Envelope)
        topic = ditto_protocol.parse_topic(envelope.topic)
    except (msgspec.ValidationError, ValueError) as error:
        raise Refusal("malformed_json", f"Ditto Protocol: {error}") from error
    if (topic.group, topic.channel, topic.criterion) != ("things", "twin", "commands") or topic.action not in _ACTIONS:
        detail = f"topic {envelope.topic!r}: expected …/things/twin/commands/merge or modify"
        raise Refusal("unsupported_content", detail)
    values: list[Measured] = []
    for feature, properties in _features(envelope.path, envelope.value).items():
        if not isinstance(properties, dict):
            raise Refusal("malformed_json", f"properties of {feature!r}: expected an object")
        time = epoch_ms(properties.get("observedAt"))
        seq = sequence_number(properties.get("seq"))
        stated = properties.get("quality")
        quality = stated if isinstance(stated, str) else None
        values.extend(
            Measured(topic.thing_id, feature, name, value, None, time, seq, quality)
            for name, value in properties.items()
            if name not in _BESIDE
        )
    if not values:
        raise Refusal("unsupported_content", f"path {envelope.path!r}: no feature property in it")
    numbers = {value.seq for value in values if value.seq is not None}
    return Decoded(values, [], [(topic.thing_id, seq) for seq in sorted(numbers)])


def _features(path: str, value: Any) -> dict[str, Any]:
    """Feature -> properties of whatever level the path names."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return _each_properties(_object(value, path).get("features", {}), path)
    if parts[0] != "features":
        raise Refusal("unsupported_content", f"path {path!r}: expected / or /features…")
    if len(parts) == 1:
        return _each_properties(value, path)
    if len(parts) == 2:
        return _each_properties({parts[1]: value}, path)
    if parts[2] == "properties" and len(parts) <= 4:
        return {parts[1]: _object(value, path) if len(parts) == 3 else {parts[3]: value}}
    raise Refusal("unsupported_content", f"path {path!r}: expected …/properties or …/properties/<name>")


def _each_properties(features: Any, path: str) -> dict[str, Any]:
    return {name: _object(feature, path).get("properties", {}) for name, feature in _object(features, path).items()}


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal("malformed_json", f"value at {path!r}: expected an object")
    return value
