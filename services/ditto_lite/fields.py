"""Field selectors (``fields=thingId,features/climate/properties(inletC,outletC)``): parse and apply.

Pure. Next: the answers of things, policies, search, events and connections.
"""

from __future__ import annotations

from typing import Any

from ditto_lite.errors import error
from ditto_lite.pointers import MISSING, Path, parse

Selector = tuple[Path, ...]


def parse_selector(text: str) -> Selector:
    """Paths that a selector names.

    Raises:
        DittoError: parentheses do not match (``json.fieldselector.invalid``).
    """
    paths: list[Path] = []
    rest = _parse_list(text, 0, (), paths, text)
    if rest != len(text) or not paths:
        raise error("json.fieldselector.invalid", selector=text)
    return tuple(paths)


def _parse_list(text: str, at: int, prefix: Path, paths: list[Path], whole: str) -> int:
    """Read ``a,b/c(d,e)`` from ``at``; returns where it stopped (at a closing parenthesis or the end)."""
    start = at
    while at <= len(text):
        sign = text[at] if at < len(text) else ""
        if sign == "(":
            at = _parse_list(text, at + 1, (*prefix, *parse(text[start:at].strip())), paths, whole)
            if at >= len(text) or text[at] != ")":
                raise error("json.fieldselector.invalid", selector=whole)
            at += 1
            if at < len(text) and text[at] not in ",)":
                raise error("json.fieldselector.invalid", selector=whole)
            if at >= len(text) or text[at] == ")":
                return at
            at += 1
            start = at
        elif sign in (",", ")", ""):
            path = (*prefix, *parse(text[start:at].strip()))
            if path != prefix:
                paths.append(path)
            if sign != ",":
                return at
            at += 1
            start = at
        else:
            at += 1
    return at


def project(document: Any, selector: Selector) -> Any:
    """The document reduced to the selected paths; ``*`` in the place of a feature id selects every feature."""
    result: Any = {}
    for path in selector:
        found = _extract(document, path)
        if found is not MISSING:
            result = _combine(result, found)
    return result


def _extract(document: Any, path: Path) -> Any:
    """``document`` with nothing but ``path`` in it, arrays kept as arrays; ``MISSING`` when there is nothing there."""
    if not path:
        return document
    if isinstance(document, list):
        parts = [_extract(item, path) for item in document]
        return (
            [part if part is not MISSING else {} for part in parts] if any(p is not MISSING for p in parts) else MISSING
        )
    if not isinstance(document, dict):
        return MISSING
    if path[0] == "*" and "*" not in document:
        found = {name: part for name in document if (part := _extract(document[name], path[1:])) is not MISSING}
        return found or MISSING
    if path[0] not in document:
        return MISSING
    part = _extract(document[path[0]], path[1:])
    return MISSING if part is MISSING else {path[0]: part}


def _combine(left: Any, right: Any) -> Any:
    if isinstance(left, dict) and isinstance(right, dict):
        merged = dict(left)
        for name, value in right.items():
            merged[name] = _combine(merged[name], value) if name in merged else value
        return merged
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [_combine(a, b) for a, b in zip(left, right, strict=True)]
    return right
