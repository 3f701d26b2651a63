"""A site as a Brick 1.4 graph, in Turtle: site, rooms, racks, servers, cooling units, and what is measured of each.
Pure.

Points carry their unit (QUDT) and where their series is (bucket, measurement, tags of InfluxDB), so that a program that
reads Brick finds the data. Places are RealEstateCore's, as Brick has it since 1.4. A cooling unit `brick:feeds` its
room, for Brick's shapes let no rack be fed; which racks it serves is in a term of our own. Brick has no class for a
PDU or a power feed of a rack; those are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from rdflib import RDF, RDFS, BNode, Graph, Literal, Namespace, URIRef

from racktwin.catalogue import feature_of
from racktwin.names import ThingId
from racktwin.thing_models import submodel_of

BRICK: Final = Namespace("https://brickschema.org/schema/Brick#")
REF: Final = Namespace("https://brickschema.org/schema/Brick/ref#")
REC: Final = Namespace("https://w3id.org/rec#")
UNIT: Final = Namespace("http://qudt.org/vocab/unit/")
OWN: Final = Namespace("urn:racktwin:terms:")

_PREFIXES: Final = (("brick", BRICK), ("rec", REC), ("ref", REF), ("unit", UNIT), ("racktwin", OWN))

# (submodel, property) -> class of the point.
POINTS: Final[dict[tuple[str, str], str]] = {
    ("environment", "temperature"): "Air_Temperature_Sensor",
    ("environment", "relativeHumidity"): "Relative_Humidity_Sensor",
    ("environment", "dewPoint"): "Dewpoint_Sensor",
    ("power", "power"): "Electric_Power_Sensor",
    ("power", "energy"): "Electric_Energy_Sensor",
    ("power", "powerA"): "Electric_Power_Sensor",
    ("power", "powerB"): "Electric_Power_Sensor",
    ("power", "voltageA"): "Voltage_Sensor",
    ("power", "voltageB"): "Voltage_Sensor",
    ("power", "currentA"): "Current_Sensor",
    ("power", "currentB"): "Current_Sensor",
    ("cooling-power", "power"): "Electric_Power_Sensor",
    ("cooling-power", "energy"): "Electric_Energy_Sensor",
    ("cooling-power", "heatRemoved"): "Thermal_Power_Sensor",
    ("rack-cooling", "airflow"): "Air_Flow_Sensor",
    ("cpu", "utilization"): "Usage_Sensor",
    ("cpu", "frequency"): "Frequency_Sensor",
    ("thermal", "inletTemperature"): "Air_Temperature_Sensor",
    ("thermal", "exhaustTemperature"): "Exhaust_Air_Temperature_Sensor",
    ("fans", "fanSpeed"): "Motor_Speed_Sensor",
    ("fans", "fanSpeedPercent"): "Speed_Sensor",
    ("air", "supplyTemperature"): "Supply_Air_Temperature_Sensor",
    ("air", "returnTemperature"): "Return_Air_Temperature_Sensor",
    ("air", "supplyHumidity"): "Supply_Air_Humidity_Sensor",
    ("air", "airflow"): "Supply_Air_Flow_Sensor",
    ("control", "setpoint"): "Supply_Air_Temperature_Setpoint",
    ("control", "fanSpeed"): "Speed_Setpoint",
    ("control", "mode"): "Mode_Command",
}
_UNITS: Final[dict[str, str]] = {
    "Cel": "DEG_C",
    "%": "PERCENT",
    "W": "W",
    "kW.h": "KiloW-HR",
    "V": "V",
    "A": "A",
    "Hz": "HZ",
    "m3/s": "M3-PER-SEC",
    "{rev}/min": "REV-PER-MIN",
}
_CRAC: Final = BRICK.Computer_Room_Air_Conditioning
_KINDS: Final = {
    "site": REC.Site,
    "room": REC.DataServerRoom,
    "rack": BRICK.ICT_Rack,
    "server": BRICK.Server,
    "cooling": BRICK.Computer_Room_Air_Handler,
    "gateway": BRICK.Gateway,
}


def graph_of(site: str, things: Iterable[Mapping[str, Any]]) -> Graph:
    """The graph of a site's twins, as Ditto gives them (thingId, attributes, features)."""
    graph = Graph()
    own = Namespace(f"urn:racktwin:{site}:")
    for prefix, namespace in (*_PREFIXES, ("site", own)):
        graph.bind(prefix, namespace)
    home = own[f"site-{site}"]
    graph.add((home, RDF.type, REC.Site))
    graph.add((home, RDF.type, BRICK.Location))
    graph.add((home, RDFS.label, Literal(site)))
    for thing in things:
        try:
            identity = ThingId.parse(str(thing["thingId"]))
        except ValueError:
            continue
        if identity.site == site and identity.kind in _KINDS:
            _thing(graph, own, home, identity, thing)
    return graph


def turtle(site: str, things: Iterable[Mapping[str, Any]]) -> str:
    """The same as text."""
    return graph_of(site, things).serialize(format="turtle")


def _thing(graph: Graph, own: Namespace, home: URIRef, identity: ThingId, thing: Mapping[str, Any]) -> None:
    attributes = thing.get("attributes") or {}
    node = own[f"{identity.kind}-{identity.name}"]
    if identity.kind == "site":
        node = home
    kind = _KINDS[identity.kind]
    if identity.kind == "cooling" and attributes.get("type") == "crac":
        kind = _CRAC
    graph.add((node, RDF.type, kind))
    if identity.kind != "site":
        graph.add((node, RDFS.label, Literal(attributes.get("displayName") or identity.name)))
    room = attributes.get("location")
    if identity.kind == "room":
        # For who reads Brick alone.
        graph.add((node, RDF.type, BRICK.Location))
        graph.add((node, BRICK.isPartOf, home))
    elif identity.kind == "server" and attributes.get("rack"):
        graph.add((own[str(attributes["rack"]).partition(":")[2]], BRICK.hasPart, node))
    elif room:
        graph.add((node, BRICK.hasLocation, own[f"room-{room}"]))
    if identity.kind == "cooling":
        if room:
            graph.add((node, BRICK.feeds, own[f"room-{room}"]))
        for rack in attributes.get("racks") or ():
            graph.add((node, OWN.cools, own[str(rack).partition(":")[2]]))
    for feature in sorted(thing.get("features") or {}):
        _points(graph, own, node, identity, feature)


def _points(graph: Graph, own: Namespace, node: URIRef, identity: ThingId, feature: str) -> None:
    known = feature_of(identity.kind, feature)
    if known is None:
        return
    model = submodel_of(identity.kind, feature)
    for prop in known.properties:
        point_class = POINTS.get((model, prop.name))
        if point_class is None:
            continue
        point = own[f"{identity.kind}-{identity.name}/{feature}/{prop.name}"]
        graph.add((point, RDF.type, BRICK[point_class]))
        graph.add((point, RDFS.label, Literal(f"{identity.name} {feature} {prop.title}")))
        graph.add((point, BRICK.isPointOf, node))
        if prop.unit in _UNITS:
            graph.add((point, BRICK.hasUnit, UNIT[_UNITS[prop.unit]]))
        series = BNode(f"{identity.kind}-{identity.name}-{feature}-{prop.name}".replace(".", "-"))
        where = urlencode({"thing": str(identity), "feature": feature, "field": prop.name})
        graph.add((point, REF.hasExternalReference, series))
        graph.add((series, RDF.type, REF.TimeseriesReference))
        graph.add((series, REF.hasTimeseriesId, Literal(f"{identity.site}/{known.measurement}?{where}")))
        graph.add((series, REF.storedAt, Literal("InfluxDB")))
