"""Validation of values by WoT data schemas, compiled once per model.

Pure. The subset of JSON Schema that Thing Models use; faults are worded as Ditto's validator words them.
Next: :mod:`ditto_lite.wot`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final

Check = Callable[[Any, str, list[str]], None]
"""Takes the value, its pointer below the property, and the list that faults are added to."""

_NAMES: Final = {
    dict: "object",
    list: "array",
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def name_of(value: Any) -> str:
    """JSON type of a value."""
    return _NAMES.get(type(value), "unknown")


def _is(value: Any, wanted: str) -> bool:
    found = name_of(value)
    if wanted == "number":
        return found in ("number", "integer")
    if wanted == "integer":
        return found == "integer" or (found == "number" and float(value).is_integer())
    return found == wanted


def compile_schema(schema: dict[str, Any]) -> Check:
    """A function that checks values by a schema. What it does not know in the schema, it does not check."""
    checks: list[Check] = []
    wanted = schema.get("type")
    if "const" in schema:
        checks.append(_constant(schema["const"]))
    if isinstance(schema.get("enum"), list):
        checks.append(_enumeration(schema["enum"]))
    for keyword, fails, text in _LIMITS:
        if keyword in schema:
            checks.append(_limit(schema[keyword], fails, f"{keyword}={text} {schema[keyword]}"))
    if isinstance(schema.get("pattern"), str):
        checks.append(_pattern(schema["pattern"]))
    if isinstance(schema.get("properties"), dict):
        checks.append(_properties(schema))
    if isinstance(schema.get("items"), dict):
        checks.append(_items(schema["items"]))
    if isinstance(schema.get("oneOf"), list):
        checks.append(_one_of(schema["oneOf"]))

    good = _shortcut(schema)

    def check(value: Any, at: str, faults: list[str]) -> None:
        if good(value):
            return
        if wanted is not None and not _is(value, wanted):
            faults.append(f"{at}: {{type={name_of(value)} found, {wanted} expected}}")
            return
        for each in checks:
            each(value, at, faults)

    return check


def _shortcut(schema: dict[str, Any]) -> Callable[[Any], bool]:
    """True for most values that conform: numbers within plain bounds, texts of an enumeration. Nearly all are such."""
    said = schema.keys() & _CHECKED
    if schema.get("type") in ("number", "integer") and said <= {"minimum", "maximum"}:
        types = (int,) if schema["type"] == "integer" else (float, int)
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        return lambda value: type(value) in types and low <= value <= high
    if schema.get("type") == "string" and said == {"enum"}:
        allowed = frozenset(each for each in schema["enum"] if isinstance(each, str))
        return lambda value: type(value) is str and value in allowed
    return lambda value: False


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_LIMITS: Final[tuple[tuple[str, Callable[[Any, Any], bool], str], ...]] = (
    ("minimum", lambda value, limit: _number(value) and value < limit, "must have a minimum value of"),
    ("maximum", lambda value, limit: _number(value) and value > limit, "must have a maximum value of"),
    (
        "exclusiveMinimum",
        lambda value, limit: _number(value) and value <= limit,
        "must have an exclusive minimum value of",
    ),
    (
        "exclusiveMaximum",
        lambda value, limit: _number(value) and value >= limit,
        "must have an exclusive maximum value of",
    ),
    ("minLength", lambda value, limit: isinstance(value, str) and len(value) < limit, "must be at least this long:"),
    ("maxLength", lambda value, limit: isinstance(value, str) and len(value) > limit, "must be at most this long:"),
    (
        "minItems",
        lambda value, limit: isinstance(value, list) and len(value) < limit,
        "must have at least this many items:",
    ),
    (
        "maxItems",
        lambda value, limit: isinstance(value, list) and len(value) > limit,
        "must have at most this many items:",
    ),
)


_CHECKED: Final = frozenset(
    ("const", "enum", "pattern", "properties", "items", "oneOf", *(keyword for keyword, _, _ in _LIMITS))
)


def _limit(limit: Any, fails: Callable[[Any, Any], bool], text: str) -> Check:
    def check(value: Any, at: str, faults: list[str]) -> None:
        if fails(value, limit):
            faults.append(f"{at}: {{{text}}}")

    return check


def _constant(wanted: Any) -> Check:
    def check(value: Any, at: str, faults: list[str]) -> None:
        if value != wanted:
            faults.append(f"{at}: {{const=must be the constant value '{wanted}'}}")

    return check


def _enumeration(allowed: list[Any]) -> Check:
    listed = json.dumps(allowed)

    def check(value: Any, at: str, faults: list[str]) -> None:
        if value not in allowed:
            faults.append(f"{at}: {{enum=does not have a value in the enumeration {listed}}}")

    return check


def _pattern(text: str) -> Check:
    compiled = re.compile(text)

    def check(value: Any, at: str, faults: list[str]) -> None:
        if isinstance(value, str) and compiled.search(value) is None:
            faults.append(f"{at}: {{pattern=does not match the regex pattern {text}}}")

    return check


def _properties(schema: dict[str, Any]) -> Check:
    inner = {name: compile_schema(part) for name, part in schema["properties"].items() if isinstance(part, dict)}
    required = schema.get("required", [])

    def check(value: Any, at: str, faults: list[str]) -> None:
        if not isinstance(value, dict):
            return
        faults.extend(
            f"{at}: {{required=required property '{name}' not found}}" for name in required if name not in value
        )
        for name, part in value.items():
            if name in inner:
                inner[name](part, f"{at}/{name}", faults)

    return check


def _items(schema: dict[str, Any]) -> Check:
    inner = compile_schema(schema)

    def check(value: Any, at: str, faults: list[str]) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                inner(item, f"{at}/{index}", faults)

    return check


def _one_of(schemas: list[Any]) -> Check:
    inner = [compile_schema(each) for each in schemas if isinstance(each, dict)]

    def check(value: Any, at: str, faults: list[str]) -> None:
        matching = 0
        for each in inner:
            found: list[str] = []
            each(value, at, found)
            matching += not found
        if matching != 1:
            faults.append(f"{at}: {{oneOf=must be valid to one and only one schema, but {matching} are valid}}")

    return check


def initial_value(schema: dict[str, Any]) -> Any:
    """What a new thing gets for a property that its creator did not give: constant, default or the neutral value."""
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    neutral: dict[str, Any] = {"boolean": False, "string": "", "array": [], "integer": 0, "number": 0.0, "null": None}
    kind = schema.get("type")
    if kind == "object":
        parts = schema.get("properties", {})
        return {name: initial_value(parts[name]) for name in schema.get("required", []) if name in parts}
    if kind in ("integer", "number") and "minimum" in schema:
        return schema["minimum"]
    if kind == "string" and schema.get("enum"):
        return schema["enum"][0]
    return neutral.get(str(kind))
