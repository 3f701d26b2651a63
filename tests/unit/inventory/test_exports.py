"""A site as Brick and as Thing Descriptions: valid to others, complete, and telling the same as the twins."""

from __future__ import annotations

import json
import re
from typing import Any

import brickschema
import pytest
import yaml
from rdflib import RDF, Graph, Namespace, URIRef
from rdflib.namespace import OWL

from inventory import brick, things
from inventory.brick import BRICK, REF, graph_of
from local_stack import paths

QUDT = Namespace("http://qudt.org/schema/qudt/")


def thing(identity: str, features: tuple[str, ...] = (), **attributes: Any) -> dict[str, Any]:
    return {
        "thingId": f"racktwin.berlin:{identity}",
        "definition": "http://models/x-1.0.0.tm.jsonld",
        "attributes": attributes,
        "features": {name: {"properties": {}} for name in features},
        "_modified": "2026-11-21T08:00:00Z",
    }


SITE = [
    thing("site-berlin"),
    thing("room-hall-a", ("environment", "indices"), location="hall-a"),
    thing(
        "rack-r1", ("environment.top", "environment.bottom", "environment.middle", "power", "cooling", "anomaly"),
        location="hall-a", serial="S1", netboxId=7, servers=["racktwin.berlin:server-s1"],
    ),
    thing(
        "server-s1", ("cpu", "thermal", "fans", "power", "memory"),
        location="hall-a", rack="racktwin.berlin:rack-r1", fullDepth=True, position=3.0,
    ),
    thing("cooling-c1", ("air", "control", "power"), location="hall-a", type="crah", racks=["racktwin.berlin:rack-r1"]),
    thing("cooling-c2", ("air", "control", "power"), location="hall-a", type="crac", racks=[]),
    thing("gateway-main", ("alerts",)),
    {"thingId": "other:thing"},
]  # fmt: skip
HERE = Namespace("urn:racktwin:berlin:")


def test_brick_says_what_is_where() -> None:
    graph = graph_of("berlin", SITE)
    assert (HERE["rack-r1"], BRICK.hasLocation, HERE["room-hall-a"]) in graph
    assert (HERE["rack-r1"], BRICK.hasPart, HERE["server-s1"]) in graph
    assert (HERE["cooling-c1"], BRICK.feeds, HERE["room-hall-a"]) in graph
    assert (HERE["cooling-c1"], brick.OWN.cools, HERE["rack-r1"]) in graph
    assert (HERE["cooling-c2"], RDF.type, BRICK.Computer_Room_Air_Conditioning) in graph
    point = HERE["rack-r1/environment.middle/temperature"]
    assert (point, RDF.type, BRICK.Air_Temperature_Sensor) in graph
    series = graph.value(point, REF.hasExternalReference)
    assert str(graph.value(series, REF.hasTimeseriesId)) == (
        "berlin/environment?thing=racktwin.berlin%3Arack-r1&feature=environment.middle&field=temperature"
    )
    # Predictions and scores are no points of Brick's.
    assert not any("anomaly" in str(subject) for subject in graph.subjects())


def test_turtle_is_the_same_each_time_and_reads_back() -> None:
    text = brick.turtle("berlin", SITE)
    read = Graph().parse(data=text, format="turtle")
    assert len(read) == len(graph_of("berlin", SITE)) and text == brick.turtle("berlin", SITE)


def test_the_brick_ontology_has_nothing_against_it() -> None:
    graph = graph_of("berlin", SITE)
    ontology = brickschema.Graph(load_brick=True, brick_version="1.4")
    for term in {t for triple in graph for t in triple if str(t).startswith(str(BRICK))}:
        assert (term, None, None) in ontology, f"Brick 1.4 has no {term}"
        if term != BRICK.Location:
            assert not list(ontology.objects(term, OWL.deprecated)), f"{term} is deprecated"
    for triple in graph:
        ontology.add(triple)
    # QUDT's vocabulary does not come with the package.
    for unit in set(graph.objects(None, BRICK.hasUnit)):
        ontology.add((unit, RDF.type, QUDT.Unit))
    _, _, text = ontology.validate()
    ours = [part for part in text.split("Constraint Violation")[1:] if f"Focus Node: <{HERE}" in part]
    assert [part for part in ours if "sh:Violation" in part] == []


