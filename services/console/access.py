"""Who may do what: every request below ``/api`` passes here.

Session by cookie; changing requests also need the session's token in ``X-CSRF-Token`` and, where a browser says where
it comes from, our own origin. Sites and roles are checked per route. Routes and what they depend upon run in the event
loop, to which the fleets belong; what waits goes to a thread. Next: the routes in `api`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request, Security
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyCookie, APIKeyHeader
from starlette.status import (
    HTTP_401_UNAUTHORIZED,
    HTTP_403_FORBIDDEN,
    HTTP_404_NOT_FOUND,
    HTTP_429_TOO_MANY_REQUESTS,
)

from console.audit import Journal
from console.history import History
from console.limits import Limiter
from console.live import Hub
from console.oidc import Oidc
from console.questions import Questions
from console.scenarios import Scenarios
from console.sessions import COOKIE, CSRF_HEADER, Session, Sessions
from console.settings import ConsoleSettings
from console.users import ROLES, LocalUsers, Role
from racktwin.ditto_client import DittoClient
from racktwin.fleet import Fleet
from racktwin.twin_feed import TwinFeed

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
# For the documentation; who is there is found below.
_COOKIE: Final = APIKeyCookie(name=COOKIE, scheme_name="session", auto_error=False)
_TOKEN: Final = APIKeyHeader(
    name=CSRF_HEADER,
    scheme_name="csrf",
    description="The session's `csrf`, with every changing request.",
    auto_error=False,
)


@dataclass
class Services:
    """What the routes work with."""

    settings: ConsoleSettings
    sessions: Sessions
    users: LocalUsers | None
    feed: TwinFeed
    hub: Hub
    history: History
    ditto: Callable[[], DittoClient]
    clock: Callable[[], int]
    journal: Journal
    questions: Questions
    scenarios: Scenarios | None = None
    oidc: Oidc | None = None
    logins: Limiter = field(init=False)
    ways: Limiter = field(init=False)
    requests: Limiter = field(init=False)

    def __post_init__(self) -> None:
        self.logins = Limiter(self.settings.console_logins_per_minute / 60, self.settings.console_logins_per_minute)
        # There and back is two requests, nothing is guessed at here, and a whole office may have one address.
        self.ways = Limiter(1, 20)
        rate = self.settings.console_requests_per_second
        self.requests = Limiter(rate, 2 * rate)


def services_of(connection: HTTPConnection) -> Services:
    """The process's services."""
    found: Services = connection.app.state.services
    return found


async def _services(connection: HTTPConnection) -> Services:
    return services_of(connection)


Inside = Annotated[Services, Depends(_services)]


def same_origin(connection: HTTPConnection, settings: ConsoleSettings) -> bool:
    """Whether a browser sends this from our own page; a client that is no browser says nothing."""
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    if settings.console_origin is not None:
        return origin == settings.console_origin.rstrip("/")
    return origin.split("://", 1)[-1] == connection.headers.get("host")


def present(connection: HTTPConnection, inside: Services) -> Session | None:
    """The session of a request, with the user's role and sites of now; None when there is none."""
    session = inside.sessions.read(connection.cookies.get(COOKIE))
    if session is None or not session.local:
        return session
    user = inside.users.get(session.user) if inside.users else None
    if user is None:
        return None
    return Session(session.user, user.role, tuple(user.sites), session.csrf)


async def signed_in(
    request: Request,
    inside: Inside,
    _cookie: Annotated[str | None, Security(_COOKIE)] = None,
    _token: Annotated[str | None, Security(_TOKEN)] = None,
) -> Session:
    """The session; 401 without one, 403 for a changing request that cannot show it comes from our page, 429 for too
    many."""
    session = present(request, inside)
    if session is None:
        raise HTTPException(HTTP_401_UNAUTHORIZED, "sign in first: POST /api/v1/session")
    if request.method not in _SAFE:
        if not same_origin(request, inside.settings):
            raise HTTPException(HTTP_403_FORBIDDEN, "origin: expected the console's own page")
        if request.headers.get(CSRF_HEADER) != session.csrf:
            raise HTTPException(HTTP_403_FORBIDDEN, f"{CSRF_HEADER}: expected the token that GET /api/v1/session gives")
    wait = inside.requests.admit(session.user, time.monotonic())
    if wait:
        raise too_many(wait)
    return session


def too_many(wait_s: float) -> HTTPException:
    """429 with when to come again."""
    return HTTPException(
        HTTP_429_TOO_MANY_REQUESTS,
        f"too many requests: try again in {wait_s:.0f} s"
        if wait_s >= 1
        else "too many requests: try again in a moment",
        headers={"Retry-After": str(max(1, round(wait_s)))},
    )


Here = Annotated[Session, Depends(signed_in)]


def needs(role: Role) -> Callable[[Session], Awaitable[Session]]:
    """A session of this role or a higher one."""

    async def check(session: Here) -> Session:
        if ROLES.index(session.role) < ROLES.index(role):
            raise HTTPException(HTTP_403_FORBIDDEN, f"role: this needs {role}; {session.user} is {session.role}")
        return session

    return check


Operator = Annotated[Session, Depends(needs("operator"))]
Engineer = Annotated[Session, Depends(needs("engineer"))]


async def visible(site: str, session: Here, inside: Inside) -> Fleet:
    """The site of a route; one that the user may not see is as one that does not exist."""
    fleet = inside.feed.fleets.get(site)
    if fleet is None or not session.may_see(site):
        raise HTTPException(HTTP_404_NOT_FOUND, f"site: there is no {site}")
    return fleet


Visible = Annotated[Fleet, Depends(visible)]
