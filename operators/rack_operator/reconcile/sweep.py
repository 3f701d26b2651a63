"""The level-triggered half: lists everything now and then, asks for a look at each resource, removes orphans.

A watch can die in silence and a Secret can be left by a crash: neither outlives a sweep. Drift is
found by the reconciles that this asks for; here only what no resource claims any more is removed.
"""

from __future__ import annotations

from typing import Any

import structlog

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import RACKS, SECRETS, SITES, Resource
from rack_operator.desired.ownership import (
    ANNOTATION_DEVICE,
    LABEL_MANAGED_BY,
    LABEL_OWNER_KIND,
    LABEL_OWNER_NAME,
    LABEL_RETAINED,
    MARK,
    OPERATOR,
    Owner,
    OwnerKind,
)
from rack_operator.desired.policies import rack_policy
from rack_operator.reconcile.removal import purge
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.twins import remove_policy
from racktwin import names

JsonObject = dict[str, Any]
_KINDS: tuple[tuple[OwnerKind, Resource], ...] = (("Site", SITES), ("Rack", RACKS))
_log = structlog.get_logger(__name__)


class Sweeper:
    """Lists resources, Secrets and things. `namespaces` is None for all of the cluster's."""

    def __init__(self, around: Surroundings, store: Store, namespaces: list[str] | None) -> None:
        self._around = around
        self._store = store
        self._namespaces: list[str | None] = list(namespaces) if namespaces is not None else [None]

    async def refresh(self) -> list[Key]:
        """Brings the store up to date with full lists; returns every key, Sites first.

        Raises `DependencyError` when the Kubernetes API fails.
        """
        for kind, resource in _KINDS:
            seen = []
            for namespace in self._namespaces:
                async for body in self._around.kube.items(resource, namespace):
                    metadata = body["metadata"]
                    self._store.put(kind, body)
                    seen.append(Key(kind, metadata["namespace"], metadata["name"]))
            self._store.retain(kind, seen)
            metrics.RESOURCES.labels(kind).set(len(self._store.keys(kind)))
        return self._store.keys("Site") + self._store.keys("Rack")

    async def remove_orphans(self) -> int:
        """Removes what carries our mark and no resource claims; returns how many ids it removed.

        Raises `DependencyError` when a list fails; a single removal that fails is left for the next sweep.
        """
        removed = 0
        claims = Claims(self._store)
        for owner, device_id in await self._secret_orphans(claims):
            removed += await self._remove(owner, device_id, "secret")
        for site in sorted(self._store.sites()):
            for owner, thing_id in await self._thing_orphans(site, claims):
                removed += await self._remove(owner, thing_id, "thing")
        return removed

    async def _secret_orphans(self, claims: Claims) -> list[tuple[Owner, str]]:
        found = []
        for namespace in self._namespaces:
            async for body in self._around.kube.items(SECRETS, namespace, labels=f"{LABEL_MANAGED_BY}={OPERATOR}"):
                metadata = body["metadata"]
                labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
                kind, device_id = labels.get(LABEL_OWNER_KIND), annotations.get(ANNOTATION_DEVICE)
                if kind not in ("Site", "Rack") or device_id is None or LABEL_RETAINED in labels:
                    continue
                owner = Owner(kind, metadata["namespace"], labels.get(LABEL_OWNER_NAME, ""), "")
                if not claims.claimed(owner, device_id):
                    found.append((owner, device_id))
        return found

    async def _thing_orphans(self, site: str, claims: Claims) -> list[tuple[Owner, str]]:
        found = []
        namespace = names.namespace(site)
        rql = f'eq(attributes/{MARK}/operator,"{OPERATOR}")'
        async for thing in self._around.ditto.search(namespace, rql, f"thingId,attributes/{MARK}"):
            mark = (thing.get("attributes") or {}).get(MARK) or {}
            if mark.get("retained") or mark.get("kind") not in ("Site", "Rack"):
                continue
            if self._namespaces != [None] and mark.get("namespace") not in self._namespaces:
                continue
            owner = Owner(mark["kind"], mark.get("namespace", ""), mark.get("name", ""), "")
            if not claims.claimed(owner, thing["thingId"]):
                found.append((owner, thing["thingId"]))
        return found

    async def _remove(self, owner: Owner, thing_id: str, what: str) -> int:
        try:
            await purge(self._around, owner, thing_id)
            if names.ThingId.parse(thing_id).kind == "rack":
                # The note in a policy names its resource: one that is not the orphan's stays.
                await remove_policy(self._around.ditto, _policy_of(thing_id, owner))
        except (DependencyError, ValueError) as error:
            _log.warning("orphan not removed", id=thing_id, error=str(error))
            return 0
        metrics.ORPHANS.labels(what).inc()
        _log.info("orphan removed", id=thing_id, owner=f"{owner.kind} {owner.namespace}/{owner.name}")
        return 1


class Claims:
    """Which ids the known resources claim, read from the store once per owner."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claimed(self, owner: Owner, thing_id: str) -> bool:
        """Whether the owner exists and wants, or still has to remove, the thing or device of this id."""
        body = self._store.get(Key(owner.kind, owner.namespace, owner.name))
        if body is None:
            return False
        if body["metadata"].get("deletionTimestamp") or body["spec"].get("suspend"):
            return True
        return thing_id in claimed_ids(owner, body)


def claimed_ids(owner: Owner, body: JsonObject) -> set[str]:
    """Ids that a resource's spec asks for, and those that its status says are still there."""
    spec, status = body["spec"], body.get("status") or {}
    listed = set(status.get("devices" if owner.kind == "Rack" else "things") or ())
    if owner.kind == "Rack":
        site = spec["site"]
        listed.add(names.thing_id(site, "rack", owner.name))
        listed |= {names.thing_id(site, "server", server["name"]) for server in spec.get("servers") or ()}
        return listed
    listed.add(names.thing_id(owner.name, "site", owner.name))
    listed |= {names.thing_id(owner.name, "room", room["name"]) for room in spec.get("rooms") or ()}
    listed |= {names.thing_id(owner.name, "gateway", gateway["name"]) for gateway in spec.get("gateways") or ()}
    return listed


def _policy_of(rack_id: str, owner: Owner) -> JsonObject:
    return rack_policy(names.site_of(rack_id), owner) | {"policyId": rack_id}
