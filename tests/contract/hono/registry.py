"""Calls of a device registry of Hono, and secrets as Racktwin registers them."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests


@dataclass
class Registry:
    """A registry and what was made in it."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    made: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Call ``/v1<path>``; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.session.request(
            method, f"{self.url}{path}", headers=named, timeout=60, **({} if body is None else {"json": body})
        )
        if method == "POST" and answer.status_code == 201:
            self.made.append(answer.headers["location"].removeprefix("/v1"))
        return answer

    def get(self, path: str) -> requests.Response:
        """GET."""
        return self.call("GET", path)

    def new_tenant(self, **body: Any) -> str:
        """A tenant with a fresh name."""
        tenant = f"contract-{uuid.uuid4().hex[:10]}"
        assert self.call("POST", f"/tenants/{tenant}", {"enabled": True, **body}).status_code == 201
        return tenant

    def new_device(self, tenant: str, **body: Any) -> str:
        """A device with a fresh id of the form that Racktwin's have."""
        device = f"racktwin.{tenant}:rack-{uuid.uuid4().hex[:8]}"
        answer = self.call("POST", f"/devices/{tenant}/{device}", body)
        assert answer.status_code == 201, answer.text
        return device

    def clean(self) -> None:
        """Delete what was made; devices first."""
        for path in sorted(set(self.made), key=lambda each: each.startswith("/tenants")):
            self.call("DELETE", path)


def hashed(password: str, **validity: str) -> dict[str, str]:
    """A secret as Racktwin registers it: salted SHA-256, so that the registry never sees the password."""
    salt = secrets.token_bytes(16)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {
        "hash-function": "sha-256",
        "salt": base64.b64encode(salt).decode(),
        "pwd-hash": base64.b64encode(digest).decode(),
        **validity,
    }


def credentials(auth_id: str, *given: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The credentials of a device that logs in by password."""
    return [{"type": "hashed-password", "auth-id": auth_id, "secrets": list(given), **more}]
