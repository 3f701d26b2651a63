"""What a person changes: told to the audit first, then one PUT to a twin, with Ditto's refusal as the page's."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException
from starlette.status import HTTP_502_BAD_GATEWAY, HTTP_503_SERVICE_UNAVAILABLE

from console.access import Services
from console.audit import AuditUnavailable
from console.sessions import Session
from racktwin.commands import Audit
from racktwin.ditto_client import DittoError
from racktwin.fleet import Fleet
from racktwin.names import ThingId


def note(
    inside: Services, fleet: Fleet, session: Session, thing: str, *, event: str, subject: str, detail: str = ""
) -> None:
    """Tell the audit what a person is about to do to a thing; ``subject`` is what it is done with, by name or id.

    Raises:
        HTTPException: 503, Kafka does not take it.
    """
    record = Audit(
        thing=thing,
        at=inside.clock(),
        event=event,
        id=subject,
        origin="console",
        who=session.user,
        kind=ThingId.parse(thing).kind,
        room=fleet.room_of(thing),
        detail=detail,
        action=True,
        v=1,
    )
    try:
        inside.journal.note(record)
    except AuditUnavailable as error:
        text = f"audit: {error}; nothing was done, try again in a moment"
        raise HTTPException(HTTP_503_SERVICE_UNAVAILABLE, text) from error


def write(inside: Services, path: str, body: Any) -> None:
    """Put a value.

    Raises:
        HTTPException: 502, Ditto is away or refuses.
    """
    try:
        response = inside.ditto().request("PUT", path, json=body)
    except DittoError as error:
        raise HTTPException(HTTP_502_BAD_GATEWAY, str(error)) from error
    if not response.ok:
        raise HTTPException(HTTP_502_BAD_GATEWAY, f"Ditto answered {response.status_code}: {response.text[:200]}")
