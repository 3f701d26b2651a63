"""What a merge patch writes, and whether it changes anything; merging itself is :mod:`racktwin.merge_patch`.

Pure. Next: :mod:`ditto_lite.things`.
"""

from __future__ import annotations

from typing import Any

from ditto_lite.pointers import MISSING, Path
from racktwin.merge_patch import merge

__all__ = ["at", "leaves", "merge", "same"]


def at(path: Path, value: Any) -> Any:
    """The patch for the whole document that applies ``value`` at ``path``."""
    for part in reversed(path):
        value = {part: value}
    return value


def leaves(patch: Any, path: Path = ()) -> list[Path]:
    """Paths that a patch writes: everything that is not a non-empty object. Used to check permissions."""
    if not isinstance(patch, dict) or not patch:
        return [path]
    found: list[Path] = []
    for name, value in patch.items():
        if isinstance(value, dict) and value:
            found.extend(leaves(value, (*path, name)))
        else:
            found.append((*path, name))
    return found


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal, not taking ``true`` for 1 as Python does."""
    if left is right:
        return True
    if left is MISSING or right is MISSING or isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)
