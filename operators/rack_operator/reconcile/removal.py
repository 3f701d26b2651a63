"""Removes, or lets go of, all that stands under one id: thing, device, Secret. Used by rack, site and sweep."""

from __future__ import annotations

from typing import cast

from rack_operator.desired.ownership import Owner
from rack_operator.reconcile.devices import (
    let_go_of_secret,
    release_device,
    remove_device,
    remove_secret,
    retain_secret,
)
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.twins import release_thing, remove_thing, retain_thing
from racktwin import names

_WITH_DEVICE = {"rack", "server", "cooling", "gateway"}


def secret_of(thing_id: str) -> str | None:
    """Name of the Secret of the device of this id; None for kinds that have no device."""
    identity = names.ThingId.parse(thing_id)
    if identity.kind not in _WITH_DEVICE:
        return None
    return names.device_secret(cast(names.Kind, identity.kind), identity.name)


async def purge(around: Surroundings, owner: Owner, thing_id: str) -> bool:
    """Removes what is the owner's; the Secret last, as it is the journal by which a sweep finds the rest.

    Raises `DependencyError` when a dependency fails; then call it again.
    """
    await remove_thing(around.ditto, thing_id, owner)
    secret = secret_of(thing_id)
    if secret is not None:
        await remove_device(around.hono, names.site_of(thing_id), thing_id, owner)
        await remove_secret(around.kube, owner.namespace, secret, owner)
    return True


async def retain(around: Surroundings, owner: Owner, thing_id: str) -> None:
    """Lets thing, device and Secret outlive their resource, marked so that no sweep takes them for orphans."""
    await retain_thing(around.ditto, thing_id, owner)
    secret = secret_of(thing_id)
    if secret is not None:
        await retain_secret(around.kube, owner.namespace, secret)


async def let_go(around: Surroundings, owner: Owner, thing_id: str) -> bool:
    """Leaves thing, device and Secret to another resource that asks for them and takes them over as they are."""
    await release_thing(around.ditto, thing_id, owner)
    secret = secret_of(thing_id)
    if secret is not None:
        await release_device(around.hono, names.site_of(thing_id), thing_id, owner)
        await let_go_of_secret(around.kube, owner.namespace, secret)
    return True
