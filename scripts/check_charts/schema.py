"""values.schema.json from values.yaml: types from the defaults, descriptions and limits from the comments above them.

Run `python -m check_charts.schema --write` after a change of values.yaml; `--check` fails when the file is stale.
Notes that comments may hold: `@enum a,b`, `@type string|null`, `@items string`, `@free` (any keys below).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from check_charts.tools import CHART

VALUES: Final = CHART / "values.yaml"
SCHEMA: Final = CHART / "values.schema.json"
_NOTE = re.compile(r"@(enum|type|items|free)\b\s*(\S*)")
_TYPES = {
    "tag:yaml.org,2002:str": "string",
    "tag:yaml.org,2002:int": "integer",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:bool": "boolean",
}

Schema = dict[str, Any]


def generate(text: str, subcharts: list[str]) -> Schema:
    """The schema of a values file.

    Raises:
        ValueError: a key has no type: null without `@type`, or an empty list without `@items`.
    """
    node = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    schema = _mapping(node, text.splitlines(), "")
    for name in subcharts:
        # Helm puts what is global into the values of each subchart, and makes an entry for each.
        schema["properties"].setdefault(name, {"type": "object", "properties": {}, "additionalProperties": False})
        schema["properties"][name].setdefault("properties", {})["global"] = {"type": "object"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart racktwin; made from values.yaml",
        **schema,
    }


def _mapping(node: yaml.MappingNode, lines: list[str], path: str) -> Schema:
    properties = {}
    for key, value in node.value:
        text, notes = _comment(lines, key.start_mark.line) if _own_line(lines, key) else ("", {})
        schema = _value(value, lines, f"{path}.{key.value}".lstrip("."), notes)
        properties[key.value] = {"description": text, **schema} if text else schema
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(node: yaml.Node, lines: list[str], path: str, notes: dict[str, str]) -> Schema:
    if "type" in notes:
        kinds = notes["type"].split("|")
        return {"type": kinds if len(kinds) > 1 else kinds[0]}
    if isinstance(node, yaml.MappingNode):
        return {"type": "object"} if "free" in notes else _mapping(node, lines, path)
    if isinstance(node, yaml.SequenceNode):
        if "items" not in notes:
            raise ValueError(f"{path}: a list needs a comment with @items")
        return {"type": "array", "items": {"type": notes["items"]}}
    if node.tag not in _TYPES:
        raise ValueError(f"{path}: {node.value!r} needs a comment with @type")
    if "enum" in notes:
        return {"enum": notes["enum"].split(",")}
    # A whole number as a default does not forbid a fraction where the default could have been one.
    return {"type": _TYPES[node.tag]}


def _own_line(lines: list[str], key: yaml.Node) -> bool:
    """Whether the key is the first on its line; keys within {braces} have no comment of their own."""
    return not lines[key.start_mark.line][: key.start_mark.column].strip()


def _comment(lines: list[str], line: int) -> tuple[str, dict[str, str]]:
    block: list[str] = []
    while line > 0 and lines[line - 1].strip().startswith("#"):
        line -= 1
        block.insert(0, lines[line].strip().lstrip("#").strip())
    notes = {match[1]: match[2] for text in block if (match := _NOTE.match(text))}
    return " ".join(text for text in block if not _NOTE.match(text)), notes


def current() -> str:
    """The text that the schema file must have."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    subcharts = [entry["name"] for entry in chart["dependencies"]]
    return json.dumps(generate(VALUES.read_text(encoding="utf-8"), subcharts), indent=1, ensure_ascii=False) + "\n"


def is_stale(path: Path = SCHEMA) -> bool:
    """Whether the file differs from what values.yaml gives."""
    return not path.exists() or path.read_text(encoding="utf-8") != current()


def main() -> int:
    """Command line; the exit code."""
    if "--write" in sys.argv[1:]:
        SCHEMA.write_text(current(), encoding="utf-8")
        return 0
    if is_stale():
        print(f"{SCHEMA}: stale; run python -m check_charts.schema --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
