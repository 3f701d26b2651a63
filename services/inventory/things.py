"""Twins as W3C WoT Thing Descriptions 1.1: one for each, with forms on Ditto's HTTP API. Pure.

Properties are the twin's attributes and each property of each of its features, by the catalogue (type, unit, range);
those of a cooling unit's `control` can be written, as wishes that the guard decides upon. What the twin's model is, its
first link says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from racktwin.catalogue import COMMON, Property
from racktwin.catalogue_computed import resolve
from racktwin.names import ThingId

Json = dict[str, Any]

CONTEXT: Final = "https://www.w3.org/2022/wot/td/v1.1"
_WRITTEN: Final = ("setpoint", "fanSpeed", "mode")
_KINDS: Final = {
    "rack": ("Rack", "brick:ICT_Rack"),
    "server": ("Server", "brick:Server"),
    "cooling": ("Cooling unit", "brick:Computer_Room_Air_Handler"),
    "room": ("Room", "rec:DataServerRoom"),
    "gateway": ("Gateway", "brick:Gateway"),
    "pdu": ("Power distribution unit", None),
    "site": ("Site", "rec:Site"),
}
_PREFIXES: Final = {"brick": "https://brickschema.org/schema/Brick#", "rec": "https://w3id.org/rec#"}
_TYPES: Final[tuple[tuple[type, str], ...]] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)
# Where a thing belongs: attribute -> relation of the link.
_PARENTS: Final = {"rack": "collection"}


def description_of(thing: Mapping[str, Any], ditto_url: str) -> Json:
    """The Thing Description of a twin, as Ditto gives it (thingId, attributes, features, definition).

    Raises:
        ValueError: its id is not one of Racktwin's.
    """
    identity = ThingId.parse(str(thing["thingId"]))
    attributes = thing.get("attributes") or {}
    kind, semantic = _KINDS[identity.kind]
    base = f"{ditto_url.rstrip('/')}/api/2/things/{identity}/"
    result: Json = {
        "@context": [CONTEXT, dict(_PREFIXES)],
        "id": f"urn:racktwin:{identity.site}:{identity.kind}-{identity.name}",
        "title": str(attributes.get("displayName") or identity.name),
        "description": f"{kind} {identity.name} of site {identity.site}, as its twin shows it.",
        "base": base,
        "securityDefinitions": {"ditto": {"scheme": "basic", "in": "header"}},
        "security": ["ditto"],
        "links": _links(thing, attributes, identity, ditto_url),
        "properties": dict(_properties(thing, attributes, identity)),
    }
    if semantic is not None:
        result["@type"] = semantic
    if thing.get("_modified"):
        result["modified"] = thing["_modified"]
    if not result["links"]:
        del result["links"]
    return result


def descriptions(things: Iterable[Mapping[str, Any]], ditto_url: str) -> Iterator[tuple[str, Json]]:
    """File name and description of each twin; things of others are left out."""
    for thing in things:
        try:
            description = description_of(thing, ditto_url)
        except ValueError:
            continue
        yield f"{description['id'].rpartition(':')[2]}.td.jsonld", description


def _links(
    thing: Mapping[str, Any], attributes: Mapping[str, Any], identity: ThingId, ditto_url: str
) -> list[dict[str, str]]:
    links = []
    if thing.get("definition"):
        links.append({"rel": "type", "href": str(thing["definition"]), "type": "application/tm+json"})
    api = f"{ditto_url.rstrip('/')}/api/2/things"
    for name, relation in _PARENTS.items():
        if attributes.get(name) and identity.kind != name:
            links.append({"rel": relation, "href": f"{api}/{attributes[name]}", "type": "application/json"})
    servers = attributes.get("servers") if identity.kind == "rack" else None
    links += [{"rel": "item", "href": f"{api}/{server}", "type": "application/json"} for server in servers or ()]
    return links


def _properties(
    thing: Mapping[str, Any], attributes: Mapping[str, Any], identity: ThingId
) -> Iterator[tuple[str, Json]]:
    for name, value in sorted(attributes.items()):
        kind = next((word for python, word in _TYPES if isinstance(value, python)), None)
        if kind is not None:
            yield (
                f"attributes/{name}",
                {"title": name, "type": kind, "readOnly": True, "forms": [_form(f"attributes/{quote(name)}")]},
            )
    for feature in sorted(thing.get("features") or {}):
        known = resolve(identity.kind, feature)
        if known is None:
            continue
        for prop in (*known.properties, *COMMON):
            written = feature == "control" and prop.name in _WRITTEN
            yield f"{feature}/{prop.name}", _property(prop, feature, written)


def _property(prop: Property, feature: str, written: bool) -> Json:
    place = f"features/{quote(feature)}"
    schema: Json = {"title": prop.title, "type": prop.type}
    if prop.unit is not None:
        schema["unit"] = prop.unit
    if prop.enum:
        schema["enum"] = list(prop.enum)
    if prop.low is not None:
        schema["minimum"] = prop.low
    if prop.high is not None:
        schema["maximum"] = prop.high
    schema["forms"] = [_form(f"{place}/properties/{quote(prop.name)}")]
    if written:
        # A wish, which the guard decides upon.
        schema["forms"].append(_form(f"{place}/desiredProperties/{quote(prop.name)}", "writeproperty"))
    else:
        schema["readOnly"] = True
    return schema


def _form(href: str, operation: str = "readproperty") -> Json:
    return {"href": href, "op": operation, "contentType": "application/json"}
