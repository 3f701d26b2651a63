"""Who is calling: pre-authenticated subjects, and the devops user.

The header is trusted, as in a Ditto with pre-authentication enabled behind its own proxy: listen on loopback only.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from ditto_lite.errors import error

HEADER = "x-ditto-pre-authenticated"


def subjects_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Subjects of a request.

    Raises:
        DittoError: 401, no or malformed header.
    """
    value = headers.get(HEADER)
    if value is None:
        raise error("gateway:authentication.failed", reason="No applicable authentication provider was found!")
    subjects = tuple(part.strip() for part in value.split(",") if part.strip())
    if not subjects or not all(part.partition(":")[2] for part in subjects):
        raise error(
            "gateway:authentication.failed",
            reason=f"Failed to extract AuthorizationSubjects from pre-authenticated header value <{value}>!",
        )
    return subjects


def check_devops(headers: Mapping[str, str], user: str, password: str | None) -> tuple[str, ...]:
    """Subjects of a request to connections or /devops. With a password set, basic authentication is asked for.

    Raises:
        DittoError: 401.
    """
    if password is None:
        return subjects_of(headers)
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        given = ""
    if not hmac.compare_digest(given.encode(), f"{user}:{password}".encode()):
        raise error("gateway:authentication.failed", reason="Invalid credentials!")
    return (f"devops:{user}",)
