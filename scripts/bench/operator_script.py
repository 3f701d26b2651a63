"""The peers' way, for `bench.operator` to compare with: what a post-install script does, one request after another.

It does less than the operator: nothing in Kubernetes, no marks, and nothing that could be repeated safely.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import subprocess
import time
from typing import Any

import requests

JsonObject = dict[str, Any]
_SAMPLE = 40


def _requests_for(endpoints: JsonObject, name: str, number: int, *, hashed: bool) -> list[tuple[str, str, JsonObject]]:
    device = f"racktwin.{name}:rack-seq-{number}"
    auth = device.replace(":", "_")
    password = secrets.token_urlsafe(24)
    salt = secrets.token_bytes(12)
    digest = base64.b64encode(hashlib.sha256(salt + password.encode()).digest()).decode()
    secret = (
        {"hash-function": "sha-256", "salt": base64.b64encode(salt).decode(), "pwd-hash": digest}
        if hashed
        else {"pwd-plain": password}
    )
    rights = {"grant": ["READ", "WRITE"], "revoke": []}
    entry = {
        "subjects": {"nginx:operator": {"type": "script"}},
        "resources": {"policy:/": rights, "thing:/": rights, "message:/": rights},
    }
    hono, ditto = endpoints["hono_registry_url"], f"{endpoints['ditto_url']}/api/2"
    return [
        ("POST", f"{hono}/devices/{name}/{device}", {"enabled": True}),
        (
            "PUT",
            f"{hono}/credentials/{name}/{device}",
            [{"type": "hashed-password", "auth-id": auth, "secrets": [secret]}],  # type: ignore[list-item]
        ),
        ("PUT", f"{ditto}/policies/{device}", {"entries": {"operator": entry}}),
        ("PUT", f"{ditto}/things/{device}", {"policyId": device, "attributes": {"name": f"seq-{number}"}}),
    ]


def sequential_script(endpoints: JsonObject, name: str) -> float:
    """Racks per second as a script with curl makes them."""
    start = time.monotonic()
    for number in range(_SAMPLE):
        for method, url, body in _requests_for(endpoints, name, number, hashed=False):
            command = ["curl", "--silent", "--fail", "--noproxy", "*", "-X", method, url, "--data", json.dumps(body)]
            command += ["-H", "content-type: application/json", "-H", "x-ditto-pre-authenticated: nginx:operator"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return _SAMPLE / (time.monotonic() - start)


def sequential_client(endpoints: JsonObject, name: str) -> float:
    """Racks per second as one client with a kept connection and hashed passwords makes them."""
    with requests.Session() as session:
        session.headers["x-ditto-pre-authenticated"] = "nginx:operator"
        session.trust_env = False
        start = time.monotonic()
        for number in range(_SAMPLE, 5 * _SAMPLE):
            for method, url, body in _requests_for(endpoints, name, number, hashed=True):
                session.request(method, url, json=body, timeout=20).raise_for_status()
        return 4 * _SAMPLE / (time.monotonic() - start)
