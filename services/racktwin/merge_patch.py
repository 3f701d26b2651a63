"""JSON merge patch (RFC 7396) without changing the target in place. Pure.

Copies only the objects that the patch touches: merging three properties into a thing of a hundred copies four small
dictionaries. Next: :mod:`racktwin.fleet`, which follows twins, and ditto_lite, which keeps them.
"""

from __future__ import annotations

from typing import Any


def merge(target: Any, patch: Any) -> Any:
    """The target after the patch, by the algorithm of RFC 7396 section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = merge(merged.get(name), value)
        else:
            merged[name] = value
    return merged
