"""Makes and mends a device: its Secret, its registration, its credentials; and removes it.

Order matters: the Secret comes first and goes last, so that whatever a crash leaves behind can be
found by listing Secrets. The plain password is in the Secret and nowhere else.
"""

from __future__ import annotations

import base64
from typing import Any

from rack_operator.clients.hono import HonoRegistry
from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import SECRETS, KubeClient
from rack_operator.desired.devices import (
    PREVIOUS,
    Device,
    credentials,
    credentials_match,
    device_body,
    secret,
    tenant,
)
from rack_operator.desired.ownership import (
    ANNOTATION_GRACE,
    ANNOTATION_IN_USE,
    ANNOTATION_ROTATE,
    LABEL_MANAGED_BY,
    LABEL_RETAINED,
    MARK,
    OPERATOR,
    RELEASED,
    Owner,
    describe,
)
from rack_operator.desired.rotation import Login, next_login, notes_of
from rack_operator.reconcile.claim import Claim
from rack_operator.reconcile.conditions import NotReadyError
from rack_operator.reconcile.diff import contains, registration
from rack_operator.reconcile.outcome import Known
from rack_operator.reconcile.surroundings import Surroundings

JsonObject = dict[str, Any]
_PASSWORD_BYTES = 32
_SALT_BYTES = 16


async def ensure_tenant(hono: HonoRegistry, owner: Owner) -> bool:
    """Makes the site's tenant as desired; returns whether it wrote."""
    desired = tenant(owner)
    actual = await hono.get_tenant(owner.name)
    if actual is None:
        if await hono.create_tenant(owner.name, desired):
            return True
        raise NotReadyError("TenantContended", f"Hono: tenant {owner.name} appeared while it was being made")
    _demand_own(actual, owner, f"tenant {owner.name}", "TenantNotOurs")
    body = registration(actual, desired)
    if body is None:
        return False
    await hono.put_tenant(owner.name, body)
    return True


async def ensure_secret(
    around: Surroundings, device: Device, claim: Claim, *, known: Known, rotation: str = ""
) -> tuple[Login, bool]:
    """Makes the device's Secret as desired; returns the passwords and whether it wrote.

    A password is made when there is none, and when `rotation` is another value than it was made for.
    """
    owner, name = claim.owner, device.secret_name
    if known is Known.NEVER_MADE:
        login = Login(_password(around), rotation)
        if await around.kube.create(SECRETS, secret(device, owner, login, around.endpoints)):
            return login, True
    if known is Known.SETTLED:
        settled = settled_login(around, device, owner, rotation)
        if settled is not None:
            return settled, False
    actual = await around.kube.get(SECRETS, owner.namespace, name)
    if actual is None:
        login = Login(_password(around), rotation)
        if await around.kube.create(SECRETS, secret(device, owner, login, around.endpoints)):
            return login, True
        raise NotReadyError("SecretContended", f"Kubernetes: Secret {name} appeared while it was being made")
    if not claim.accepts_secret(actual["metadata"], device.device_id):
        raise NotReadyError("SecretNotOurs", f"Kubernetes: Secret {owner.namespace}/{name} belongs to someone else")
    login, patch = _mend(around, device, owner, actual, rotation)
    if patch is None:
        return login, False
    # The version: a password must not be written over one that somebody else has made meanwhile.
    patch.setdefault("metadata", {})["resourceVersion"] = actual["metadata"]["resourceVersion"]
    try:
        if await around.kube.merge(SECRETS, owner.namespace, name, patch) is not None:
            return login, True
    except DependencyError as error:
        if error.status != 409:
            raise
    raise NotReadyError("SecretContended", f"Kubernetes: Secret {name} changed or went while it was being mended")


def settled_login(around: Surroundings, device: Device, owner: Owner, rotation: str) -> Login | None:
    """The passwords in the device's Secret as the last sweep read it, if it needs no change; None when it must be read.

    Takes the Secret out of what the sweep has read.
    """
    seen = around.secrets.take(f"{owner.namespace}/{device.secret_name}")
    if seen is None or not contains(seen["metadata"].get("labels") or {}, owner.labels()):
        return None
    login, patch = _mend(around, device, owner, seen, rotation)
    return login if patch is None else None


def _mend(
    around: Surroundings, device: Device, owner: Owner, actual: JsonObject, rotation: str
) -> tuple[Login, JsonObject | None]:
    """The passwords as they are to be, and the merge patch of the Secret for them; None when nothing differs."""
    held = _read_login(actual, rotation)
    notes = actual["metadata"].get("annotations") or {}
    if held is None:
        login = Login(_password(around), rotation)
    else:
        in_use = notes.get(ANNOTATION_IN_USE)
        login = next_login(
            held,
            rotation,
            in_use=in_use,
            fresh_password=_password(around),
            now_ms=around.clock(),
            grace_s=around.rotation_grace_s,
        )
    return login, _secret_patch(actual, secret(device, owner, login, around.endpoints), notes_of(login))


async def ensure_device(hono: HonoRegistry, device: Device, claim: Claim, *, fresh: bool) -> bool:
    """Makes the registration as desired; returns whether it wrote."""
    desired = device_body(device, claim.owner)
    if fresh and await hono.create_device(device.site, device.device_id, desired):
        return True
    actual = await hono.get_device(device.site, device.device_id)
    if actual is None:
        if await hono.create_device(device.site, device.device_id, desired):
            return True
        raise NotReadyError("DeviceContended", f"Hono: {device.device_id} appeared while it was being made")
    mark = (actual.get("ext") or {}).get(MARK)
    if not claim.accepts(mark, device.device_id):
        raise NotReadyError("DeviceNotOurs", f"Hono: {device.device_id} belongs to {describe(mark)}")
    body = registration(actual, desired)
    if body is None:
        return False
    await hono.put_device(device.site, device.device_id, body)
    return True


