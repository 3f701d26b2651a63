"""Webhooks: NetBox's signature is the only way in."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from fastapi.testclient import TestClient

from dcim.receiver import LARGEST, build, signature

SECRET = "a secret of sixteen characters"


class Got:
    def __init__(self) -> None:
        self.hooks: list[tuple[str, str]] = []
        self.results: list[str] = []
        self.client = TestClient(
            build(SECRET, lambda event, model: self.hooks.append((event, model)), self.results.append)
        )

    def post(self, body: bytes, signed: str | None) -> int:
        headers = {"Content-Type": "application/json"} | ({"X-Hook-Signature": signed} if signed is not None else {})
        return int(self.client.post("/netbox", content=body, headers=headers).status_code)


@pytest.fixture
def got() -> Got:
    return Got()


BODY = json.dumps({"event": "updated", "model": "rack", "data": {"id": 3}, "username": "x"}).encode()


def test_a_signed_hook_is_taken(got: Got) -> None:
    # As NetBox does it: HMAC-SHA512 of the body, in hex.
    signed = hmac.new(SECRET.encode("utf8"), BODY, hashlib.sha512).hexdigest()
    assert signature(BODY, SECRET) == signed
    assert got.post(BODY, signed) == 202
    assert got.hooks == [("updated", "rack")] and got.results == ["accepted"]


@pytest.mark.parametrize(
    ("body", "signed", "status", "result"),
    [
        (BODY, None, 401, "unsigned"),
        (BODY, "0" * 128, 401, "unsigned"),
        (BODY + b" ", signature(BODY, SECRET), 401, "unsigned"),
        (BODY, signature(BODY, "another secret that is long"), 401, "unsigned"),
        (b"[]", signature(b"[]", SECRET), 400, "malformed"),
        (b"\xff", signature(b"\xff", SECRET), 400, "malformed"),
        (b"x" * (LARGEST + 1), "", 413, "too_large"),
    ],
)
def test_others_are_refused(got: Got, body: bytes, signed: str | None, status: int, result: str) -> None:
    assert got.post(body, signed) == status
    assert got.hooks == [] and got.results == [result]
