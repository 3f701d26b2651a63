"""Hono tenant, devices and credentials, and the Secret that tells a device how to connect. Pure.

Passwords leave this module hashed: the hash is SHA-256 over salt and password, which is safe
because the password is 32 random bytes, and which spares the adapters bcrypt's cost at each login.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from rack_operator.desired.ownership import ANNOTATION_DEVICE, ANNOTATION_SITE, MARK, Owner
from racktwin import names

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Device:
    """One device that must exist; its id is also its thing's."""

    site: str
    kind: names.Kind
    name: str
    via: tuple[str, ...] = ()
    """Ids of the gateways that may speak for it; empty for a gateway."""

    @property
    def device_id(self) -> str:
        """Id in Hono and in Ditto."""
        return names.thing_id(self.site, self.kind, self.name)

    @property
    def secret_name(self) -> str:
        """Name of the Secret with its connection data."""
        return names.device_secret(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class DeviceEndpoints:
    """Where devices connect."""

    mqtt_host: str
    mqtt_port: int
    http_url: str


def tenant(owner: Owner) -> JsonObject:
    """Body of the site's tenant."""
    return {
        "enabled": True,
        # Without this, Hono 2.x serves a changed tenant from its caches for up to three minutes.
        "ext": {MARK: owner.mark(), "invalidate-cache-on-update": True},
    }


def device_body(device: Device, owner: Owner) -> JsonObject:
    """Body of a device registration."""
    body: JsonObject = {"enabled": True, "ext": {MARK: owner.mark(), "kind": device.kind}}
    if device.via:
        body["via"] = list(device.via)
    return body


def fingerprint(auth_id: str, password: str) -> str:
    """Names a password without telling it, so that drift shows even where the registry hides its hashes."""
    return hashlib.sha256(f"racktwin:{auth_id}:{password}".encode()).hexdigest()[:32]


def password_hash(password: str, salt: bytes) -> str:
    """Hono's `pwd-hash` for `sha-256`: base64 of SHA-256 over salt, then password."""
    return base64.b64encode(hashlib.sha256(salt + password.encode()).digest()).decode()


def credentials(device: Device, password: str, salt: bytes) -> list[JsonObject]:
    """Body of the device's credentials, with the password hashed."""
    auth_id = names.auth_id(device.device_id)
    return [
        {
            "type": "hashed-password",
            "auth-id": auth_id,
            "enabled": True,
            "ext": {"fingerprint": fingerprint(auth_id, password)},
            "secrets": [
                {
                    "hash-function": "sha-256",
                    "pwd-hash": password_hash(password, salt),
                    "salt": base64.b64encode(salt).decode(),
                    "comment": fingerprint(auth_id, password),
                }
            ],
        }
    ]


def credentials_match(device: Device, password: str, actual: list[JsonObject]) -> bool:
    """Whether the registry's credentials are this password's.

    Hono 1.0.3 returns hash and salt, which are verified; 2.x hides them and the fingerprint is compared.
    """
    auth_id = names.auth_id(device.device_id)
    if len(actual) != 1:
        return False
    entry = actual[0]
    secrets = entry.get("secrets") or []
    if (
        entry.get("type") != "hashed-password"
        or entry.get("auth-id") != auth_id
        or entry.get("enabled", True) is not True
        or len(secrets) != 1
    ):
        return False
    secret = secrets[0]
    if "not-after" in secret or "not-before" in secret:
        return False
    if "pwd-hash" in secret:
        try:
            salt = base64.b64decode(secret.get("salt") or "", validate=True)
        except ValueError:
            return False
        same_function = secret.get("hash-function") == "sha-256"
        return bool(same_function and secret["pwd-hash"] == password_hash(password, salt))
    expected = fingerprint(auth_id, password)
    return bool((entry.get("ext") or {}).get("fingerprint") == expected and secret.get("comment") == expected)


def secret_data(device: Device, password: str, endpoints: DeviceEndpoints) -> dict[str, str]:
    """What the Secret tells a device, by key, in plain text."""
    return {
        "host": endpoints.mqtt_host,
        "port": str(endpoints.mqtt_port),
        "username": f"{names.auth_id(device.device_id)}@{device.site}",
        "password": password,
        "tenant": device.site,
        "deviceId": device.device_id,
        "httpUrl": endpoints.http_url,
    }


def secret(device: Device, owner: Owner, data: dict[str, str]) -> JsonObject:
    """The Secret, which is made before everything else of a device and deleted after it: it is the journal."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": device.secret_name,
            "namespace": owner.namespace,
            "labels": owner.labels(),
            "annotations": {ANNOTATION_DEVICE: device.device_id, ANNOTATION_SITE: device.site},
            "ownerReferences": [owner.reference()],
        },
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
