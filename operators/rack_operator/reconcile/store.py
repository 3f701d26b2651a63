"""The resources that are known, as the API server last showed them.

Bodies are kept as JSON text: ten thousand racks as dictionaries would cost several times the
memory. The store decides which news matter, so that our own status patches cause no work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from rack_operator.desired.ownership import ANNOTATION_ROTATE, ANNOTATION_TRAIN, OwnerKind
from racktwin import names

JsonObject = dict[str, Any]
_THING_KIND: dict[OwnerKind, str] = {"Rack": "rack", "CoolingUnit": "cooling"}
_KEPT = (
    "name", "namespace", "uid", "generation", "resourceVersion", "deletionTimestamp", "finalizers", "annotations",
    "creationTimestamp",
)  # fmt: skip

_HEEDED = (ANNOTATION_ROTATE, ANNOTATION_TRAIN)


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
    claims: tuple[str, ...]
    body: bytes


class Store:
    """Resources by key. Not thread-safe: it belongs to the event loop."""

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        self._members_of: dict[tuple[str, str], set[Key]] = {}
        self._models_of: dict[tuple[str, str], set[Key]] = {}
        self._claimed: dict[str, set[Key]] = {}

    def put(self, kind: OwnerKind, body: JsonObject) -> bool:
        """Notes a resource; True when it is news: new, another generation, being deleted, without our finalizer, or
        asked by an annotation for other passwords or a training.

        An older version than the one known is ignored, since a list can overtake a watch.
        """
        metadata = body["metadata"]
        key = Key(kind, metadata["namespace"], metadata["name"])
        version = int(metadata.get("resourceVersion") or 0)
        known = self._entries.get(key)
        if known is not None and version <= known.version and known.news[0] == metadata["uid"]:
            return False
        annotations = metadata.get("annotations") or {}
        news = (
            metadata["uid"],
            metadata.get("generation"),
            metadata.get("deletionTimestamp"),
            tuple(metadata.get("finalizers") or ()),
            annotations.get(ANNOTATION_ROTATE),
            annotations.get(ANNOTATION_TRAIN),
        )
        spec = body.get("spec") or {}
        kept_metadata = {part: metadata[part] for part in _KEPT if part in metadata}
        # The others are other people's notes, and kubectl's is as large as the resource.
        kept_metadata["annotations"] = {name: text for name, text in annotations.items() if name in _HEEDED}
        kept = {"metadata": kept_metadata, "spec": spec, "status": body.get("status") or {}}
        site = key.name if kind == "Site" else spec.get("site", "")
        leaving = metadata.get("deletionTimestamp") is not None
        entry = _Entry(version, news, site, () if leaving else _claims(key, site, spec), msgspec.json.encode(kept))
        self._forget_indexes(key, known)
        self._entries[key] = entry
        if kind != "Site":
            self._members_of.setdefault((key.namespace, site), set()).add(key)
        if kind == "TwinModel":
            self._models_of.setdefault((key.namespace, site), set()).add(key)
        for claim in entry.claims:
            self._claimed.setdefault(claim, set()).add(key)
        return known is None or known.news != news

    def drop(self, key: Key) -> None:
        """Forgets a resource that is gone."""
        self._forget_indexes(key, self._entries.pop(key, None))

    def get(self, key: Key) -> JsonObject | None:
        """The resource, a fresh copy of it, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        decoded: JsonObject = msgspec.json.decode(entry.body)
        return decoded

    def site_of(self, key: Key) -> str:
        """The site that the resource is or names; empty when it is not known."""
        entry = self._entries.get(key)
        return entry.site if entry is not None else ""

    def has(self, key: Key) -> bool:
        """Whether the resource is known."""
        return key in self._entries

    def keys(self, kind: OwnerKind | None = None) -> list[Key]:
        """Keys of all resources, or of one kind."""
        return [key for key in self._entries if kind is None or key.kind == kind]

    def members_of(self, namespace: str, site: str) -> Iterator[Key]:
        """Keys of the racks, cooling units, scenarios and models that name the site."""
        yield from sorted(self._members_of.get((namespace, site), ()))

    def models_of(self, namespace: str, site: str) -> list[Key]:
        """Keys of the TwinModels that name the site."""
        return sorted(self._models_of.get((namespace, site), ()))

    def model_specs(self, namespace: str, site: str) -> tuple[tuple[str, JsonObject], ...]:
        """Name and spec of the TwinModels that name the site."""
        return tuple((key.name, (self.get(key) or {}).get("spec") or {}) for key in self.models_of(namespace, site))

    def claimants(self, namespace: str, thing_id: str) -> set[Key]:
        """The namespace's resources whose spec asks for the thing; one that is being deleted asks for nothing."""
        return {key for key in self._claimed.get(thing_id, ()) if key.namespace == namespace}

    def sites(self) -> set[str]:
        """Names of all sites that exist or are named by a resource."""
        return {key.name for key in self._entries if key.kind == "Site"} | {site for _, site in self._members_of}

    def retain(self, kind: OwnerKind, seen: Iterable[Key], namespace: str | None = None) -> list[Key]:
        """Forgets every resource of the kind (in the namespace) that a full list did not show; returns their keys."""
        kept = set(seen)
        gone = [
            key for key in self._entries if key.kind == kind and key not in kept and namespace in (None, key.namespace)
        ]
        for key in gone:
            self.drop(key)
        return gone

    def _forget_indexes(self, key: Key, entry: _Entry | None) -> None:
        if entry is None:
            return
        _discard(self._members_of, (key.namespace, entry.site), key)
        _discard(self._models_of, (key.namespace, entry.site), key)
        for claim in entry.claims:
            _discard(self._claimed, claim, key)


def _claims(key: Key, site: str, spec: JsonObject) -> tuple[str, ...]:
    """Ids of the things that a rack or cooling unit asks for. Sites are few and looked at when needed; scenarios ask
    for none."""
    if key.kind not in _THING_KIND:
        return ()
    prefix = names.namespace(site)
    own = f"{prefix}:{_THING_KIND[key.kind]}-{key.name}"
    return (own, *(f"{prefix}:server-{server['name']}" for server in spec.get("servers") or ()))


def _discard(index: dict[Any, set[Key]], at: Any, key: Key) -> None:
    keys = index.get(at)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[at]
