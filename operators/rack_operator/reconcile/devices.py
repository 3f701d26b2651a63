"""Makes and mends a device: its Secret, its registration, its credentials; and removes it.

Order matters: the Secret comes first and goes last, so that whatever a crash leaves behind can be
found by listing Secrets. The plain password is in the Secret and nowhere else.
"""

from __future__ import annotations

import base64
from typing import Any

from rack_operator.clients.hono import HonoRegistry
from rack_operator.clients.kube import SECRETS, KubeClient
from rack_operator.desired.devices import (
    Device,
    credentials,
    credentials_match,
    device_body,
    secret,
    secret_data,
    tenant,
)
from rack_operator.desired.ownership import LABEL_MANAGED_BY, LABEL_RETAINED, MARK, OPERATOR, Owner, describe
from rack_operator.reconcile.conditions import NotReadyError
from rack_operator.reconcile.diff import contains, registration
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


async def ensure_secret(around: Surroundings, device: Device, owner: Owner, *, fresh: bool) -> tuple[str, bool]:
    """Makes the device's Secret as desired; returns the password and whether it wrote.

    A password that is there is kept for ever; it is made only when there is none.
    """
    name = device.secret_name
    if fresh:
        password = _password(around)
        body = secret(device, owner, secret_data(device, password, around.endpoints))
        if await around.kube.create(SECRETS, body):
            return password, True
    actual = await around.kube.get(SECRETS, owner.namespace, name)
    if actual is None:
        password = _password(around)
        body = secret(device, owner, secret_data(device, password, around.endpoints))
        if await around.kube.create(SECRETS, body):
            return password, True
        raise NotReadyError("SecretContended", f"Kubernetes: Secret {name} appeared while it was being made")
    labels = actual["metadata"].get("labels") or {}
    if not contains(labels, owner.labels()):
        raise NotReadyError("SecretNotOurs", f"Kubernetes: Secret {owner.namespace}/{name} belongs to someone else")
    password = _read_password(actual) or _password(around)
    desired = secret(device, owner, secret_data(device, password, around.endpoints))
    patch = _secret_patch(actual, desired)
    if patch is None:
        return password, False
    if await around.kube.merge(SECRETS, owner.namespace, name, patch) is None:
        raise NotReadyError("SecretContended", f"Kubernetes: Secret {name} went while it was being mended")
    return password, True


async def ensure_device(hono: HonoRegistry, device: Device, owner: Owner, *, fresh: bool) -> bool:
    """Makes the registration as desired; returns whether it wrote."""
    desired = device_body(device, owner)
    if fresh and await hono.create_device(device.site, device.device_id, desired):
        return True
    actual = await hono.get_device(device.site, device.device_id)
    if actual is None:
        if await hono.create_device(device.site, device.device_id, desired):
            return True
        raise NotReadyError("DeviceContended", f"Hono: {device.device_id} appeared while it was being made")
    _demand_own(actual, owner, device.device_id, "DeviceNotOurs")
    body = registration(actual, desired)
    if body is None:
        return False
    await hono.put_device(device.site, device.device_id, body)
    return True


async def ensure_credentials(around: Surroundings, device: Device, password: str, *, fresh: bool) -> bool:
    """Makes the credentials those of the Secret's password; returns whether it wrote."""
    if not fresh:
        actual = await around.hono.get_credentials(device.site, device.device_id)
        if actual is not None and credentials_match(device, password, actual):
            return False
    body = credentials(device, password, around.random_bytes(_SALT_BYTES))
    if not await around.hono.put_credentials(device.site, device.device_id, body):
        raise NotReadyError("DeviceVanished", f"Hono: {device.device_id} is not registered")
    return True


async def remove_device(hono: HonoRegistry, site: str, device_id: str, owner: Owner) -> bool:
    """Deletes the device and its credentials if it is the owner's; returns whether it wrote."""
    actual = await hono.get_device(site, device_id)
    if actual is None or not owner.owns((actual.get("ext") or {}).get(MARK)):
        return False
    return await hono.delete_device(site, device_id)


async def remove_secret(kube: KubeClient, namespace: str, name: str, owner: Owner) -> bool:
    """Deletes the Secret if it is the owner's; returns whether it wrote."""
    actual = await kube.get(SECRETS, namespace, name)
    if actual is None or not contains(actual["metadata"].get("labels") or {}, owner.labels()):
        return False
    return await kube.delete(SECRETS, namespace, name)


async def retain_secret(kube: KubeClient, namespace: str, name: str) -> bool:
    """Lets the Secret outlive its resource: without owner, so that no garbage collector takes it."""
    actual = await kube.get(SECRETS, namespace, name)
    if actual is None or (actual["metadata"].get("labels") or {}).get(LABEL_MANAGED_BY) != OPERATOR:
        return False
    patch = {"metadata": {"ownerReferences": None, "labels": {LABEL_RETAINED: "true"}}}
    return await kube.merge(SECRETS, namespace, name, patch) is not None


def _demand_own(actual: JsonObject, owner: Owner, what: str, reason: str) -> None:
    mark = (actual.get("ext") or {}).get(MARK)
    if not owner.owns(mark):
        raise NotReadyError(reason, f"Hono: {what} belongs to {describe(mark)}")


def _password(around: Surroundings) -> str:
    return base64.urlsafe_b64encode(around.random_bytes(_PASSWORD_BYTES)).rstrip(b"=").decode()


def _read_password(actual: JsonObject) -> str | None:
    try:
        return base64.b64decode((actual.get("data") or {}).get("password") or "", validate=True).decode() or None
    except ValueError:
        return None


def _secret_patch(actual: JsonObject, desired: JsonObject) -> JsonObject | None:
    patch: JsonObject = {}
    data = {key: value for key, value in desired["data"].items() if (actual.get("data") or {}).get(key) != value}
    if data:
        patch["data"] = data
    metadata: JsonObject = {}
    have, want = actual["metadata"], desired["metadata"]
    if not contains(have.get("annotations") or {}, want["annotations"]):
        metadata["annotations"] = want["annotations"]
    if have.get("ownerReferences") != want["ownerReferences"]:
        metadata["ownerReferences"] = want["ownerReferences"]
    if LABEL_RETAINED in (have.get("labels") or {}):
        metadata["labels"] = {LABEL_RETAINED: None}
    if metadata:
        patch["metadata"] = metadata
    return patch or None
