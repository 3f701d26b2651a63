"""What a resource may call its own: what carries its mark, and what nobody claims any more. Reads the store alone.

A server that moves to another rack, and the servers of a rack that is made anew under another name, keep their
twins and passwords: the old owner lets go of what another resource asks for, and that one takes it over.
"""

from __future__ import annotations

from typing import Any

from rack_operator.desired.ownership import (
    KINDS,
    LABEL_MANAGED_BY,
    LABEL_OWNER_KIND,
    LABEL_OWNER_NAME,
    LABEL_RETAINED,
    OPERATOR,
    RELEASED,
    Owner,
)
from rack_operator.reconcile.store import Key, Store
from racktwin import names

JsonObject = dict[str, Any]


class Claim:
    """One resource's claims, as the store stands."""

    def __init__(self, owner: Owner, store: Store) -> None:
        self.owner = owner
        self._store = store
        self._key = Key(owner.kind, owner.namespace, owner.name)

    def accepts(self, mark: Any, thing_id: str) -> bool:
        """Whether the resource may have what carries `mark`: its own, and what its owner has let go of."""
        if self.owner.owns(mark):
            return True
        if not isinstance(mark, dict) or mark.get("operator") != OPERATOR:
            return False
        kind, namespace, name = mark.get("kind"), mark.get("namespace"), mark.get("name")
        if kind not in KINDS or kind != self.owner.kind or namespace != self.owner.namespace:
            return False
        old = Key(kind, namespace, str(name))
        # Unknown owners may be of another cluster that uses the same Ditto: only what they released is taken.
        known = self._store.has(old) and old not in self._store.claimants(namespace, thing_id)
        return known or mark.get(RELEASED) == "true"

    def accepts_secret(self, metadata: JsonObject, thing_id: str) -> bool:
        """As `accepts`, of the metadata of a Secret in the resource's namespace."""
        labels = metadata.get("labels") or {}
        released = LABEL_RETAINED not in labels and not metadata.get("ownerReferences")
        mark = {
            "operator": labels.get(LABEL_MANAGED_BY),
            "kind": labels.get(LABEL_OWNER_KIND),
            "namespace": self.owner.namespace,
            "name": labels.get(LABEL_OWNER_NAME),
            RELEASED: "true" if released else "false",
        }
        return self.accepts(mark, thing_id)

    def is_asked_for_by_another(self, thing_id: str) -> bool:
        """Whether another resource wants what this one no longer does, and can have it: its site is there."""
        site = Key("Site", self.owner.namespace, names.site_of(thing_id))
        return self._store.has(site) and bool(self._store.claimants(self.owner.namespace, thing_id) - {self._key})
