"""All that must exist for one Site, apart from tenant, topics, connections and models. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from rack_operator.api.site import SiteSpec
from rack_operator.desired.devices import Device
from rack_operator.desired.ownership import Owner
from rack_operator.desired.things import gateway_thing, room_thing, site_thing
from racktwin.catalogue_computed import BY_MODELS, is_of_models
from racktwin.thing_models import BASE_FEATURES

JsonObject = dict[str, Any]


class KnownSite(SiteSpec):
    """A site as its racks and servers see it. `predictions`: by kind of thing, features that its models write."""

    predictions: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def predicted_features(spec: SiteSpec, models: Iterable[tuple[str, JsonObject]]) -> dict[str, tuple[str, ...]]:
    """By kind, the features of the site's own models, which predict inlets, and of its TwinModels (name, spec)."""
    found: dict[str, set[str]] = {
        "rack": {f"prediction.{model.name}.{place}" for model in spec.models for place in ("bottom", "top")}
    }
    for name, model in models:
        for kind, features in said_by(name, model).items():
            found.setdefault(kind, set()).update(features)
    # What is predicted is scored when its time has come.
    return {
        kind: tuple(sorted(features | ({"scorecard"} if any(map(_is_prediction, features)) else set())))
        for kind, features in found.items()
    }


def said_by(name: str, model: JsonObject) -> dict[str, set[str]]:
    """By kind, the features that a TwinModel (name, spec) writes."""
    output = model.get("output") or {}
    if model.get("task") == "detect":
        features = {output["feature"]} if output.get("feature") else set()
    else:
        family = output.get("feature") or f"prediction.{model.get('model') or name}"
        features = {f"{family}.{target}" for target in output.get("targets") or ()}
    return dict.fromkeys((model.get("selector") or {}).get("kinds") or ("rack",), features)


def model_features(predicted: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Every feature that the site's models, and nobody else, may write: `predicted` ones (see `predicted_features`)
    and those that things have in any case."""
    usual = {name for features in BASE_FEATURES.values() for name in features} | BY_MODELS
    known = usual.union(*predicted.values())
    # A family's bare name is no feature.
    return tuple(sorted(name for name in known if is_of_models(name) and name != "prediction"))


def _is_prediction(feature: str) -> bool:
    return feature.startswith("prediction.")


def site_things(spec: SiteSpec, owner: Owner, definitions_url: str) -> list[JsonObject]:
    """Things of the site, its rooms and its gateways."""
    return [
        site_thing(spec, owner),
        *(room_thing(room, owner, definitions_url) for room in spec.rooms),
        *(gateway_thing(gateway.name, owner, definitions_url) for gateway in spec.gateways),
    ]


def site_devices(spec: SiteSpec, owner: Owner) -> list[Device]:
    """Devices of the site's gateways."""
    return [Device(owner.name, "gateway", gateway.name) for gateway in spec.gateways]
