"""Turns a pydantic v2 model into a Kubernetes structural schema.

Pydantic's JSON schema is not structural: it has `$ref`, `anyOf` with null, numeric
`exclusiveMinimum`, `const`, `title`, and `additionalProperties: false` beside `properties`.
This module removes each of those; it does not know any of our types. Next: `crd`.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

JsonObject = dict[str, Any]

_KEPT = {
    "type", "description", "enum", "default", "format", "pattern", "minimum", "maximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required",
    "exclusiveMinimum", "exclusiveMaximum",
}  # fmt: skip


class UnstructurableError(ValueError):
    """A model uses something that a structural schema cannot say; the message names the path."""


def structural_schema(model: type[BaseModel]) -> JsonObject:
    """The structural schema (OpenAPI v3 as CRDs allow it) of `model`.

    Raises `UnstructurableError` for a union of several types, a recursion, or an untyped field.
    """
    raw = model.model_json_schema(by_alias=True)
    return _convert(raw, raw.get("$defs", {}), path=model.__name__, seen=())


def _convert(node: JsonObject, defs: JsonObject, path: str, seen: tuple[str, ...]) -> JsonObject:
    node, seen = _resolve(node, defs, path, seen)
    out: JsonObject = {key: value for key, value in node.items() if key in _KEPT or key.startswith("x-kubernetes-")}
    if "description" in out:
        out["description"] = " ".join(str(out["description"]).split())
    if "const" in node:
        out["enum"] = [node["const"]]
    _boolean_bounds(out)
    if "default" in out:
        out["default"] = _without_nulls(out["default"])
        if out["default"] is None:
            del out["default"]
    if "properties" in node:
        out["properties"] = {
            name: _convert(child, defs, f"{path}.{name}", seen) for name, child in node["properties"].items()
        }
    elif isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(node["additionalProperties"], defs, f"{path}.*", seen)
    if "items" in node:
        out["items"] = _convert(node["items"], defs, f"{path}[]", seen)
    if "type" not in out:
        raise UnstructurableError(f"{path}: a structural schema needs one type")
    _demand_limits(out, path)
    return out


def _without_nulls(value: Any) -> Any:
    """A default as the API server takes it: what is not set is absent, also inside an object."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return value


def _resolve(
    node: JsonObject, defs: JsonObject, path: str, seen: tuple[str, ...]
) -> tuple[JsonObject, tuple[str, ...]]:
    """Inlines `$ref` and unwraps `anyOf: [X, null]`; what stands beside the reference wins over what it points to."""
    while "$ref" in node or "anyOf" in node:
        rest = {key: value for key, value in node.items() if key not in {"$ref", "anyOf"}}
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            if name in seen:
                raise UnstructurableError(f"{path}: {name} contains itself")
            seen = (*seen, name)
            inner = defs[name]
        else:
            options = [option for option in node["anyOf"] if option.get("type") != "null"]
            if len(options) != 1:
                raise UnstructurableError(f"{path}: a union of several types is not structural")
            inner = options[0]
        node = {**inner, **rest}
    return node, seen


def _boolean_bounds(out: JsonObject) -> None:
    """`exclusiveMinimum: 0` becomes `minimum: 0, exclusiveMinimum: true`, the form of OpenAPI 3.0."""
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        bound = out.get(exclusive)
        if bound is not None and not isinstance(bound, bool):
            out[inclusive] = bound
            out[exclusive] = True


def _demand_limits(out: JsonObject, path: str) -> None:
    """Every list and free string carries a limit, else the API server prices CEL rules as if it were endless."""
    if out["type"] == "array" and "maxItems" not in out:
        raise UnstructurableError(f"{path}: a list needs max_length")
    if out["type"] == "string" and not ({"maxLength", "enum", "format"} & out.keys()):
        raise UnstructurableError(f"{path}: a string needs max_length")
    if out["type"] == "object" and "additionalProperties" in out and "maxProperties" not in out:
        raise UnstructurableError(f"{path}: a map needs max_length")
