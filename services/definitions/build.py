"""Thing Models from the catalogue: one per kind of thing, one submodel per feature. Pure.

A thing's model holds its attributes and links each feature to its submodel (``tm:submodel``, the feature id as
``instanceName``). Every property is optional: a model with a required one would make Ditto invent a value for it when
it creates the thing, and an invented 0 is not an absent value. Next: :mod:`definitions.generate` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from definitions.attributes import ATTRIBUTES
from definitions.vocabulary import annotate, context
from racktwin.catalogue import COMMON, FEATURES, Feature, Property
from racktwin.catalogue_computed import COMPUTED, LAST_COMMAND, REQUEST
from racktwin.commands import State
from racktwin.thing_models import (
    BASE_FEATURES,
    MEDIA_TYPE,
    MODEL_OF_KIND,
    VERSION,
    file_name,
    submodel_of,
)

Model = dict[str, Any]

_THINGS = {
    "rack": ("Rack", "A rack: its place, its limits, the air at its sensors, its power, what models expect of it."),
    "server": ("Server", "A server in a rack, as the machine itself or its management controller reports it."),
    "cooling": ("Cooling unit", "A cooling unit (CRAC, CRAH or in-row): its air, its power, and its set-points."),
    "room": ("Room", "A room: its size, its cooling units, the indices over all of its racks, what-if scenarios."),
    "gateway": ("Gateway", "A gateway that speaks for racks and servers over one connection."),
    "pdu": ("Power distribution unit", "A power distribution unit that feeds racks."),
}
_BRICK = {
    "rack": "brick:ICT_Rack",
    "server": "brick:Server",
    "cooling": "brick:Computer_Room_Air_Conditioning",
    "room": "rec:DataServerRoom",
    "gateway": "brick:Gateway",
}


def build() -> dict[str, Model]:
    """Every model by file name."""
    models = {file_name(name): model for name, model in _submodels().items()}
    for kind, name in MODEL_OF_KIND.items():
        models[file_name(name)] = _thing(kind, name)
    return models


def submodel_link(kind: str, feature: str) -> dict[str, str]:
    """The link that makes a feature part of a thing's model; its ``href`` is relative.

    Raises:
        ValueError: things of this kind cannot carry such a feature.
    """
    return {
        "rel": "tm:submodel",
        "href": f"./{file_name(submodel_of(kind, feature))}",
        "type": MEDIA_TYPE,
        "instanceName": feature,
    }


def property_schema(prop: Property) -> dict[str, Any]:
    """Data schema of one property of a feature."""
    schema: dict[str, Any] = {"title": prop.title}
    if prop.unit is not None:
        schema.update(annotate(prop.name, prop.unit))
    schema["type"] = prop.type
    if prop.enum:
        schema["enum"] = list(prop.enum)
    if prop.low is not None:
        schema["minimum"] = prop.low
    if prop.high is not None:
        schema["maximum"] = prop.high
    schema["readOnly"] = True
    schema["observable"] = True
    return schema


def _head(name: str, title: str, description: str, types: Sequence[str] = ()) -> Model:
    return {
        "@context": context(types),
        "@type": ["tm:ThingModel", *types] if types else "tm:ThingModel",
        "id": f"urn:racktwin:model:{name}:{VERSION}",
        "title": title,
        "description": description,
        "version": {"model": VERSION},
    }


def _optional(properties: Iterable[str]) -> list[str]:
    return [f"/properties/{name}" for name in properties]


def _thing(kind: str, name: str) -> Model:
    title, description = _THINGS[kind]
    attributes = ATTRIBUTES[kind]
    model = _head(name, title, description, [_BRICK[kind]] if kind in _BRICK else [])
    links = [submodel_link(kind, feature) for feature in BASE_FEATURES[kind]]
    if links:
        model["links"] = links
    model["properties"] = dict(attributes)
    model["tm:optional"] = _optional(attributes)
    return model


def _submodels() -> dict[str, Model]:
    models: dict[str, Model] = {}
    for feature in (*FEATURES, *COMPUTED):
        # A family's submodel is that of any of its members.
        member = f"{feature.name}.any" if feature.family else feature.name
        for kind in feature.kinds:
            name = submodel_of(kind, member)
            if name not in models:
                models[name] = _submodel(name, feature)
    return models


def _title(feature: Feature) -> str:
    # One submodel serves every place of a sensor, so it cannot be titled after the first.
    return "Air at a sensor" if feature.name.startswith("environment") else feature.title


def _submodel(name: str, feature: Feature) -> Model:
    own = list(feature.properties)
    if name == "control":
        own += [REQUEST, LAST_COMMAND]
    properties = {prop.name: property_schema(prop) for prop in (*own, *COMMON)}
    if name == "control":
        _make_writable(properties)
    if name == "optimisation":
        # People say who acts, and what they do not want, as desired properties.
        for wished in ("mode", "left"):
            del properties[wished]["readOnly"]
    model = _head(name, _title(feature), _description(feature))
    model["properties"] = properties
    model["tm:optional"] = _optional(properties)
    return model


def _description(feature: Feature) -> str:
    source = "Reported by devices." if feature.reported else "Written by Racktwin's own processes, never by a device."
    cadence = {
        "critical": "Updated at the site's critical interval (1 s unless set).",
        "slow": "Updated at the site's slow interval or less often.",
        "event": "Updated when it changes.",
    }[feature.cadence]
    return f"{source} {cadence} Absent values are absent, never 0."


def _make_writable(properties: dict[str, Any]) -> None:
    """Set-points are written by people and programs, as ``desiredProperties``: these are a cooling unit's commands.

    Their range is what is possible, not the interlock's: an operator may confirm a set-point beyond the interlock, and
    a report of one must not make Ditto refuse the rest of its merge.
    """
    for name in ("setpoint", "fanSpeed", "mode", "request"):
        del properties[name]["readOnly"]
    properties["lastCommand"]["properties"] = {
        "id": {"title": "Id of the command", "type": "string"},
        "origin": {"title": "What asked", "type": "string"},
        "who": {"title": "Who asked", "type": "string"},
        "state": {"title": "What became of it", "type": "string", "enum": list(get_args(State))},
        "values": {"title": "What was asked for", "type": "object"},
        "rule": {"title": "Rule that refused it", "type": "string"},
        "by": {"title": "By how much, in the rule's unit", "type": "number"},
        "detail": {"title": "In words", "type": "string"},
        "at": {"title": "Time, epoch milliseconds UTC", "type": "integer", **annotate("at", "ms")},
    }
