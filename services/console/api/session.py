"""Coming in and leaving."""

from __future__ import annotations

import time
from typing import Annotated

import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_401_UNAUTHORIZED, HTTP_403_FORBIDDEN

from console.access import Here, Inside, Services, same_origin, too_many
from console.api.bodies import Body
from console.api.problems import problems
from console.sessions import COOKIE, Session
from racktwin import __version__

router = APIRouter(prefix="/api/v1", tags=["session"])

_log = structlog.get_logger("console.session")


class Login(Body):
    """Name and password of a local user."""

    user: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class Me(BaseModel):
    """Who is signed in, and what the page needs to know."""

    user: str
    role: str
    sites: list[str]
    csrf: str
    version: str
    grafana: str | None
    ditto_ui: str | None


class Ways(BaseModel):
    """How one can sign in here."""

    local: bool
    oidc: bool


@router.get("/ways")
async def ways(inside: Inside) -> Ways:
    """Ways to sign in."""
    return Ways(local=inside.users is not None, oidc=inside.oidc is not None)


@router.post("/session", status_code=201, responses=problems(401, 403, 422, 429))
async def sign_in(login: Login, request: Request, response: Response, inside: Inside) -> Me:
    """Sign in as a local user; sets the session's cookie."""
    if not same_origin(request, inside.settings):
        raise HTTPException(HTTP_403_FORBIDDEN, "origin: expected the console's own page")
    caller = request.client.host if request.client else "?"
    # By address and by name: neither one address nor many may guess at one user's password.
    for key in (f"address {caller}", f"user {login.user}"):
        wait = inside.logins.admit(key, time.monotonic())
        if wait:
            raise too_many(wait)
    user = await run_in_threadpool(inside.users.verify, login.user, login.password) if inside.users else None
    if user is None:
        _log.warning("no sign-in", user=login.user, address=caller)
        raise HTTPException(HTTP_401_UNAUTHORIZED, "wrong name or password")
    _log.info("signed in", user=user.name, role=user.role, address=caller, way="local")
    session, cookie = inside.sessions.begin(user.name, user.role, tuple(user.sites))
    set_cookie(response, cookie, inside, secure=is_secure(request, inside))
    return _me(session, inside)


@router.get("/session", responses=problems(401, 429))
async def who(session: Here, inside: Inside) -> Me:
    """Who is signed in."""
    return _me(session, inside)


@router.delete("/session", status_code=204, responses=problems(401, 403, 429))
async def sign_out(session: Here, response: Response) -> None:
    """Leave."""
    _log.info("signed out", user=session.user)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def is_secure(request: Request, inside: Services) -> bool:
    """Whether browsers reach us by HTTPS."""
    origin = inside.settings.console_origin
    return origin.startswith("https:") if origin else request.url.scheme == "https"


def set_cookie(response: Response, cookie: str, inside: Services, *, secure: bool) -> None:
    """Give the browser the session. Strict also after a provider's page: the page itself needs no session."""
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=inside.sessions.max_age_s,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def _me(session: Session, inside: Services) -> Me:
    return Me(
        user=session.user,
        role=session.role,
        sites=sorted(site for site in inside.feed.fleets if session.may_see(site)),
        csrf=session.csrf,
        version=__version__,
        grafana=inside.settings.console_grafana_url,
        ditto_ui=inside.settings.console_ditto_ui_url,
    )
