"""Rotation of a device's password. Pure: time is passed in, in epoch milliseconds.

A new value of the annotation `racktwin.io/rotate-credentials` on a resource gives each of its devices a new password.
The old one stays valid beside it, in the Secret as `previousPassword` and at Hono with `not-after`, until

- the grace time is over: Hono itself then refuses it, also while the operator is away; or
- somebody who knows says that the device uses the new one, by writing the rotation's value into the Secret's
  annotation `racktwin.io/credentials-in-use`. It must be said: neither Hono's messages nor its registry tell with
  which of two valid passwords a device came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from rack_operator.desired.ownership import ANNOTATION_GRACE, ANNOTATION_IN_USE, ANNOTATION_ROTATE


@dataclass(frozen=True, slots=True)
class Login:
    """A device's passwords. `rotation` is the annotation's value that `password` was made for; `previous` is valid
    until `until` (RFC 3339)."""

    password: str
    rotation: str = ""
    previous: str | None = None
    until: str | None = None


def next_login(
    held: Login, wanted: str, *, in_use: str | None, fresh_password: str, now_ms: int, grace_s: float
) -> Login:
    """What the passwords are to be: rotated, with the previous one dropped, or as they are."""
    if wanted and wanted != held.rotation:
        until = rfc3339(now_ms + int(grace_s * 1000))
        return Login(fresh_password, wanted, held.password, until)
    if held.previous is not None and (in_use == held.rotation or _over(held.until, now_ms)):
        return Login(held.password, held.rotation)
    return held


def notes_of(login: Login) -> dict[str, str | None]:
    """Annotations of the Secret that say so; None for those that must not be there."""
    rotated: str | None = login.rotation or None
    kept = {} if login.previous is not None else {ANNOTATION_IN_USE: None}
    return {ANNOTATION_ROTATE: rotated, ANNOTATION_GRACE: login.until, **kept}


def rfc3339(at_ms: int) -> str:
    """A time to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _over(until: str | None, now_ms: int) -> bool:
    try:
        end = datetime.fromisoformat(until or "")
    except ValueError:
        return True
    return end.timestamp() * 1000 <= now_ms
