"""Writing to twins for a person: one PUT, with Ditto's refusal as the page's."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException
from starlette.status import HTTP_502_BAD_GATEWAY

from console.access import Services
from racktwin.ditto_client import DittoError


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
