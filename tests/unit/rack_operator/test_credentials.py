"""Hashed credentials and how their drift is seen in both versions of the registry."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from rack_operator.desired.devices import Device, credentials, credentials_match, fingerprint

DEVICE = Device("lab", "rack", "r1", ("racktwin.lab:gateway-main",))
SALT = b"0123456789abcdef"


def hidden(body: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The credentials as Hono 2.x shows them."""
    return [
        {**entry, "secrets": [{"id": "1", "comment": secret["comment"]} for secret in entry["secrets"]]}
        for entry in body
    ]


def test_the_hash_is_sha_256_over_salt_and_password() -> None:
    (entry,) = credentials(DEVICE, "secret", SALT)
    (held,) = entry["secrets"]
    assert held["hash-function"] == "sha-256"
    assert base64.b64decode(held["pwd-hash"]) == hashlib.sha256(SALT + b"secret").digest()
    assert base64.b64decode(held["salt"]) == SALT
    assert entry["auth-id"] == "racktwin.lab_rack-r1"
    assert "secret" not in {held["pwd-hash"], held["comment"], entry["ext"]["fingerprint"]}


@pytest.mark.parametrize("seen", [lambda body: body, hidden], ids=["1.0.3", "2.x"])
def test_the_right_password_matches_and_another_does_not(seen: Any) -> None:
    body = credentials(DEVICE, "secret", SALT)
    assert credentials_match(DEVICE, "secret", seen(body))
    assert not credentials_match(DEVICE, "other", seen(body))
    assert not credentials_match(DEVICE, "secret", [])
    assert not credentials_match(DEVICE, "secret", seen(body) * 2)
    assert not credentials_match(DEVICE, "secret", [{**seen(body)[0], "enabled": False}])
    assert not credentials_match(DEVICE, "secret", [{**seen(body)[0], "auth-id": "x"}])


def test_a_replaced_hash_is_seen_in_1_0_3() -> None:
    body = credentials(DEVICE, "secret", SALT)
    body[0]["secrets"][0]["pwd-hash"] = base64.b64encode(b"x" * 32).decode()
    assert not credentials_match(DEVICE, "secret", body)
    body[0]["secrets"][0]["salt"] = "not base64!"
    assert not credentials_match(DEVICE, "secret", body)


def test_a_replaced_secret_is_seen_in_2_x() -> None:
    body = hidden(credentials(DEVICE, "secret", SALT))
    body[0]["secrets"] = [{"id": "2"}]
    assert not credentials_match(DEVICE, "secret", body)


def test_a_limited_secret_is_drift() -> None:
    body = credentials(DEVICE, "secret", SALT)
    body[0]["secrets"][0]["not-after"] = "2030-01-01T00:00:00Z"
    assert not credentials_match(DEVICE, "secret", body)


def test_fingerprints_differ_by_device_and_password() -> None:
    assert len({fingerprint("a", "x"), fingerprint("a", "y"), fingerprint("b", "x")}) == 3
