"""The site that the collectors report to: things in Ditto, devices and the gateway's credentials in Hono's registry."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import requests

from bench import pipeline_site
from racktwin import names
from racktwin.ditto_client import DittoClient
from racktwin.settings import DittoSettings
from racktwin.thing_models import thing_definition

SITE = pipeline_site.SITE
GATEWAY = names.thing_id(SITE, "gateway", "edge")


def thing(name: str) -> str:
    """Thing id of ``<kind>-<name>``."""
    return f"{names.namespace(SITE)}:{name}"


def make(endpoints: dict[str, Any], things: Iterable[str], alone: Iterable[str], folder: Path) -> None:
    """Topics, policy, connection, these things with the gateway as theirs, and Secrets as files: the gateway's, and of
    those that report by themselves (``alone``)."""
    pipeline_site.make(endpoints, 0)
    ditto = DittoClient(DittoSettings(ditto_url=endpoints["ditto_url"], ditto_subject=names.OPERATOR_SUBJECT), 60)
    registry = endpoints["hono_registry_url"]
    _post(f"{registry}/tenants/{SITE}", {"enabled": True})
    _post(f"{registry}/devices/{SITE}/{GATEWAY}", {"enabled": True})
    _credentials(endpoints, GATEWAY, folder / "gateway-edge-device")
    for name in things:
        device = thing(name)
        kind = names.kind_of(device)
        body = {
            "policyId": names.base_policy(SITE),
            "definition": thing_definition(endpoints["definitions_url"], kind),
            "attributes": {
                "name": name.partition("-")[2],
                "site": SITE,
                "location": "hall-a",
                "gateways": [GATEWAY],
            },
        }
        answer = ditto.request("PUT", f"/api/2/things/{device}", json=body)
        if not answer.ok:
            raise SystemExit(f"collectors: {device}: {answer.status_code} {answer.text[:300]}")
        _post(f"{registry}/devices/{SITE}/{device}", {"enabled": True, "via": [GATEWAY]})
    for name in alone:
        _credentials(endpoints, thing(name), folder / f"{name}-device")


def _post(url: str, body: Any) -> None:
    answer = requests.post(url, json=body, timeout=30)
    if answer.status_code != 409:
        answer.raise_for_status()


def _credentials(endpoints: dict[str, Any], device: str, folder: Path) -> None:
    password, salt = secrets.token_hex(16), secrets.token_bytes(16)
    digest = base64.b64encode(hashlib.sha256(salt + password.encode()).digest()).decode()
    secret = {"hash-function": "sha-256", "pwd-hash": digest, "salt": base64.b64encode(salt).decode()}
    login = {"type": "hashed-password", "auth-id": names.auth_id(device), "secrets": [secret]}
    url = f"{endpoints['hono_registry_url']}/credentials/{SITE}/{device}"
    requests.put(url, json=[login], timeout=30).raise_for_status()
    folder.mkdir(parents=True)
    data = {
        "host": endpoints["hono_mqtt_host"], "port": str(endpoints["hono_mqtt_port"]),
        "username": f"{names.auth_id(device)}@{SITE}", "password": password, "tenant": SITE, "deviceId": device,
        "httpUrl": endpoints["hono_http_url"],
    }  # fmt: skip
    for key, value in data.items():
        (folder / key).write_text(value)
        (folder / key).chmod(0o600)
