"""``options``: what an entry of a protocol may say, from the types that read it. Pure."""

from __future__ import annotations

from typing import Any

import msgspec.inspect as inspection

from collector import protocols

_OWN = ("folder", "protocol")


def options(protocol: str) -> dict[str, Any]:
    """Fields of an entry, with those of its lists below them: name, type, default (where there is one), required."""
    plugin = protocols.load(protocol)
    return {"protocol": protocol, "fields": _fields(inspection.type_info(plugin.options))}


def text(found: dict[str, Any]) -> str:
    """The fields for people."""
    lines = [f"{found['protocol']}: fields of an entry; those of a device may also stand under devices, one each"]
    lines += _lines(found["fields"], "  ")
    return "\n".join(lines)


def _lines(fields: list[dict[str, Any]], indent: str) -> list[str]:
    lines = []
    for field in fields:
        rest = "required" if field["required"] else f"default {field['default']!r}" if "default" in field else ""
        lines.append(f"{indent}{field['name']:<18} {field['type']:<24} {rest}".rstrip())
        lines += _lines(field.get("fields", []), indent + "    ")
    return lines


def _fields(kind: Any) -> list[dict[str, Any]]:
    found = []
    for field in kind.fields:
        if field.encode_name in _OWN:
            continue
        name, inner = _type(field.type)
        row: dict[str, Any] = {"name": field.encode_name, "type": name, "required": field.required}
        if not field.required and isinstance(field.default, str | int | float | bool):
            row["default"] = field.default
        if inner is not None:
            row["fields"] = _fields(inner)
        found.append(row)
    return found


def _type(kind: Any) -> tuple[str, Any]:
    """A type's name for people, and the struct in it whose fields matter."""
    if isinstance(kind, inspection.StructType):
        return kind.cls.__name__.lower(), kind
    if isinstance(kind, inspection.ListType):
        name, inner = _type(kind.item_type)
        return f"list of {name}", inner
    if isinstance(kind, inspection.LiteralType):
        return " | ".join(str(value) for value in kind.values), None
    if isinstance(kind, inspection.UnionType):
        names = [_type(item) for item in kind.types if not isinstance(item, inspection.NoneType)]
        return " | ".join(name for name, _ in names), next((inner for _, inner in names if inner is not None), None)
    return type(kind).__name__.removesuffix("Type").lower(), None
