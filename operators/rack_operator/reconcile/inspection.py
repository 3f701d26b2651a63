"""Looks at settled resources in three steps, cheapest first, and changes nothing: the sweep's eyes.

1. `look`: all that pages of Secrets and things show, without a request for each.
2. `compare_registered`: policies and device registrations, one read each; neither Ditto nor Hono 1.0.3 lists them.
3. `compare_logins`: credentials, one read each, few at a time: Hono 1.0.3 searches all of a tenant's for each.

Whatever is not as desired, or could not be read, is named to the caller, and a reconcile of that resource judges anew
and mends. Next: `controller`, which asks for it at once, while the looking goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rack_operator.clients.http import DependencyError
from rack_operator.desired.devices import Device, credentials_match, device_body
from rack_operator.desired.ownership import ANNOTATION_ROTATE, FINALIZER, Owner
from rack_operator.desired.policies import own_policy
from rack_operator.desired.rack import Twin
from rack_operator.desired.rotation import Login
from rack_operator.reconcile.belonging import SiteSpecs, site_problem
from rack_operator.reconcile.conditions import READY, ready_of
from rack_operator.reconcile.devices import settled_login
from rack_operator.reconcile.diff import registration, same_policy, thing_patch
from rack_operator.reconcile.kinds import TWIN_KINDS, WARNING
from rack_operator.reconcile.publish import owner_of
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings

JsonObject = dict[str, Any]
# At the same time: what keeps the others busy, and what leaves a registry that is slow with credentials some time.
_REGISTERED_AT_ONCE = 96
_LOGINS_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """A resource that is as desired as far as pages show, with what is needed to compare the rest."""

    key: Key
    owner: Owner
    devices: tuple[Device, ...]
    logins: tuple[Login, ...]


class Inspector:
    """Compares what is with what must be. `pending` counts the reads that still lie ahead."""

    def __init__(self, around: Surroundings, store: Store) -> None:
        self._around = around
        self._store = store
        self._sites = SiteSpecs(store)
        self.pending = 0

    def look(self, key: Key) -> Seen | None:
        """What the sweep has read of a settled resource, if it is all as desired; None when a reconcile must judge."""
        body = self._store.get(key)
        if body is None or key.kind not in TWIN_KINDS:
            return None
        status = body.get("status") or {}
        if (
            body["metadata"].get("deletionTimestamp")
            or FINALIZER not in (body["metadata"].get("finalizers") or ())
            or status.get("observedGeneration") != body["metadata"]["generation"]
            or ready_of(body)[0] != "True"
        ):
            return None
        owner = owner_of(key, body)
        twin = self._twin(key, body, owner)
        if twin is None or not _told(status, twin):
            return None
        rotation = (body["metadata"].get("annotations") or {}).get(ANNOTATION_ROTATE, "")
        logins = [settled_login(self._around, device, owner, rotation) for device in twin.devices]
        if None in logins or not all(self._is_as_desired(thing) for thing in twin.things):
            return None
        return Seen(key, owner, twin.devices, tuple(login for login in logins if login is not None))

    async def compare_registered(self, seen: Iterable[Seen], doubt: Callable[[Key], None]) -> None:
        """Compares policies and registrations; `doubt` is told at once of each resource that differs."""
        await self._each(list(seen), self._registered, doubt, _REGISTERED_AT_ONCE)

    async def compare_logins(self, seen: Iterable[Seen], doubt: Callable[[Key], None]) -> None:
        """Compares credentials with the Secrets' passwords; `doubt` as above."""
        await self._each(list(seen), self._known_logins, doubt, _LOGINS_AT_ONCE)

    def _twin(self, key: Key, body: JsonObject, owner: Owner) -> Twin | None:
        try:
            spec = TWIN_KINDS[key.kind].parse(body["spec"])
            site = self._store.get(Key("Site", key.namespace, spec.site))
            if site is None or site_problem(site, spec, key.namespace) is not None:
                return None
            return TWIN_KINDS[key.kind].twin(spec, owner, self._sites.of(site), self._around.definitions_url)
        except ValidationError:
            return None

    def _is_as_desired(self, thing: JsonObject) -> bool:
        shown = self._around.things.take(thing["thingId"])
        return shown is not None and thing_patch(shown, thing) is None

    async def _each(
        self,
        seen: list[Seen],
        compare: Callable[[Seen], Awaitable[bool]],
        doubt: Callable[[Key], None],
        at_once: int,
    ) -> None:
        waiting = iter(seen)
        self.pending = len(seen)

        async def work() -> None:
            for each in waiting:
                self.pending -= 1
                try:
                    good = await compare(each)
                except DependencyError:
                    good = False
                # What changed meanwhile is on its way through the queue by itself.
                if not good and self._store.has(each.key):
                    doubt(each.key)

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(at_once, len(seen))):
                    tasks.create_task(work())
        finally:
            self.pending = 0

    async def _registered(self, seen: Seen) -> bool:
        own = seen.devices[0]
        policy = own_policy(own.site, own.kind, seen.owner)
        actual = await self._around.ditto.get_policy(policy["policyId"])
        if actual is None or not same_policy(actual, policy):
            return False
        for device in seen.devices:
            held = await self._around.hono.get_device(device.site, device.device_id)
            if held is None or registration(held, device_body(device, seen.owner)) is not None:
                return False
        return True

    async def _known_logins(self, seen: Seen) -> bool:
        for device, login in zip(seen.devices, seen.logins, strict=True):
            held = await self._around.hono.get_credentials(device.site, device.device_id)
            if held is None or not credentials_match(device, login, held):
                return False
        return True


def _told(status: JsonObject, twin: Twin) -> bool:
    """Whether the status says what it should of a resource that is as desired."""
    conditions = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
    return (
        READY in conditions
        and all(state == "True" for type_, state in conditions.items() if type_ != WARNING)
        and status.get("devices") == sorted(device.device_id for device in twin.devices)
        and status.get("thingId") == twin.devices[0].device_id
        and status.get("policyId") == twin.policy["policyId"]
        and status.get("tenant") == twin.devices[0].site
    )
