"""JSON merge patch as its RFC has it, for comparison."""

from __future__ import annotations

from typing import Any


def rfc7396(target: Any, patch: Any) -> Any:
    """MergePatch(Target, Patch) as section 2 of the RFC has it, word for word."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = rfc7396(target.get(name), value)
    return target
