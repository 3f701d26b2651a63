"""Signatures of requests as the Standard Webhooks specification has them: HMAC-SHA256 over id, time and body. Pure.

The receiver makes the same over what it got, compares, and refuses what is older than a few minutes. The time is that
of the attempt.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
_PREFIX = "whsec_"


def headers(secret: str, identity: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of a signed request."""
    return {ID: identity, TIMESTAMP: str(at_s), SIGNATURE: f"v1,{_digest(secret, identity, at_s, body)}"}


def valid(secret: str, received: Mapping[str, str], body: bytes, now_s: int, tolerance_s: int = 300) -> bool:
    """Whether a received request is ours and fresh; for receivers in Python, and for tests."""
    try:
        at_s = int(received[TIMESTAMP])
        given = [part.removeprefix("v1,") for part in received[SIGNATURE].split(" ") if part.startswith("v1,")]
        wanted = _digest(secret, received[ID], at_s, body)
    except (KeyError, ValueError):
        return False
    fresh = abs(now_s - at_s) <= tolerance_s
    return fresh and any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given)


def _digest(secret: str, identity: str, at_s: int, body: bytes) -> str:
    signed = f"{identity}.{at_s}.".encode() + body
    return base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    """The key in a secret; those of the specification's own libraries are base64 after a prefix."""
    if secret.startswith(_PREFIX):
        return base64.b64decode(secret.removeprefix(_PREFIX))
    return secret.encode()
