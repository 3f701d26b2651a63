"""Hashed credentials and how their drift is seen in both versions of the registry."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from rack_operator.desired.devices import Device, credentials, credentials_match, fingerprint
from rack_operator.desired.rotation import Login

DEVICE = Device("lab", "rack", "r1", ("racktwin.lab:gateway-main",))
SALT = b"0123456789abcdef"


def hidden(body: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The credentials as Hono 2.x shows them."""
    return [
        {
            **entry,
            "secrets": [
                {"id": "1", **{k: secret[k] for k in ("comment", "not-after") if k in secret}}
                for secret in entry["secrets"]
            ],
        }
        for entry in body
    ]


def test_the_hash_is_sha_256_over_salt_and_password() -> None:
    (entry,) = credentials(DEVICE, Login("secret"), [SALT])
    (held,) = entry["secrets"]
    assert held["hash-function"] == "sha-256"
    assert base64.b64decode(held["pwd-hash"]) == hashlib.sha256(SALT + b"secret").digest()
    assert base64.b64decode(held["salt"]) == SALT
    assert entry["auth-id"] == "racktwin.lab_rack-r1"
    assert "secret" not in {held["pwd-hash"], held["comment"], entry["ext"]["fingerprint"]}


@pytest.mark.parametrize("seen", [lambda body: body, hidden], ids=["1.0.3", "2.x"])
def test_the_right_password_matches_and_another_does_not(seen: Any) -> None:
    body = credentials(DEVICE, Login("secret"), [SALT])
    assert credentials_match(DEVICE, Login("secret"), seen(body))
    assert not credentials_match(DEVICE, Login("other"), seen(body))
    assert not credentials_match(DEVICE, Login("secret"), [])
    assert not credentials_match(DEVICE, Login("secret"), seen(body) * 2)
    assert not credentials_match(DEVICE, Login("secret"), [{**seen(body)[0], "enabled": False}])
    assert not credentials_match(DEVICE, Login("secret"), [{**seen(body)[0], "auth-id": "x"}])


def test_a_replaced_hash_is_seen_in_1_0_3() -> None:
    body = credentials(DEVICE, Login("secret"), [SALT])
    body[0]["secrets"][0]["pwd-hash"] = base64.b64encode(b"x" * 32).decode()
    assert not credentials_match(DEVICE, Login("secret"), body)
    body[0]["secrets"][0]["salt"] = "not base64!"
    assert not credentials_match(DEVICE, Login("secret"), body)


def test_a_replaced_secret_is_seen_in_2_x() -> None:
    body = hidden(credentials(DEVICE, Login("secret"), [SALT]))
    body[0]["secrets"] = [{"id": "2"}]
    assert not credentials_match(DEVICE, Login("secret"), body)


def test_a_limited_secret_is_drift() -> None:
    body = credentials(DEVICE, Login("secret"), [SALT])
    body[0]["secrets"][0]["not-after"] = "2030-01-01T00:00:00Z"
    assert not credentials_match(DEVICE, Login("secret"), body)


@pytest.mark.parametrize("seen", [lambda body: body, hidden], ids=["1.0.3", "2.x"])
def test_two_passwords_match_in_any_order_and_the_old_one_ends(seen: Any) -> None:
    login = Login("new", "1", "old", "2030-01-01T00:00:00Z")
    body = credentials(DEVICE, login, [SALT, SALT[::-1]])
    new, old = body[0]["secrets"]
    assert "not-after" not in new
    assert old["not-after"] == "2030-01-01T00:00:00Z"
    body[0]["secrets"].reverse()
    assert credentials_match(DEVICE, login, seen(body))
    # Registries write the same time in other ways.
    old["not-after"] = "2030-01-01T00:00:00+00:00"
    assert credentials_match(DEVICE, login, seen(body))
    assert not credentials_match(DEVICE, Login("new", "1"), seen(body))
    old["not-after"] = "2031-01-01T00:00:00Z"
    assert not credentials_match(DEVICE, login, seen(body))


def test_fingerprints_differ_by_device_and_password() -> None:
    assert len({fingerprint("a", "x"), fingerprint("a", "y"), fingerprint("b", "x")}) == 3
