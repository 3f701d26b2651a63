"""The Sites and Racks that are known, as the API server last showed them.

Bodies are kept as JSON text: ten thousand racks as dictionaries would cost several times the
memory. The store decides which news matter, so that our own status patches cause no work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from rack_operator.desired.ownership import OwnerKind

JsonObject = dict[str, Any]


class Key(NamedTuple):
    """Identity of a resource."""

    kind: OwnerKind
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class _Entry:
    version: int
    news: tuple[Any, ...]
    site: str
    body: bytes


class Store:
    """Resources by key. Not thread-safe: it belongs to the event loop."""

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        self._racks_of: dict[tuple[str, str], set[str]] = {}

    def put(self, kind: OwnerKind, body: JsonObject) -> bool:
        """Notes a resource; True when it is news: new, another generation, being deleted, without our finalizer.

        An older version than the one known is ignored, since a list can overtake a watch.
        """
        metadata = body["metadata"]
        key = Key(kind, metadata["namespace"], metadata["name"])
        version = int(metadata.get("resourceVersion") or 0)
        known = self._entries.get(key)
        if known is not None and version < known.version and known.news[0] == metadata["uid"]:
            return False
        news = (
            metadata["uid"],
            metadata.get("generation"),
            metadata.get("deletionTimestamp"),
            tuple(metadata.get("finalizers") or ()),
        )
        site = body.get("spec", {}).get("site", "") if kind == "Rack" else key.name
        kept = {
            "metadata": {
                part: metadata[part]
                for part in (
                    "name", "namespace", "uid", "generation", "resourceVersion", "deletionTimestamp",
                    "finalizers", "annotations",
                )
                if part in metadata
            },
            "spec": body.get("spec") or {},
            "status": body.get("status") or {},
        }  # fmt: skip
        (kept["metadata"].get("annotations") or {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
        self._entries[key] = _Entry(version, news, site, msgspec.json.encode(kept))
        if kind == "Rack":
            self._racks_of.setdefault((key.namespace, site), set()).add(key.name)
        return known is None or known.news != news

    def drop(self, key: Key) -> None:
        """Forgets a resource that is gone."""
        entry = self._entries.pop(key, None)
        if entry is not None and key.kind == "Rack":
            names = self._racks_of.get((key.namespace, entry.site))
            if names is not None:
                names.discard(key.name)
                if not names:
                    del self._racks_of[key.namespace, entry.site]

    def get(self, key: Key) -> JsonObject | None:
        """The resource, a fresh copy of it, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        decoded: JsonObject = msgspec.json.decode(entry.body)
        return decoded

    def has(self, key: Key) -> bool:
        """Whether the resource is known."""
        return key in self._entries

    def keys(self, kind: OwnerKind | None = None) -> list[Key]:
        """Keys of all resources, or of one kind."""
        return [key for key in self._entries if kind is None or key.kind == kind]

    def racks_of(self, namespace: str, site: str) -> Iterator[Key]:
        """Keys of the racks that name the site."""
        for name in sorted(self._racks_of.get((namespace, site), ())):
            yield Key("Rack", namespace, name)

    def sites(self) -> set[str]:
        """Names of all sites that exist or are named by a rack."""
        return {key.name for key in self._entries if key.kind == "Site"} | {site for _, site in self._racks_of}

    def retain(self, kind: OwnerKind, seen: Iterable[Key]) -> list[Key]:
        """Forgets every resource of the kind that a full list did not show; returns their keys."""
        kept = set(seen)
        gone = [key for key in self._entries if key.kind == kind and key not in kept]
        for key in gone:
            self.drop(key)
        return gone
