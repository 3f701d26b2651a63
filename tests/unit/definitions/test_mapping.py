"""The mapping table: every property of every model has a row, and what is not mapped says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from definitions.mapping import COLUMNS, load, markdown
from racktwin.thing_models import MODEL_OF_KIND, file_name


@pytest.fixture(scope="module")
def table(directory: Path) -> Any:
    return load(directory / "mapping.yaml")


def test_every_property_has_a_row_and_no_row_is_spare(table: Any, models: dict[str, Any]) -> None:
    things = {file_name(name): name for name in MODEL_OF_KIND.values()}
    for file, model in models.items():
        name = file.removesuffix("-1.0.0.tm.jsonld")
        section = "attributes" if file in things else "features"
        assert set(table[section].get(name, {})) == set(model["properties"]), f"mapping.yaml: {section}.{name}"
    named = {file_name(name) for section in table.values() for name in section}
    assert named == set(models)


def test_what_is_not_mapped_says_why(table: Any) -> None:
    for section in table.values():
        for rows in section.values():
            for row in rows.values():
                assert set(row) & set(COLUMNS) or row.get("note")


def test_brick_classes_are_written_with_their_prefix(table: Any) -> None:
    for rows in table["features"].values():
        for row in rows.values():
            assert row.get("brick", "brick:").startswith("brick:")


def test_the_page_shows_a_dash_for_what_is_not_mapped(table: Any) -> None:
    page = markdown(table)
    assert "| `deltaT` | — | — | — | — | — | derived from inlet and outlet |" in page
    assert page.count("### ") == len(table["features"]) + len(table["attributes"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("features: [", "not YAML"),
        ("features: {}", "sections"),
        ("{features: [], attributes: {}}", "features"),
        ("{features: {a: 1}, attributes: {}}", "features.a"),
        ("{features: {a: {b: {}}}, attributes: {}}", "features.a.b"),
        ("{features: {a: {b: {snmp: x}}}, attributes: {}}", "snmp"),
        ("{features: {a: {b: {node: 1}}}, attributes: {}}", "features.a.b"),
    ],
)
def test_a_malformed_table_names_the_place(tmp_path: Path, text: str, names: str) -> None:
    (tmp_path / "mapping.yaml").write_text(text)
    with pytest.raises(ValueError, match=names):
        load(tmp_path / "mapping.yaml")
