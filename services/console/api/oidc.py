"""Signing in at the organisation's provider, and coming back.

Browsers come here by links, so refusals lead to the page, which explains them.
"""

from __future__ import annotations

import time
from typing import Annotated, Final
from urllib.parse import quote

import structlog
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse
from prometheus_client import Counter
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_302_FOUND, HTTP_404_NOT_FOUND

from console.access import Inside, Services, too_many
from console.api.problems import problems
from console.api.session import is_secure, set_cookie
from console.oidc import Oidc, OidcRefused

router = APIRouter(prefix="/api/v1/oidc", tags=["session"])

_log = structlog.get_logger("console.oidc")
SIGN_INS = Counter("racktwin_console_oidc_sign_ins_total", "Sign-ins at the provider by what came of them.", ["result"])

WAY_COOKIE: Final = "racktwin_sign_in"
_PLACE: Final = "/api/v1/oidc"


@router.get(
    "/begin",
    status_code=302,
    response_class=RedirectResponse,
    responses=problems(404, 422, 429),
)
async def begin(
    request: Request,
    inside: Inside,
    back: Annotated[str, Query(max_length=2000, description="Path to return to.")] = "/",
) -> RedirectResponse:
    """Lead the browser to the provider."""
    oidc = _oidc(inside)
    _slowly(request, inside)
    try:
        url, cookie = await run_in_threadpool(oidc.begin, _redirect_uri(request, inside), back)
    except OidcRefused as refused:
        return _refused(refused)
    answer = RedirectResponse(url, HTTP_302_FOUND)
    # Lax: it must come along when the provider's page leads back here.
    answer.set_cookie(
        WAY_COOKIE,
        cookie,
        max_age=600,
        path=_PLACE,
        secure=is_secure(request, inside),
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(
    "/done",
    status_code=302,
    response_class=RedirectResponse,
    responses=problems(404, 422, 429),
)
async def done(
    request: Request,
    inside: Inside,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str | None, Query(max_length=4000)] = None,
    error: Annotated[str | None, Query(max_length=500)] = None,
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> RedirectResponse:
    """Where the provider leads the browser back to: begins the session and leads to the page."""
    oidc = _oidc(inside)
    _slowly(request, inside)
    said = {"state": state, "code": code, "error": error, "iss": iss}
    answer = {name: value for name, value in said.items() if value is not None}
    way = request.cookies.get(WAY_COOKIE)
    try:
        person = await run_in_threadpool(oidc.finish, answer, way, _redirect_uri(request, inside))
    except OidcRefused as refused:
        return _refused(refused)
    _, cookie = inside.sessions.begin(person.name, person.role, person.sites, local=False)
    _log.info("signed in", user=person.name, role=person.role, sites=person.sites, way="oidc")
    SIGN_INS.labels("signed in").inc()
    back = RedirectResponse(person.back, HTTP_302_FOUND)
    set_cookie(back, cookie, inside, secure=is_secure(request, inside))
    back.delete_cookie(WAY_COOKIE, path=_PLACE)
    return back


def _oidc(inside: Services) -> Oidc:
    if inside.oidc is None:
        raise HTTPException(HTTP_404_NOT_FOUND, "oidc: this console has no provider")
    return inside.oidc


def _redirect_uri(request: Request, inside: Services) -> str:
    origin = inside.settings.console_origin or f"{request.url.scheme}://{request.headers.get('host', '')}"
    return f"{origin.rstrip('/')}{_PLACE}/done"


def _slowly(request: Request, inside: Services) -> None:
    caller = request.client.host if request.client else "?"
    wait = inside.ways.admit(caller, time.monotonic())
    if wait:
        raise too_many(wait)


def _refused(refused: OidcRefused) -> RedirectResponse:
    _log.warning("no sign-in", reason=refused.reason, why=str(refused))
    SIGN_INS.labels(refused.reason).inc()
    answer = RedirectResponse(f"/?signin={quote(refused.reason)}", HTTP_302_FOUND)
    answer.delete_cookie(WAY_COOKIE, path=_PLACE)
    return answer
