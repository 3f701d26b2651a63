"""Every Thing Model: well formed, consistent, complete against the catalogue, and not stale."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from definitions.generate import DEFAULT_DIRECTORY, main, rendered, stale
from definitions.vocabulary import PLACES, PREFIXES, UNITS
from racktwin.catalogue import COMMON, FEATURES, Feature
from racktwin.catalogue_computed import COMPUTED
from racktwin.thing_models import BASE_FEATURES, MODEL_OF_KIND, VERSION, file_name, submodel_of

FILES = sorted(path.name for path in DEFAULT_DIRECTORY.glob("*.tm.jsonld"))
THING_FILES = {file_name(name) for name in MODEL_OF_KIND.values()}
# Prefixes that Ditto takes as known (they are the TD context's own).
STANDARD = {"td", "jsonschema", "wotsec", "hctl", "htv", "tm", "schema", "rdfs", "rdf", "xsd", "dct"}


@pytest.fixture(scope="module")
def schema(directory: Path) -> Draft202012Validator:
    document = json.loads((directory / "schema" / "thing-model.schema.json").read_text())
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def strings(value: Any, key: str | None = None) -> Iterator[str]:
    """Every key and string value outside the context, as Ditto scans them for prefixes."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "@context":
                yield name
                yield from strings(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_the_models_that_others_point_to_exist() -> None:
    assert {
        "rack-1.0.0.tm.jsonld",
        "server-1.0.0.tm.jsonld",
        "cooling-unit-1.0.0.tm.jsonld",
        "room-1.0.0.tm.jsonld",
        "gateway-1.0.0.tm.jsonld",
        "environment-1.0.0.tm.jsonld",
        "power-1.0.0.tm.jsonld",
        "cpu-1.0.0.tm.jsonld",
        "prediction-1.0.0.tm.jsonld",
    } <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_model_fits_the_schema(name: str, models: dict[str, Any], schema: Draft202012Validator) -> None:
    assert [error.message for error in schema.iter_errors(models[name])] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m.pop("@context"),
        lambda m: m.update({"@type": "Thing"}),
        lambda m: m.update(extra=1),
        lambda m: m["version"].update(model="1.0"),
        lambda m: m["properties"].update(Bad={"title": "x", "type": "number"}),
        lambda m: m["properties"].update(bad={"title": "x", "type": "float"}),
        lambda m: m["properties"].update(bad={"title": "x", "type": "number", "ditto:category": "status"}),
        lambda m: m["properties"].update(bad={"title": "x", "type": "string", "unit": "Cel"}),
        lambda m: m["properties"].update(bad={"type": "number"}),
        lambda m: m["links"][0].update(rel="item"),
        lambda m: m["links"][0].update(href="environment.json"),
        lambda m: m["links"][0].pop("instanceName"),
        lambda m: m["tm:optional"].append("properties/name"),
    ],
)
def test_the_schema_refuses_what_is_wrong(spoil: Any, models: dict[str, Any], schema: Draft202012Validator) -> None:
    model = json.loads(json.dumps(models["rack-1.0.0.tm.jsonld"]))
    spoil(model)
    assert not schema.is_valid(model)


@pytest.mark.parametrize("name", FILES)
def test_id_version_and_file_name_agree(name: str, models: dict[str, Any]) -> None:
    match = re.fullmatch(r"([a-z0-9-]+?)-(\d+\.\d+\.\d+)\.tm\.jsonld", name)
    assert match is not None
    assert models[name]["id"] == f"urn:racktwin:model:{match[1]}:{match[2]}"
    assert models[name]["version"] == {"model": match[2]}
    assert match[2] == VERSION


@pytest.mark.parametrize("name", FILES)
def test_every_prefix_is_declared_or_ditto_refuses_the_model(name: str, models: dict[str, Any]) -> None:
    model = models[name]
    prefixes = model["@context"][1]
    assert model["@context"] == ["https://www.w3.org/2022/wot/td/v1.1", prefixes]
    assert PREFIXES.items() <= prefixes.items() <= {**PREFIXES, **PLACES}.items()
    # `unit` is a term of the TD context: as a prefix it would change the meaning of every unit below.
    assert "unit" not in PREFIXES
    used = set()
    for text in strings(model):
        if "://" in text or text.startswith("urn:"):
            continue
        match = re.fullmatch(r"([a-zA-Z][a-zA-Z0-9_-]*):([a-zA-Z].*)", text)
        if match:
            used.add(match[1])
    assert used <= STANDARD | set(prefixes)


