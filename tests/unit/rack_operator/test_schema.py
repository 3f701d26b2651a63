"""The converter from pydantic to structural schemas, and the CRDs made by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from rack_operator import crds
from rack_operator.api.crd import KINDS, custom_resource_definition
from rack_operator.api.schema import UnstructurableError, structural_schema

FORBIDDEN = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "const", "title", "additionalItems"}


class Inner(BaseModel):
    """Inner."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    size: Annotated[int, Field(gt=0, lt=9)]
    """How
    large."""
    kind: Literal["only"] = "only"


class Outer(BaseModel):
    inner: Inner
    perhaps: Annotated[float | None, Field(ge=0)] = None
    names: Annotated[list[Annotated[str, Field(max_length=3)]], Field(max_length=2)] = []


def test_references_optionals_bounds_and_constants_become_structural() -> None:
    assert structural_schema(Outer) == {
        "type": "object",
        "required": ["inner"],
        "properties": {
            "inner": {
                "type": "object",
                "description": "Inner.",
                "required": ["size"],
                "properties": {
                    "size": {
                        "type": "integer",
                        "description": "How large.",
                        "minimum": 0,
                        "exclusiveMinimum": True,
                        "maximum": 9,
                        "exclusiveMaximum": True,
                    },
                    "kind": {"type": "string", "default": "only", "enum": ["only"]},
                },
            },
            "perhaps": {"type": "number", "minimum": 0},
            "names": {"type": "array", "maxItems": 2, "default": [], "items": {"type": "string", "maxLength": 3}},
        },
    }


class Endless(BaseModel):
    names: list[str]


class Unpriced(BaseModel):
    name: str


class Either(BaseModel):
    value: int | bool


class Tree(BaseModel):
    branches: Annotated[list[Tree], Field(max_length=2)]


@pytest.mark.parametrize("model", [Endless, Unpriced, Either, Tree])
def test_what_a_structural_schema_cannot_say_is_refused(model: type[BaseModel]) -> None:
    with pytest.raises(UnstructurableError, match=model.__name__):
        structural_schema(model)


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        children = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
        for child in children:
            yield from nodes(child)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_crds_are_structural_and_described(kind: Any) -> None:
    crd = custom_resource_definition(kind)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for node in nodes(schema):
        assert not FORBIDDEN & node.keys()
        assert "type" in node
    for part in ("spec", "status"):
        for name, field in schema["properties"][part]["properties"].items():
            assert field.get("description"), f"{part}.{name} has no description"
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    columns = [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]
    assert {"Ready", "Reason", "Age"} <= set(columns)


def test_the_files_are_what_the_types_say() -> None:
    assert crds.stale_files(crds.DEFAULT_DIR) == []


def test_check_fails_when_a_file_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crds.main(["--check", "--dir", str(tmp_path)]) == 1
    assert "crd-racks.yaml is stale" in capsys.readouterr().err
    assert crds.main(["--write", "--dir", str(tmp_path)]) == 0
    assert crds.main(["--check", "--dir", str(tmp_path)]) == 0
    path = tmp_path / "crd-racks.yaml"
    path.write_text(path.read_text() + "\n# changed\n")
    assert crds.main(["--check", "--dir", str(tmp_path)]) == 1


def test_the_chart_holds_the_crds_and_nothing_else() -> None:
    names = {path.name for path in crds.DEFAULT_DIR.iterdir()}
    assert names == {crds.file_name(kind) for kind in KINDS}
    for path in crds.DEFAULT_DIR.iterdir():
        # Plain YAML: kubectl applies it as it is, so no template may stand in it.
        assert "{{" not in path.read_text()
        assert yaml.safe_load(path.read_text())["kind"] == "CustomResourceDefinition"


class Source(BaseModel):
    name: Annotated[str, Field(max_length=5)] | None = None
    version: Annotated[str, Field(max_length=5)] = "now"


class Sourced(BaseModel):
    source: Source = Source()


def test_what_a_default_object_does_not_set_is_absent():
    schema = structural_schema(Sourced)
    assert schema["properties"]["source"]["default"] == {"version": "now"}, "an API server refuses null there"
