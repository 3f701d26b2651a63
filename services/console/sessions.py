"""Sessions in signed cookies: no store, so any replica can serve any request.

The cookie holds name, role, sites and a token that every changing request must repeat in a header; another site's page
can make a browser send the cookie's neighbourhood but never read the token.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Final

from itsdangerous import BadSignature, URLSafeTimedSerializer

from console.users import Role

COOKIE: Final = "racktwin_session"
CSRF_HEADER: Final = "x-csrf-token"
_SHORTEST_KEY: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Who is there. ``local`` users are looked up again with every request; those of an issuer are not."""

    user: str
    role: Role
    sites: tuple[str, ...]
    csrf: str
    local: bool = True

    def may_see(self, site: str) -> bool:
        """Whether the site is among the user's."""
        return "*" in self.sites or site in self.sites


class Sessions:
    """Makes and reads cookies."""

    def __init__(self, key: str, hours: float) -> None:
        """
        Raises:
            ValueError: the key is too short to be one.
        """
        if len(key) < _SHORTEST_KEY:
            raise ValueError(
                f"RACKTWIN_CONSOLE_SESSION_KEY: expected at least {_SHORTEST_KEY} characters; make one with "
                "`python -c 'import secrets; print(secrets.token_urlsafe(48))'`"
            )
        self.max_age_s = int(hours * 3600)
        self._signer = URLSafeTimedSerializer(key, salt="racktwin-console-session")

    def begin(self, user: str, role: Role, sites: tuple[str, ...], *, local: bool = True) -> tuple[Session, str]:
        """A new session and its cookie."""
        session = Session(user, role, sites, secrets.token_urlsafe(24), local)
        return session, self._signer.dumps(asdict(session))

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie, or None: there is none, it is not ours, or it is over."""
        if not cookie:
            return None
        try:
            data = self._signer.loads(cookie, max_age=self.max_age_s)
        except BadSignature:
            return None
        return Session(data["user"], data["role"], tuple(data["sites"]), data["csrf"], data["local"])