def test_brick_classes_are_those_of_the_mapping() -> None:
    mapping = yaml.safe_load((paths.repository() / "thing-definitions/mapping.yaml").read_text())["features"]
    told = {
        (model, name): row["brick"].removeprefix("brick:")
        for model, rows in mapping.items()
        for name, row in rows.items()
        if isinstance(row, dict) and "brick" in row and (model, name) in brick.POINTS
    }
    assert told == brick.POINTS


def described() -> dict[str, dict[str, Any]]:
    return dict(things.descriptions(SITE, "https://ditto.example/"))


def test_thing_descriptions() -> None:
    found = described()
    assert set(found) == {
        "site-berlin.td.jsonld", "room-hall-a.td.jsonld", "rack-r1.td.jsonld", "server-s1.td.jsonld",
        "cooling-c1.td.jsonld", "cooling-c2.td.jsonld", "gateway-main.td.jsonld",
    }  # fmt: skip
    rack = found["rack-r1.td.jsonld"]
    assert rack["id"] == "urn:racktwin:berlin:rack-r1" and rack["base"].endswith(
        "/api/2/things/racktwin.berlin:rack-r1/"
    )
    assert {
        "rel": "item",
        "href": "https://ditto.example/api/2/things/racktwin.berlin:server-s1",
        "type": "application/json",
    } in rack["links"]
    top = rack["properties"]["environment.top/temperature"]
    assert (
        top["unit"] == "Cel"
        and top["readOnly"]
        and top["forms"][0]["href"] == "features/environment.top/properties/temperature"
    )
    setpoint = found["cooling-c1.td.jsonld"]["properties"]["control/setpoint"]
    assert [form["op"] for form in setpoint["forms"]] == [
        "readproperty",
        "writeproperty",
    ] and "readOnly" not in setpoint
    assert found["server-s1.td.jsonld"]["properties"]["attributes/fullDepth"]["type"] == "boolean"


@pytest.mark.parametrize("name", sorted(described()))
def test_a_description_has_the_form_of_the_specification(name: str) -> None:
    """What TD 1.1 makes mandatory (sections 5.3.1 to 5.3.4), and that nothing dangles."""
    description = json.loads(json.dumps(described()[name]))
    assert description["@context"][0] == things.CONTEXT
    assert description["title"] and set(description["security"]) <= set(description["securityDefinitions"])
    prefixes = description["@context"][1]
    if "@type" in description:
        assert description["@type"].partition(":")[0] in prefixes
    for link in description.get("links", ()):
        assert link["href"].startswith("http") and link["rel"] in {"type", "item", "collection"}
    for prop in description["properties"].values():
        assert prop["type"] in {"boolean", "integer", "number", "string", "object", "array"}
        assert prop["forms"] and all(not URIRef(form["href"]).startswith("/") for form in prop["forms"])
        assert {form["op"] for form in prop["forms"]} <= {"readproperty", "writeproperty"}
        assert prop.get("readOnly", False) != any(form["op"] == "writeproperty" for form in prop["forms"])
        if "minimum" in prop and "maximum" in prop:
            assert prop["minimum"] <= prop["maximum"]


def test_nothing_of_brick_that_thing_models_name_is_deprecated() -> None:
    folder = paths.repository() / "thing-definitions"
    texts = [file.read_text() for file in (*folder.glob("*.jsonld"), folder / "mapping.yaml")]
    spaces = {"brick": BRICK, "rec": brick.REC}
    named = {spaces[p][name] for text in texts for p, name in re.findall(r"\b(brick|rec):([A-Za-z_]+)", text)}
    assert {BRICK.ICT_Rack, brick.REC.DataServerRoom} <= named
    ontology = brickschema.Graph(load_brick=True, brick_version="1.4")
    for term in named:
        assert (term, None, None) in ontology, f"Brick 1.4 has no {term}"
        assert not list(ontology.objects(term, OWL.deprecated)), f"{term} is deprecated"
