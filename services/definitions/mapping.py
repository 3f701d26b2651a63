"""The mapping table: what Redfish, the Prometheus exporters, Brick and NetBox call each property.

Reads ``mapping.yaml`` (hand-written, checked against the models by the tests) and renders it for people.
Pure but for :func:`load`. Next: importers and :mod:`definitions.generate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

COLUMNS: Final[dict[str, str]] = {
    "redfish": "Redfish",
    "ipmi": "ipmi_exporter",
    "node": "node_exporter",
    "brick": "Brick",
    "netbox": "NetBox",
}
_ALLOWED: Final = {*COLUMNS, "note"}

Table = dict[str, dict[str, dict[str, dict[str, str]]]]


def load(path: Path) -> Table:
    """Read the table: section (``features``, ``attributes``) -> model -> property -> column -> name.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not well formed; the message names the place.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: not YAML: {error}") from error
    if not isinstance(data, dict) or set(data) != {"features", "attributes"}:
        raise ValueError(f"{path.name}: expected the sections features and attributes")
    return {section: _section(path.name, section, models) for section, models in data.items()}


def _section(file: str, section: str, models: Any) -> dict[str, dict[str, dict[str, str]]]:
    if not isinstance(models, dict):
        raise ValueError(f"{file}: {section}: expected models by name")  # noqa: TRY004 - of a file, not of a caller
    result: dict[str, dict[str, dict[str, str]]] = {}
    for model, properties in models.items():
        if not isinstance(properties, dict):
            raise ValueError(f"{file}: {section}.{model}: expected properties by name")  # noqa: TRY004 - likewise
        result[model] = {name: _row(f"{file}: {section}.{model}.{name}", row) for name, row in properties.items()}
    return result


def _row(place: str, row: Any) -> dict[str, str]:
    if not isinstance(row, dict) or not row:
        raise ValueError(f"{place}: expected columns, or a note that says why there are none")
    unknown = set(row) - _ALLOWED
    if unknown:
        raise ValueError(f"{place}: unknown column {', '.join(sorted(unknown))}")
    if not all(isinstance(value, str) and value for value in row.values()):
        raise ValueError(f"{place}: expected non-empty text in each column")
    return dict(row)


def markdown(table: Table) -> str:
    """The table as a page; what is not mapped is a dash."""
    lines = [
        "# What others call it",
        "",
        "Generated from `mapping.yaml` by `python -m definitions.generate --write`. A dash: not mapped, for that model",
        "has no such quantity, or none of the same meaning.",
        "",
    ]
    for section, heading in (("features", "Properties of features"), ("attributes", "Attributes of things")):
        lines += [f"## {heading}", ""]
        for model, properties in table[section].items():
            lines += [f"### {model}", "", *_rows(properties), ""]
    return "\n".join(lines).rstrip() + "\n"


def _rows(properties: Mapping[str, Mapping[str, str]]) -> list[str]:
    header = ["property", *COLUMNS.values(), "note"]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for name, row in properties.items():
        cells = [f"`{name}`", *(f"`{row[key]}`" if key in row else "—" for key in COLUMNS), row.get("note", "")]
        # Some selectors of Prometheus have a bar, which would end the cell.
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines
