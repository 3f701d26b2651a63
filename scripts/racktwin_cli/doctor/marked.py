"""The marked reading: what the doctor sends, so that it can be found again and pollutes nothing. Pure.

- Its value is the twin's present one, sent again with the time of now, so no series gets a value that was not
  measured. Where the twin's is older than `FRESH_MS`, or a value is given by hand, the reading says
  ``quality: estimated``: such a point can be told from measured ones, and models leave it out.
- It carries no sequence number. Numbers are the device's own, and one of ours would count as a loss, a repeat or a
  restart of the device. What marks it is its time, to the millisecond, which no other reading of the feature has, and,
  in a SenML pack, a label that RFC 8428 tells every reader to ignore.

Next: `racktwin_cli.doctor.send`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from racktwin import senml
from racktwin.catalogue import Feature, feature_of, features_of
from racktwin_cli.failures import Failure

LABEL: Final = "racktwin-doctor"
FRESH_MS: Final = 60_000
# Sent to a thing that Ditto does not know, so that the way up to there can be judged.
_PLACEHOLDER: Final = 20.0


@dataclass(frozen=True, slots=True)
class Marked:
    """One reading, ready to be sent. `observed_at` (epoch ms) and `feature` find it again."""

    thing: str
    feature: str
    observed_at: int
    values: dict[str, float]
    estimated: bool
    payload: bytes
    content_type: str


def choose_feature(kind: str, features: Mapping[str, Any], wanted: str | None) -> Feature:
    """The feature to mark: the wanted one, else a critical one that the twin shows, else the first of its kind.

    Raises:
        Failure: things of this kind report no such feature, or none at all.
    """
    reported = [feature for feature in features_of(kind).values() if feature.reported]
    names = ", ".join(feature.name for feature in reported)
    if wanted is not None:
        chosen = feature_of(kind, wanted)
        if chosen is None or not chosen.reported:
            raise Failure(
                f"feature {wanted!r}: a {kind} does not report it", f"choose one of {names or 'another kind'}"
            )
        return chosen
    # The top of a rack is where models look and people fear.
    ranked = sorted(
        reported, key=lambda f: (f.name not in features, f.cadence != "critical", f.name != "environment.top")
    )
    for feature in ranked:
        if _numbers(feature, _properties(features, feature.name)) or feature.name not in features:
            return feature
    if not ranked:
        raise Failure(f"a {kind} reports nothing", "name a rack, server or cooling unit")
    return ranked[0]


def make(
    thing: str,
    feature: Feature,
    shown: Mapping[str, Any] | None,
    now_ms: int,
    *,
    marker: str,
    given: Mapping[str, float] | None = None,
) -> Marked:
    """The reading of `feature` at `now_ms`. `shown`: the twin's features, None when Ditto has no such thing.

    Raises:
        Failure: the twin shows no value to send again, and none was given.
    """
    properties = _properties(shown or {}, feature.name)
    values = dict(given) if given else _numbers(feature, properties)
    fresh = now_ms - int(properties.get("observedAt") or 0) <= FRESH_MS and properties.get("quality", "good") == "good"
    if not values and shown is None:
        numeric = next(p for p in feature.properties if p.type in ("number", "integer") and not p.derived)
        values = {numeric.name: _PLACEHOLDER}
    if not values:
        first = next((p.name for p in feature.properties if not p.derived), "property")
        raise Failure(
            f"{thing} shows no value of {feature.name} yet, so there is none to send again",
            f"give one: --value {first}=NUMBER (it will be marked as estimated)",
        )
    estimated = bool(given) or not fresh
    if estimated:
        payload = msgspec.json.encode(
            {"feature": feature.name, "time": now_ms, "quality": "estimated", **values}, order="deterministic"
        )
        return Marked(thing, feature.name, now_ms, values, True, payload, "application/json")
    pack: list[dict[str, Any]] = [
        {"n": f"{feature.name}/{name}", "v": value, "t": now_ms / 1000, **_unit(feature, name), LABEL: marker}
        for name, value in values.items()
    ]
    return Marked(thing, feature.name, now_ms, values, False, senml.encode(pack), senml.CONTENT_TYPE)


def _properties(features: Mapping[str, Any], feature: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (features.get(feature) or {}).get("properties") or {}
    return found


def _numbers(feature: Feature, properties: Mapping[str, Any]) -> dict[str, float]:
    """What a device may report of the feature, of what the twin shows."""
    found: dict[str, float] = {}
    for prop in feature.properties:
        value = properties.get(prop.name)
        if not prop.derived and isinstance(value, int | float) and not isinstance(value, bool):
            found[prop.name] = float(value)
    return found


def _unit(feature: Feature, name: str) -> dict[str, str]:
    unit = feature.by_name[name].unit
    return {} if unit is None else {"u": unit}