@pytest.mark.parametrize("name", FILES)
def test_links_resolve_and_instance_names_are_unique(name: str, models: dict[str, Any]) -> None:
    links = models[name].get("links", [])
    for link in links:
        assert link["href"].removeprefix("./") in FILES
        assert link["href"].removeprefix("./") not in THING_FILES
    instances = [link["instanceName"] for link in links]
    assert len(instances) == len(set(instances))


@pytest.mark.parametrize("kind", MODEL_OF_KIND)
def test_a_things_model_holds_its_base_features(kind: str, models: dict[str, Any]) -> None:
    links = models[file_name(MODEL_OF_KIND[kind])].get("links", [])
    assert {link["instanceName"]: link["href"] for link in links} == {
        feature: f"./{file_name(submodel_of(kind, feature))}" for feature in BASE_FEATURES[kind]
    }


@pytest.mark.parametrize("name", FILES)
def test_everything_is_optional_so_that_ditto_invents_no_value(name: str, models: dict[str, Any]) -> None:
    model = models[name]
    assert model["tm:optional"] == [f"/properties/{prop}" for prop in model["properties"]]
    assert "default" not in set(strings(model))


def pairs() -> list[tuple[str, Feature]]:
    return [(kind, feature) for feature in (*FEATURES, *COMPUTED) for kind in feature.kinds]


@pytest.mark.parametrize(("kind", "feature"), pairs(), ids=lambda v: v if isinstance(v, str) else v.name)
def test_every_catalogue_property_is_modelled_with_its_unit_and_range(
    kind: str, feature: Feature, models: dict[str, Any]
) -> None:
    member = f"{feature.name}.x" if feature.family else feature.name
    properties = models[file_name(submodel_of(kind, member))]["properties"]
    for prop in (*feature.properties, *COMMON):
        schema = properties[prop.name]
        assert schema.get("unit") == prop.unit
        assert schema["type"] == prop.type
        assert schema.get("minimum") == prop.low
        assert schema.get("maximum") == prop.high
        assert tuple(schema.get("enum", ())) == prop.enum
        if prop.unit is not None:
            qudt_unit, kind_name = UNITS[prop.unit]
            assert ("qudt:hasUnit" in schema) == (qudt_unit is not None)
            assert ("@type" in schema) == (kind_name is not None)
    allowed = {prop.name for prop in (*feature.properties, *COMMON)}
    assert set(properties) - allowed <= ({"lastCommand", "request"} if feature.name == "control" else set())


# UCUM's grammar, for the units we use: terms of an optional factor, atoms, exponents, annotations.
_ATOM = r"(?:Cel|K|%|1|W|kW|h|d|V|A|Hz|By|m|mm|s|ms|min|kg|L|deg|\{[a-z]+\})\d*"
_TERM = rf"{_ATOM}(?:\.{_ATOM})*"
_UCUM = re.compile(rf"{_TERM}(?:/(?:{_TERM}|\({_TERM}\)))?")


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_ucum(unit: str) -> None:
    assert _UCUM.fullmatch(unit)


@pytest.mark.parametrize("name", FILES)
def test_nothing_puts_a_property_in_a_category(name: str, models: dict[str, Any]) -> None:
    """With `ditto:category` Ditto expects `properties/<category>/<name>`; our twins are flat."""
    assert not any(text.startswith("ditto:") for text in strings(models[name]))


def test_only_set_points_and_what_is_said_to_the_optimiser_may_be_written_by_people(models: dict[str, Any]) -> None:
    writable = {
        (name, prop)
        for name in FILES
        if name not in THING_FILES
        for prop, schema in models[name]["properties"].items()
        if not schema.get("readOnly")
    }
    set_points = {(file_name("control"), prop) for prop in ("setpoint", "fanSpeed", "mode", "request")}
    assert writable == set_points | {(file_name("optimisation"), prop) for prop in ("mode", "left")}


def test_nothing_generated_is_stale(directory: Path) -> None:
    assert stale(directory, rendered(directory)) == [], "run: python -m definitions.generate --write"
    assert main(["--check"]) == 0


def test_check_names_what_is_stale_and_write_mends_it(
    tmp_path: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mapping.yaml").write_text((directory / "mapping.yaml").read_text())
    (tmp_path / "old-1.0.0.tm.jsonld").write_text("{}")
    assert main(["--check", "--directory", str(tmp_path)]) == 1
    assert "stale: old-1.0.0.tm.jsonld" in capsys.readouterr().out
    assert main(["--write", "--directory", str(tmp_path)]) == 0
    assert not (tmp_path / "old-1.0.0.tm.jsonld").exists()
    assert main(["--check", "--directory", str(tmp_path)]) == 0


def test_a_missing_mapping_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--write", "--directory", str(tmp_path)]) == 1
    assert "mapping.yaml" in capsys.readouterr().err
