"""Reconciles one Site: tenant, base policy, topics, things, gateway devices, connections, models, status.

Racks wait for tenant and base policy alone; models and connections may come later. Called by
`controller`, which also wakes the site's racks when this one becomes ready for them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from rack_operator.api.site import SiteSpec
from rack_operator.desired import bulk
from rack_operator.desired.connections import connections
from rack_operator.desired.deployment import deployment_name
from rack_operator.desired.devices import Device
from rack_operator.desired.ownership import ANNOTATION_ROTATE, FINALIZER, MARK, Owner
from rack_operator.desired.policies import base_policy
from rack_operator.desired.site import model_features, predicted_features, site_devices, site_things
from rack_operator.desired.topics import topics
from rack_operator.reconcile.claim import Claim
from rack_operator.reconcile.conditions import Verdicts, condition_true, conditions, ready_of
from rack_operator.reconcile.devices import ensure_credentials, ensure_device, ensure_secret, ensure_tenant
from rack_operator.reconcile.outcome import Known, Progress
from rack_operator.reconcile.publish import (
    add_finalizer,
    first_problem,
    owner_of,
    publish_refusal,
    publish_status,
    remove_finalizer,
)
from rack_operator.reconcile.removal import purge, retain
from rack_operator.reconcile.runners import remove_runners
from rack_operator.reconcile.site_parts import (
    demand_open,
    demand_running,
    ensure_connection,
    ensure_model,
    remove_connection,
)
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.twins import ensure_policy, ensure_thing, remove_policy
from racktwin import names

JsonObject = dict[str, Any]
TYPES = ("TenantReady", "PolicyReady", "TopicsReady", "ThingsReady", "ConnectionsReady", "ModelsReady")


class SiteReconciler:
    """Makes what a Site asks for, and removes it with the Site."""

    def __init__(self, around: Surroundings, store: Store) -> None:
        self._around = around
        self._store = store

    async def reconcile(self, key: Key) -> bool:
        """One pass; True when all is as desired, False when it should be tried again.

        Raises `DependencyError` when the Kubernetes API itself fails.
        """
        body = self._store.get(key)
        if body is None:
            return True
        owner = owner_of(key, body)
        if body["metadata"].get("deletionTimestamp"):
            return await self._tear_down(key, body, owner)
        if body["spec"].get("suspend"):
            return True
        try:
            spec = SiteSpec.model_validate(body["spec"])
            names.check_site(key.name)
        except ValueError as error:
            # Pydantic's own error, or a name that Ditto would not take; the API server holds to the same rules.
            await publish_refusal(
                self._around, self._store, key, body, reason="SpecInvalid", message=first_problem(error)
            )
            return False
        if not await add_finalizer(self._around.kube, self._store, key, body):
            return False
        return await self._make(key, body, owner, spec)

    async def _make(self, key: Key, body: JsonObject, owner: Owner, spec: SiteSpec) -> bool:
        generation = body["metadata"]["generation"]
        status = body.get("status") or {}
        settled = status.get("observedGeneration") == generation and ready_of(body)[0] == "True"
        progress = Progress(Verdicts(TYPES), settled)
        await asyncio.gather(
            self._tenant(progress, owner), self._policy(progress, owner, spec), self._topics(progress, owner, spec)
        )
        things = site_things(spec, owner, self._around.definitions_url)
        left: list[str] = []
        if all(progress.verdicts.held[type_].status == "True" for type_ in ("TenantReady", "PolicyReady")):
            if not (condition_true(body, "TenantReady") and condition_true(body, "PolicyReady")):
                # Racks wait for these two: say so before the slower parts are through.
                await self._publish(key, body, generation, progress, {**status, **self._ids(owner)})
                body = self._store.get(key) or body
            rotation = (body["metadata"].get("annotations") or {}).get(ANNOTATION_ROTATE, "")
            left = await self._things(
                progress, owner, spec, things=things, listed=set(status.get("things") or ()), rotation=rotation
            )
        if progress.verdicts.held["TopicsReady"].status == "True":
            await asyncio.gather(self._connections(progress, owner), self._models(progress, owner, spec))
        stale_models = await self._drop_models(progress, owner, spec, status)
        wanted = {thing["thingId"] for thing in things}
        models = {deployment_name(model.name) for model in spec.models}
        full = {
            **self._ids(owner),
            "things": sorted(wanted | set(left)),
            "models": sorted(models | stale_models),
        }
        await self._publish(key, body, generation, progress, full)
        return progress.verdicts.all_good()

    def _ids(self, owner: Owner) -> JsonObject:
        return {
            "tenant": owner.name,
            "namespace": names.namespace(owner.name),
            "policyId": names.base_policy(owner.name),
        }

    async def _publish(self, key: Key, body: JsonObject, generation: int, progress: Progress, ids: JsonObject) -> None:
        previous = (body.get("status") or {}).get("conditions") or []
        made = conditions(progress.verdicts.complete(), previous, generation, self._around.now())
        status = {**ids, "observedGeneration": generation, "conditions": made}
        await publish_status(self._around, self._store, key, body, status)

    async def _tenant(self, progress: Progress, owner: Owner) -> None:
        progress.note("tenant", bool(await progress.step("TenantReady", ensure_tenant(self._around.hono, owner))))

    async def _policy(self, progress: Progress, owner: Owner, spec: SiteSpec) -> None:
        predicted = predicted_features(spec, self._store.model_specs(owner.namespace, owner.name))
        policy = base_policy(owner.name, model_features(predicted))
        wrote = await progress.step("PolicyReady", ensure_policy(self._around.ditto, policy, fresh=False))
        progress.note("policy", bool(wrote))

    async def _topics(self, progress: Progress, owner: Owner, spec: SiteSpec) -> None:
        wanted = topics(owner.name, spec.topics)
        changes = await progress.step("TopicsReady", self._around.topics.ensure(wanted))
        for _ in changes or ():
            progress.note("topic", True)

    async def _things(
        self,
        progress: Progress,
        owner: Owner,
        spec: SiteSpec,
        *,
        things: list[JsonObject],
        listed: set[str],
        rotation: str,
    ) -> list[str]:
        """Things and devices of rooms and gateways; returns what is surplus and could not be removed."""
        claim = Claim(owner, self._store)
        for thing in things:
            known = Known.MADE if thing["thingId"] in listed else Known.NEVER_MADE
            work = ensure_thing(self._around.ditto, thing, claim, known=known)
            progress.note("thing", bool(await progress.step("ThingsReady", work)))
        for device in site_devices(spec, owner):
            known = Known.MADE if device.device_id in listed else Known.NEVER_MADE
            await progress.step("ThingsReady", self._device(progress, claim, device, known, rotation))
        left = []
        for thing_id in sorted(listed - {thing["thingId"] for thing in things}):
            if await progress.step("ThingsReady", purge(self._around, owner, thing_id)) is None:
                left.append(thing_id)
        return left

    async def _device(self, progress: Progress, claim: Claim, device: Device, known: Known, rotation: str) -> bool:
        login, wrote = await ensure_secret(self._around, device, claim, known=known, rotation=rotation)
        progress.note("secret", wrote)
        fresh = known is Known.NEVER_MADE
        registered = await ensure_device(self._around.hono, device, claim, fresh=fresh)
        progress.note("device", registered)
        hashed = await ensure_credentials(self._around, device, login, fresh=registered and fresh)
        progress.note("credentials", hashed)
        return True

    async def _connections(self, progress: Progress, owner: Owner) -> None:
        for connection in connections(owner.name, self._around.broker):
            work = ensure_connection(self._around.ditto, connection)
            wrote = await progress.step("ConnectionsReady", work)
            if wrote is None:
                return
            progress.note("connection", wrote)
            opened = await progress.step("ConnectionsReady", demand_open(self._around.ditto, connection["id"]))
            if connection["id"] == bulk.connection(owner.name):
                await self._use_bulk(progress, owner.name, usable=opened is not None)

    async def _use_bulk(self, progress: Progress, site: str, *, usable: bool) -> None:
        """Lets bulk changes go over Kafka as soon as its connection is open; without it they go over HTTP."""
        if usable:
            await progress.step("ConnectionsReady", self._around.ditto.open_bulk(site))
        else:
            self._around.ditto.shut_bulk(site)

    async def _models(self, progress: Progress, owner: Owner, spec: SiteSpec) -> None:
        if not spec.models:
            progress.verdicts.good("ModelsReady", "the site has no models")
        for model in spec.models:
            wrote = await progress.step("ModelsReady", ensure_model(self._around, model, owner))
            if wrote is None:
                continue
            progress.note("deployment", wrote)
            await progress.step("ModelsReady", demand_running(self._around, model, owner))

    async def _drop_models(self, progress: Progress, owner: Owner, spec: SiteSpec, status: JsonObject) -> set[str]:
        """Removes Deployments of models that the spec no longer has; returns those that could not be removed."""
        wanted = {deployment_name(model.name) for model in spec.models}
        left = set()
        for name in sorted(set(status.get("models") or ()) - wanted):
            if await progress.step("ModelsReady", remove_runners(self._around, name, owner)) is None:
                left.add(name)
        return left

    async def _tear_down(self, key: Key, body: JsonObject, owner: Owner) -> bool:
        if FINALIZER not in (body["metadata"].get("finalizers") or []):
            return True
        progress = Progress(Verdicts(("Deleted",)), settled=False)
        await progress.step("Deleted", self._remove_all(body, owner))
        if not progress.verdicts.all_good():
            verdict = progress.verdicts.held["Deleted"]
            message = f"cannot be deleted yet: {verdict.message}"
            await publish_refusal(self._around, self._store, key, body, reason=verdict.reason, message=message)
            return False
        return await remove_finalizer(self._around.kube, self._store, key, body)

    async def _remove_all(self, body: JsonObject, owner: Owner) -> None:
        spec = SiteSpec.model_validate(body["spec"])
        status = body.get("status") or {}
        things = set(status.get("things") or ())
        things |= {thing["thingId"] for thing in site_things(spec, owner, self._around.definitions_url)}
        deployments = set(status.get("models") or ()) | {deployment_name(model.name) for model in spec.models}
        for name in sorted(deployments):
            await remove_runners(self._around, name, owner)
        if spec.deletion_policy == "Retain":
            for thing_id in sorted(things):
                await retain(self._around, owner, thing_id)
            return
        self._around.ditto.shut_bulk(owner.name)
        for connection in connections(owner.name, self._around.broker):
            await remove_connection(self._around.ditto, connection["id"])
        for thing_id in sorted(things):
            await purge(self._around, owner, thing_id)
        await remove_policy(self._around.ditto, base_policy(owner.name))
        tenant = await self._around.hono.get_tenant(owner.name)
        if tenant is not None and owner.owns((tenant.get("ext") or {}).get(MARK)):
            await self._around.hono.delete_tenant(owner.name)
        await self._around.topics.delete([topic.name for topic in topics(owner.name, spec.topics)])