async def ensure_credentials(around: Surroundings, device: Device, login: Login, *, fresh: bool) -> bool:
    """Makes the credentials those of the Secret's passwords; returns whether it wrote."""
    if not fresh:
        actual = await around.hono.get_credentials(device.site, device.device_id)
        if actual is not None and credentials_match(device, login, actual):
            return False
    salts = [around.random_bytes(_SALT_BYTES) for _ in range(2)]
    body = credentials(device, login, salts)
    if not await around.hono.put_credentials(device.site, device.device_id, body):
        raise NotReadyError("DeviceVanished", f"Hono: {device.device_id} is not registered")
    return True


async def remove_device(hono: HonoRegistry, site: str, device_id: str, owner: Owner) -> bool:
    """Deletes the device and its credentials if it is the owner's; returns whether it wrote."""
    actual = await hono.get_device(site, device_id)
    if actual is None or not owner.owns((actual.get("ext") or {}).get(MARK)):
        return False
    return await hono.delete_device(site, device_id)


async def release_device(hono: HonoRegistry, site: str, device_id: str, owner: Owner) -> bool:
    """Notes on the owner's device that another resource may take it over; returns whether it wrote."""
    actual = await hono.get_device(site, device_id)
    mark = ((actual or {}).get("ext") or {}).get(MARK) or {}
    if actual is None or not owner.owns(mark) or mark.get(RELEASED):
        return False
    body = {**actual, "ext": {**actual["ext"], MARK: {**mark, RELEASED: "true"}}}
    await hono.put_device(site, device_id, body)
    return True


async def remove_secret(kube: KubeClient, namespace: str, name: str, owner: Owner) -> bool:
    """Deletes the Secret if it is the owner's; returns whether it wrote."""
    actual = await kube.get(SECRETS, namespace, name)
    if actual is None or not contains(actual["metadata"].get("labels") or {}, owner.labels()):
        return False
    return await kube.delete(SECRETS, namespace, name)


async def retain_secret(kube: KubeClient, namespace: str, name: str) -> bool:
    """Lets the Secret outlive its resource: without owner, so that no garbage collector takes it."""
    patch = {"metadata": {"ownerReferences": None, "labels": {LABEL_RETAINED: "true"}}}
    return await _patch_ours(kube, namespace, name, patch)


async def let_go_of_secret(kube: KubeClient, namespace: str, name: str) -> bool:
    """Lets another resource take the Secret over: the garbage collector must not take it with this one."""
    return await _patch_ours(kube, namespace, name, {"metadata": {"ownerReferences": None}})


async def _patch_ours(kube: KubeClient, namespace: str, name: str, patch: JsonObject) -> bool:
    actual = await kube.get(SECRETS, namespace, name)
    if actual is None or (actual["metadata"].get("labels") or {}).get(LABEL_MANAGED_BY) != OPERATOR:
        return False
    return await kube.merge(SECRETS, namespace, name, patch) is not None


def _demand_own(actual: JsonObject, owner: Owner, what: str, reason: str) -> None:
    mark = (actual.get("ext") or {}).get(MARK)
    if not owner.owns(mark):
        raise NotReadyError(reason, f"Hono: {what} belongs to {describe(mark)}")


def _password(around: Surroundings) -> str:
    return base64.urlsafe_b64encode(around.random_bytes(_PASSWORD_BYTES)).rstrip(b"=").decode()


def _read_login(actual: JsonObject, rotation: str) -> Login | None:
    """The passwords that the Secret holds; None when it holds none."""
    password = _read(actual, "password")
    if password is None:
        return None
    notes = actual["metadata"].get("annotations") or {}
    # A Secret that was there before the resource asked for anything has its first password.
    return Login(password, notes.get(ANNOTATION_ROTATE, ""), _read(actual, PREVIOUS), notes.get(ANNOTATION_GRACE))


def _read(actual: JsonObject, key: str) -> str | None:
    try:
        return base64.b64decode((actual.get("data") or {}).get(key) or "", validate=True).decode() or None
    except ValueError:
        return None


def _secret_patch(actual: JsonObject, desired: JsonObject, notes: dict[str, str | None]) -> JsonObject | None:
    patch: JsonObject = {}
    held = actual.get("data") or {}
    data: JsonObject = {key: value for key, value in desired["data"].items() if held.get(key) != value}
    if PREVIOUS in held and PREVIOUS not in desired["data"]:
        data[PREVIOUS] = None
    if data:
        patch["data"] = data
    have, want = actual["metadata"], desired["metadata"]
    have_notes, have_labels = have.get("annotations") or {}, have.get("labels") or {}
    annotated = {**want["annotations"], **{name: None for name, text in notes.items() if text is None}}
    metadata = {
        "annotations": {name: text for name, text in annotated.items() if have_notes.get(name) != text},
        "labels": {name: text for name, text in want["labels"].items() if have_labels.get(name) != text},
    }
    if LABEL_RETAINED in have_labels:
        metadata["labels"][LABEL_RETAINED] = None
    changed: JsonObject = {name: part for name, part in metadata.items() if part}
    if have.get("ownerReferences") != want["ownerReferences"]:
        changed["ownerReferences"] = want["ownerReferences"]
    if changed:
        patch["metadata"] = changed
    return patch or None
