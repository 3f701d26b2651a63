"""What one set of subjects may do by one policy: the enforcement.

Pure. A policy's entries that name one of the subjects are laid onto a tree of resource paths. Along a path the deepest
statement counts; at equal depth a revoke beats a grant. "Unrestricted" also asks that nothing below is revoked.
Next: :mod:`ditto_lite.twin` asks for every command, event and search result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ditto_lite.pointers import MISSING, Path, parse

READ: Final = "READ"
WRITE: Final = "WRITE"


@dataclass(slots=True)
class _Node:
    """Statements at one path, ``permission -> granted?``, and the paths below."""

    stated: dict[str, bool] = field(default_factory=dict)
    children: dict[str, _Node] = field(default_factory=dict)

    def any_below(self, permission: str, granted: bool) -> bool:
        return any(
            child.stated.get(permission) is granted or child.any_below(permission, granted)
            for child in self.children.values()
        )


class Access:
    """The enforcer of one policy for one set of subjects."""

    __slots__ = ("_roots", "expires_ms", "reads_all", "writes_all")

    def __init__(self, entries: list[dict[str, Any]], subjects: frozenset[str], now_ms: int) -> None:
        self._roots: dict[str, _Node] = {}
        self.expires_ms: int | None = None
        for entry in entries:
            if self._concerns(entry, subjects, now_ms):
                for resource, permissions in entry["resources"].items():
                    self._state(resource, permissions)
        self.reads_all = self.unrestricted((), READ)
        self.writes_all = self.unrestricted((), WRITE)

    def _concerns(self, entry: dict[str, Any], subjects: frozenset[str], now_ms: int) -> bool:
        concerned = False
        for subject, facts in entry["subjects"].items():
            if subject not in subjects:
                continue
            expiry = facts.get("_expiryMs")
            if expiry is None:
                concerned = True
            elif expiry > now_ms:
                concerned = True
                self.expires_ms = expiry if self.expires_ms is None else min(expiry, self.expires_ms)
        return concerned

    def _state(self, resource: str, permissions: dict[str, Any]) -> None:
        kind, _, path = resource.partition(":")
        node = self._roots.setdefault(kind, _Node())
        for part in parse(path):
            node = node.children.setdefault(part, _Node())
        for permission in permissions.get("grant", ()):
            node.stated.setdefault(permission, True)
        for permission in permissions.get("revoke", ()):
            node.stated[permission] = False

    def _descend(self, kind: str, path: Path, permission: str) -> tuple[bool, _Node | None]:
        """What the deepest statement on the way to a path says, and the node at the path if there is one."""
        node = self._roots.get(kind)
        granted = False
        if node is None:
            return False, None
        granted = node.stated.get(permission, False)
        for part in path:
            node = node.children.get(part)
            if node is None:
                return granted, None
            granted = node.stated.get(permission, granted)
        return granted, node

    def unrestricted(self, path: Path, permission: str, kind: str = "thing") -> bool:
        """Whether the permission holds at the path and everywhere below."""
        granted, node = self._descend(kind, path, permission)
        return granted and (node is None or not node.any_below(permission, False))

    def partial(self, path: Path, permission: str, kind: str = "thing") -> bool:
        """Whether the permission holds at the path or somewhere below."""
        granted, node = self._descend(kind, path, permission)
        return granted or (node is not None and node.any_below(permission, True))

    def granted(self, path: Path, permission: str, kind: str = "thing") -> bool:
        """Whether the permission holds at exactly this path."""
        return self._descend(kind, path, permission)[0]

    def view(self, value: Any, path: Path = ()) -> Any:
        """The readable part of the value that stands at ``path`` of a thing, ``MISSING`` if nothing of it is."""
        if self.reads_all:
            return value
        granted, node = self._descend("thing", path, READ)
        return _view(value, granted, node)

    def writes(self, path: Path) -> bool:
        """Whether the path may be written with everything below."""
        return self.writes_all or self.unrestricted(path, WRITE)


def _view(value: Any, granted: bool, node: _Node | None) -> Any:
    if node is None or not node.children:
        return value if granted else MISSING
    if not isinstance(value, dict):
        return value if granted else MISSING
    seen = {}
    for name, part in value.items():
        child = node.children.get(name)
        allowed = granted if child is None else child.stated.get(READ, granted)
        visible = _view(part, allowed, child)
        if visible is not MISSING:
            seen[name] = visible
    return seen if seen or granted else MISSING


NOTHING: Final = Access([], frozenset(), 0)
