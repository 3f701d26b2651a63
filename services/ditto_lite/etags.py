"""Entity tags and the preconditions that name them (RFC 9110, as Ditto applies it).

A thing or policy as a whole has ``"rev:<revision>"``; a part of one has ``"hash:<hex>"`` of its value. Ditto's hash is
Java's; ours is a CRC, so only equality has a meaning. Pure. Next: :mod:`ditto_lite.things`.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from ditto_lite.errors import DittoError, error
from ditto_lite.pointers import MISSING

_encode = msgspec.json.Encoder().encode


def of_revision(revision: int) -> str:
    """Tag of a whole entity."""
    return f'"rev:{revision}"'


def of_value(value: Any) -> str:
    """Tag of a part. Equal values have equal tags: keys are taken in order."""
    return f'"hash:{zlib.crc32(msgspec.json.encode(value, order="sorted")):x}"'


def _matches(header: str, etag: str | None) -> bool:
    if etag is None:
        return False
    return header.strip() == "*" or any(tag.strip() == etag for tag in header.split(","))


def check(headers: dict[str, Any], etag: str | None, resource: str) -> None:
    """Apply ``if-match`` and ``if-none-match`` of a command that changes something.

    Raises:
        DittoError: 412, with the actual tag.
    """
    wanted = headers.get("if-match")
    if wanted is not None and not _matches(str(wanted), etag):
        raise _failed("if-match", str(wanted), etag, resource)
    unwanted = headers.get("if-none-match")
    if unwanted is not None and _matches(str(unwanted), etag):
        raise _failed("if-none-match", str(unwanted), etag, resource)


def not_modified(headers: dict[str, Any], etag: str | None, resource: str) -> bool:
    """Whether a read is to be answered with 304.

    Raises:
        DittoError: 412, when its ``if-match`` does not hold.
    """
    wanted = headers.get("if-match")
    if wanted is not None and not _matches(str(wanted), etag):
        raise _failed("if-match", str(wanted), etag, resource)
    unwanted = headers.get("if-none-match")
    return unwanted is not None and _matches(str(unwanted), etag)


def _failed(header: str, value: str, etag: str | None, resource: str) -> DittoError:
    code = "policies:precondition.failed" if resource == "Policy" else "things:precondition.failed"
    return error(code, header=header, value=value, actual=etag or "null", resource=resource, etag=etag)


def equal_failed() -> DittoError:
    """412 for ``if-equal: skip`` when nothing would change."""
    return error(
        "things:precondition.failed",
        message="The previous value was equal to the new value and the 'if-equal' header was set to 'skip'.",
        description="Your changes were not applied, which is probably the expected outcome.",
    )


def size_of(value: Any) -> int:
    """Bytes of a value as JSON."""
    return 0 if value is MISSING else len(_encode(value))
