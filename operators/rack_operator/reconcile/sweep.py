"""The level-triggered half: reads in bulk what there is, so that each resource can be looked at, and removes orphans.

A Secret can be left by a crash, a thing be changed behind our back: neither outlives a sweep. Drift is
found by `inspection` with what is read here, and mended by the reconciles that `controller` asks for; only what no
resource claims any more is removed here.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import SECRETS
from rack_operator.desired.ownership import (
    ANNOTATION_DEVICE,
    KINDS,
    LABEL_MANAGED_BY,
    LABEL_OWNER_KIND,
    LABEL_OWNER_NAME,
    LABEL_RETAINED,
    MARK,
    OPERATOR,
    Owner,
)
from rack_operator.desired.policies import own_policy
from rack_operator.reconcile.inspection import Inspector
from rack_operator.reconcile.kinds import TWIN_KINDS
from rack_operator.reconcile.removal import purge
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.twins import remove_policy
from racktwin import names

JsonObject = dict[str, Any]
Orphan = tuple[Owner, str, str]
_log = structlog.get_logger(__name__)


class _Meta(msgspec.Struct):
    name: str
    namespace: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Object(msgspec.Struct):
    metadata: _Meta


class _Attributes(msgspec.Struct, frozen=True, rename={"mark": MARK}):
    mark: dict[str, Any] = {}


class _Thing(msgspec.Struct, rename={"id": "thingId"}):
    id: str
    attributes: _Attributes = _Attributes()


_OBJECTS = msgspec.json.Decoder(_Object)
_THINGS = msgspec.json.Decoder(_Thing)
_FIELDS = "thingId,policyId,definition,attributes,features"


class Sweeper:
    """Reads Secrets and things. `namespaces` is None for all of the cluster's."""

    def __init__(self, around: Surroundings, store: Store, namespaces: list[str] | None) -> None:
        self._around = around
        self._store = store
        self._namespaces: list[str | None] = list(namespaces) if namespaces is not None else [None]
        self.inspector = Inspector(around, store)

    async def read_all(self) -> list[Orphan]:
        """Fills the snapshots of Secrets and things; returns what no resource claims.

        Raises `DependencyError` when a list fails.
        """
        claims = Claims(self._store)
        self._around.secrets.clear()
        self._around.things.clear()
        orphans = await self._read_secrets(claims)
        for site in sorted(self._store.sites()):
            orphans += await self._read_things(site, claims)
        return orphans

    async def remove(self, orphans: list[Orphan]) -> int:
        """Removes them; returns how many. One that fails is left for the next sweep."""
        removed = 0
        for owner, thing_id, what in orphans:
            removed += await self._remove(owner, thing_id, what)
        return removed

    async def _read_secrets(self, claims: Claims) -> list[Orphan]:
        found: list[Orphan] = []
        for namespace in self._namespaces:
            managed = f"{LABEL_MANAGED_BY}={OPERATOR}"
            async for text in self._around.kube.raw_items(SECRETS, namespace, labels=managed):
                metadata = _OBJECTS.decode(text).metadata
                self._around.secrets.put(f"{metadata.namespace}/{metadata.name}", text)
                kind, device_id = metadata.labels.get(LABEL_OWNER_KIND), metadata.annotations.get(ANNOTATION_DEVICE)
                if kind not in KINDS or device_id is None or LABEL_RETAINED in metadata.labels:
                    continue
                owner = Owner(kind, metadata.namespace, metadata.labels.get(LABEL_OWNER_NAME, ""), "")
                if not claims.claimed(owner, device_id):
                    found.append((owner, device_id, "secret"))
        return found

    async def _read_things(self, site: str, claims: Claims) -> list[Orphan]:
        found: list[Orphan] = []
        rql = f'eq(attributes/{MARK}/operator,"{OPERATOR}")'
        async for text in self._around.ditto.raw_search(names.namespace(site), rql, _FIELDS):
            thing = _THINGS.decode(text)
            self._around.things.put(thing.id, text)
            mark = thing.attributes.mark
            kind, namespace = mark.get("kind"), mark.get("namespace", "")
            if mark.get("retained") or kind not in KINDS:
                continue
            if self._namespaces != [None] and namespace not in self._namespaces:
                continue
            owner = Owner(kind, namespace, mark.get("name", ""), "")
            if not claims.claimed(owner, thing.id):
                found.append((owner, thing.id, "thing"))
        return found

    async def _remove(self, owner: Owner, thing_id: str, what: str) -> int:
        if Claims(self._store).claimed(owner, thing_id):
            # Asked for since it was read.
            return 0
        try:
            await purge(self._around, owner, thing_id)
            identity = names.ThingId.parse(thing_id)
            kind = TWIN_KINDS.get(owner.kind)
            if kind is not None and identity.kind == kind.thing_kind:
                # The note in a policy names its resource: one that is not the orphan's stays.
                policy = own_policy(identity.site, kind.thing_kind, owner) | {"policyId": thing_id}
                await remove_policy(self._around.ditto, policy)
        except (DependencyError, ValueError) as error:
            _log.warning("orphan not removed", id=thing_id, error=str(error))
            return 0
        metrics.ORPHANS.labels(what).inc()
        _log.info("orphan removed", id=thing_id, owner=f"{owner.kind} {owner.namespace}/{owner.name}")
        return 1


class Claims:
    """Which ids the known resources claim, as the store stands."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claimed(self, owner: Owner, thing_id: str) -> bool:
        """Whether the owner exists and wants, or still has to remove, the thing or device of this id; or another
        resource asks for it and is about to take it over."""
        if self._store.claimants(owner.namespace, thing_id):
            return True
        body = self._store.get(Key(owner.kind, owner.namespace, owner.name))
        if body is None:
            return False
        if body["metadata"].get("deletionTimestamp") or body["spec"].get("suspend"):
            return True
        return thing_id in claimed_ids(owner, body)


def claimed_ids(owner: Owner, body: JsonObject) -> set[str]:
    """Ids that a site's spec asks for, and those that a resource's status says are still there."""
    spec, status = body["spec"], body.get("status") or {}
    if owner.kind != "Site":
        return set(status.get("devices") or ())
    listed = set(status.get("things") or ())
    listed.add(names.thing_id(owner.name, "site", owner.name))
    listed |= {names.thing_id(owner.name, "room", room["name"]) for room in spec.get("rooms") or ()}
    listed |= {names.thing_id(owner.name, "gateway", gateway["name"]) for gateway in spec.get("gateways") or ()}
    return listed
