"""Reconciles one Rack or CoolingUnit: from its spec to policy, things, devices, credentials, Secrets, and its status.

What is as desired is only read. Any step may be cut short and is simply done again: Secrets are
made first and deleted last, so nothing that was made is ever out of sight. Called by `controller`;
what sets the two kinds apart is in `kinds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from rack_operator.desired.devices import Device
from rack_operator.desired.ownership import ANNOTATION_ROTATE, FINALIZER, Owner
from rack_operator.desired.policies import own_policy
from rack_operator.desired.rack import Twin
from rack_operator.reconcile.belonging import SiteSpecs, site_problem
from rack_operator.reconcile.claim import Claim
from rack_operator.reconcile.conditions import Verdicts, conditions, ready_of
from rack_operator.reconcile.devices import ensure_credentials, ensure_device, ensure_secret
from rack_operator.reconcile.kinds import TWIN_KINDS, WARNING, Spec
from rack_operator.reconcile.outcome import Known, Progress
from rack_operator.reconcile.publish import (
    add_finalizer,
    first_problem,
    owner_of,
    publish_refusal,
    publish_status,
    remove_finalizer,
)
from rack_operator.reconcile.removal import let_go, purge, retain
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.twins import ensure_policy, ensure_thing, remove_policy, remove_thing
from racktwin import names

JsonObject = dict[str, Any]
TYPES = ("PolicyReady", "ThingReady", "DeviceRegistered", "CredentialsReady")
_LOOK_AGAIN_S = 2.0


class TwinReconciler:
    """Makes what a Rack or CoolingUnit asks for, and removes it with the resource."""

    def __init__(
        self, around: Surroundings, store: Store, later: Callable[[Key, float], None] = lambda _key, _s: None
    ) -> None:
        """`later` asks for another pass over a resource after so many seconds."""
        self._around = around
        self._store = store
        self._later = later
        self._sites = SiteSpecs(store)
        # When a resource was first seen to ask for a device no longer, epoch ms.
        self._unwanted: dict[tuple[Key, str], int] = {}

    async def reconcile(self, key: Key, *, first_try: bool) -> bool:
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
            spec = TWIN_KINDS[key.kind].parse(body["spec"])
        except ValidationError as error:
            # The API server holds to the same schema, unless its CRD is of another version.
            await publish_refusal(
                self._around, self._store, key, body, reason="SpecInvalid", message=first_problem(error)
            )
            return False
        site = self._store.get(Key("Site", key.namespace, spec.site))
        problem = site_problem(site, spec, key.namespace)
        if problem is not None:
            # A site that is just being made is no news: speak of it only when it lasts.
            if first_try and site is not None and ready_of(body)[0] == "Unknown":
                return False
            await publish_refusal(self._around, self._store, key, body, reason=problem.reason, message=problem.message)
            return False
        assert site is not None
        if not await add_finalizer(self._around.kube, self._store, key, body):
            return False
        twin = TWIN_KINDS[key.kind].twin(spec, owner, self._sites.of(site), self._around.definitions_url)
        return await self._make(key, body, owner, spec, twin)

    async def _make(self, key: Key, body: JsonObject, owner: Owner, spec: Spec, twin: Twin) -> bool:
        generation = body["metadata"]["generation"]
        status = body.get("status") or {}
        listed = set(status.get("devices") or ())
        settled = status.get("observedGeneration") == generation and ready_of(body)[0] == "True"
        progress = Progress(Verdicts(TYPES), settled)
        known = {
            device.device_id: Known.NEVER_MADE
            if device.device_id not in listed
            else (Known.SETTLED if settled else Known.MADE)
            for device in twin.devices
        }
        claim = Claim(owner, self._store)
        rotation = (body["metadata"].get("annotations") or {}).get(ANNOTATION_ROTATE, "")
        await asyncio.gather(
            self._make_twins(progress, claim, twin, known),
            *(self._make_device(progress, claim, device, known[device.device_id], rotation) for device in twin.devices),
        )
        wanted = {device.device_id for device in twin.devices}
        for device_id in wanted:
            self._unwanted.pop((key, device_id), None)
        left = await self._drop_surplus(progress, claim, sorted(listed - wanted))
        verdicts = progress.verdicts.complete()
        warning = TWIN_KINDS[key.kind].warning(spec)
        if warning is not None:
            verdicts[WARNING] = warning
        desired_status = {
            "observedGeneration": generation,
            "conditions": conditions(verdicts, status.get("conditions") or [], generation, self._around.now()),
            "thingId": twin.devices[0].device_id,
            "policyId": twin.policy["policyId"],
            "tenant": twin.devices[0].site,
            "devices": sorted(wanted | set(left)),
        }
        await publish_status(self._around, self._store, key, body, desired_status)
        return progress.verdicts.all_good()

    async def _make_twins(self, progress: Progress, claim: Claim, twin: Twin, known: dict[str, Known]) -> None:
        ditto, policy_id = self._around.ditto, twin.policy["policyId"]
        fresh = known[policy_id] is Known.NEVER_MADE
        wrote = await progress.step("PolicyReady", ensure_policy(ditto, twin.policy, fresh=fresh))
        if wrote is None:
            return
        progress.note("policy", wrote)
        for thing in twin.things:
            work = ensure_thing(ditto, thing, claim, known=known[thing["thingId"]], seen=self._around.things)
            progress.note("thing", bool(await progress.step("ThingReady", work)))

    async def _make_device(self, progress: Progress, claim: Claim, device: Device, known: Known, rotation: str) -> None:
        work = ensure_secret(self._around, device, claim, known=known, rotation=rotation)
        made = await progress.step("CredentialsReady", work)
        if made is None:
            return
        login, wrote = made
        progress.note("secret", wrote)
        fresh = known is Known.NEVER_MADE
        registered = await progress.step(
            "DeviceRegistered", ensure_device(self._around.hono, device, claim, fresh=fresh)
        )
        if registered is None:
            progress.verdicts.waiting("CredentialsReady", f"{device.device_id} is not registered")
            return
        progress.note("device", registered)
        hashed = await progress.step(
            # A device that was registered just now has no credentials yet.
            "CredentialsReady",
            ensure_credentials(self._around, device, login, fresh=registered and fresh),
        )
        progress.note("credentials", bool(hashed))

    async def _drop_surplus(self, progress: Progress, claim: Claim, surplus: list[str]) -> list[str]:
        """Removes what was made for servers that the spec no longer has, or leaves it to the rack that has them now;
        returns what is still there.

        Of two racks that change in one `apply`, the one that loses a server may be seen first: so it waits a while for
        another to ask for it, and the server keeps twin and password.
        """
        left, key = [], Key(claim.owner.kind, claim.owner.namespace, claim.owner.name)
        for device_id in surplus:
            moved = claim.is_asked_for_by_another(device_id)
            since = self._unwanted.setdefault((key, device_id), self._around.clock())
            if not moved and self._around.clock() - since < self._around.move_s * 1000:
                left.append(device_id)
                self._later(key, min(_LOOK_AGAIN_S, self._around.move_s))
                continue
            end = let_go if moved else purge
            if await progress.step("DeviceRegistered", end(self._around, claim.owner, device_id)) is None:
                left.append(device_id)
            else:
                self._unwanted.pop((key, device_id), None)
                progress.changed.append("surplus")
        return left

    async def _tear_down(self, key: Key, body: JsonObject, owner: Owner) -> bool:
        if FINALIZER not in (body["metadata"].get("finalizers") or []):
            return True
        progress = Progress(Verdicts(("Deleted",)), settled=False)
        await progress.step("Deleted", self._remove_all(key, body, owner))
        if not progress.verdicts.all_good():
            verdict = progress.verdicts.held["Deleted"]
            message = f"cannot be deleted yet: {verdict.message}"
            await publish_refusal(self._around, self._store, key, body, reason=verdict.reason, message=message)
            return False
        return await remove_finalizer(self._around.kube, self._store, key, body)

    async def _remove_all(self, key: Key, body: JsonObject, owner: Owner) -> None:
        kind, claim = TWIN_KINDS[key.kind], Claim(owner, self._store)
        site = body["spec"]["site"]
        own = names.thing_id(site, kind.thing_kind, owner.name)
        listed = set((body.get("status") or {}).get("devices") or ())
        # Nothing was ever made of a spec that cannot be read: what an earlier one asked for is in the status.
        with suppress(ValidationError):
            listed |= {device.device_id for device in kind.devices(kind.parse(body["spec"]), owner)}
        # Servers first: they stand under the rack's policy.
        ordered = [*sorted(listed - {own}), own]
        if body["spec"].get("deletionPolicy") == "Retain":
            for device_id in ordered:
                await retain(self._around, owner, device_id)
            return
        for device_id in ordered[:-1]:
            await (let_go if claim.is_asked_for_by_another(device_id) else purge)(self._around, owner, device_id)
        await remove_thing(self._around.ditto, own, owner)
        await remove_policy(self._around.ditto, own_policy(site, kind.thing_kind, owner))
        await purge(self._around, owner, own)
