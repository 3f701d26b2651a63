"""Hono tenant, devices and credentials, and the Secret that tells a device how to connect. Pure.

Passwords leave this module hashed: the hash is SHA-256 over salt and password, which is safe
because the password is 32 random bytes, and which spares the adapters bcrypt's cost at each login.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rack_operator.desired.ownership import ANNOTATION_DEVICE, ANNOTATION_SITE, MARK, Owner
from rack_operator.desired.rotation import Login, notes_of
from racktwin import names

JsonObject = dict[str, Any]
# Key of a Secret: the password before the last rotation, while it is still valid.
PREVIOUS = "previousPassword"


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
    mqtt_tls: bool = False
    authority: str | None = None
    """PEM of the authority of the adapters, where they have one of their own."""


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


def credentials(device: Device, login: Login, salts: Sequence[bytes]) -> list[JsonObject]:
    """Body of the device's credentials, with each password hashed with one of the salts."""
    auth_id = names.auth_id(device.device_id)
    secrets = []
    for (password, until), salt in zip(_passwords(login), salts, strict=False):
        secret: JsonObject = {
            "hash-function": "sha-256",
            "pwd-hash": password_hash(password, salt),
            "salt": base64.b64encode(salt).decode(),
            "comment": fingerprint(auth_id, password),
        }
        secrets.append(secret | ({"not-after": until} if until is not None else {}))
    return [
        {
            "type": "hashed-password",
            "auth-id": auth_id,
            "enabled": True,
            "ext": {"fingerprint": fingerprint(auth_id, login.password)},
            "secrets": secrets,
        }
    ]


def credentials_match(device: Device, login: Login, actual: list[JsonObject]) -> bool:
    """Whether the registry's credentials are those of the passwords.

    Hono 1.0.3 returns hash and salt, which are verified; 2.x hides them and fingerprints are compared.
    """
    auth_id = names.auth_id(device.device_id)
    wanted = _passwords(login)
    if len(actual) != 1:
        return False
    entry = actual[0]
    secrets = entry.get("secrets") or []
    if (
        entry.get("type") != "hashed-password"
        or entry.get("auth-id") != auth_id
        or entry.get("enabled", True) is not True
        or len(secrets) != len(wanted)
    ):
        return False
    hidden = any("pwd-hash" not in secret for secret in secrets)
    if hidden and (entry.get("ext") or {}).get("fingerprint") != fingerprint(auth_id, login.password):
        return False
    # Which comes first is the registry's business.
    return all(any(_is_of(secret, auth_id, *each) for secret in secrets) for each in wanted)


def _passwords(login: Login) -> list[tuple[str, str | None]]:
    """Valid passwords, each with its end."""
    passwords: list[tuple[str, str | None]] = [(login.password, None)]
    if login.previous is not None:
        passwords.append((login.previous, login.until))
    return passwords


def _is_of(secret: JsonObject, auth_id: str, password: str, until: str | None) -> bool:
    if "not-before" in secret or not _same_time(secret.get("not-after"), until):
        return False
    if "pwd-hash" not in secret:
        return bool(secret.get("comment") == fingerprint(auth_id, password))
    try:
        salt = base64.b64decode(secret.get("salt") or "", validate=True)
    except ValueError:
        return False
    return bool(secret.get("hash-function") == "sha-256" and secret["pwd-hash"] == password_hash(password, salt))


def _same_time(actual: str | None, wanted: str | None) -> bool:
    if actual is None or wanted is None:
        return actual is wanted
    try:
        return datetime.fromisoformat(actual) == datetime.fromisoformat(wanted)
    except ValueError:
        return False


def secret_data(device: Device, login: Login, endpoints: DeviceEndpoints) -> dict[str, str]:
    """What the Secret tells a device, by key, in plain text."""
    data = {
        "host": endpoints.mqtt_host,
        "port": str(endpoints.mqtt_port),
        "username": f"{names.auth_id(device.device_id)}@{device.site}",
        "password": login.password,
        "tenant": device.site,
        "deviceId": device.device_id,
        "httpUrl": endpoints.http_url,
    }
    if endpoints.mqtt_tls:
        data["tls"] = "true"
    if endpoints.authority is not None:
        data["ca.crt"] = endpoints.authority
    return data | ({PREVIOUS: login.previous} if login.previous is not None else {})


def secret(device: Device, owner: Owner, login: Login, endpoints: DeviceEndpoints) -> JsonObject:
    """The Secret, which is made before everything else of a device and deleted after it: it is the journal."""
    data = secret_data(device, login, endpoints)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": device.secret_name,
            "namespace": owner.namespace,
            "labels": owner.labels(),
            "annotations": {
                ANNOTATION_DEVICE: device.device_id,
                ANNOTATION_SITE: device.site,
                **{name: text for name, text in notes_of(login).items() if text is not None},
            },
            "ownerReferences": [owner.reference()],
        },
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
