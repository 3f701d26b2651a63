"""Signing in at an organisation's OpenID Connect provider: authorization code flow with PKCE (RFC 7636).

What must survive the way there and back (state, nonce, PKCE's verifier, where the person wanted to go) is in a signed
cookie of ten minutes, so any replica can finish what another began. ID tokens are believed when signature, issuer,
audience, nonce and times hold (OpenID Connect Core 1.0, 3.1.3.7). Next: `api.oidc`, which begins the session.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.settings import ConsoleSettings
from console.users import ROLES, Role

# Signatures by the provider's private key alone: our own secret must never make a token.
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_WAY_S: Final = 600
_LEEWAY_S: Final = 60
_TIMEOUT_S: Final = 10
_KNOWN_FOR_S: Final = 3600
_SHORTEST_PAUSE_S: Final = 10


class OidcRefused(Exception):
    """Nobody signs in by this; ``reason`` is what the page explains: unreachable, expired, refused, untrusted, role."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says it is, with what its claims allow here, and where the person wanted to go."""

    name: str
    role: Role
    sites: tuple[str, ...]
    back: str


@dataclass(frozen=True, slots=True)
class _Provider:
    """The provider's own description of itself, and its keys."""

    issuer: str
    authorization: str
    token: str
    userinfo: str | None
    algorithms: tuple[str, ...]
    post_secret: bool
    keys_url: str
    keys: KeySet
    read_at: float


class Oidc:
    """One provider; safe to use from several threads."""

    def __init__(self, settings: ConsoleSettings, session_key: str) -> None:
        """
        Raises:
            ValueError: the issuer is not reached by HTTPS, or a role is none.
        """
        issuer = (settings.console_oidc_issuer or "").rstrip("/")
        parts = urlsplit(issuer)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError(f"RACKTWIN_CONSOLE_OIDC_ISSUER {issuer!r}: expected https://…")
        unknown = sorted(set(settings.console_oidc_roles.values()) - set(ROLES))
        if unknown:
            raise ValueError(f"RACKTWIN_CONSOLE_OIDC_ROLES: {', '.join(unknown)}: expected {', '.join(ROLES)}")
        self._issuer = issuer
        self._settings = settings
        self._signer = URLSafeTimedSerializer(session_key, salt="racktwin-console-oidc")
        self._lock = threading.Lock()
        self._provider: _Provider | None = None

    def begin(self, redirect_uri: str, back: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie that it brings back.

        Raises:
            OidcRefused: the provider does not answer.
        """
        provider = self._known()
        way = {
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48),
            "back": back if _is_path(back) else "/",
        }
        challenge = base64.urlsafe_b64encode(hashlib.sha256(way["verifier"].encode()).digest()).rstrip(b"=").decode()
        question = {
            "response_type": "code",
            "client_id": self._settings.console_oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.console_oidc_scopes,
            "state": way["state"],
            "nonce": way["nonce"],
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in provider.authorization else "?"
        return f"{provider.authorization}{joint}{urlencode(question)}", str(self._signer.dumps(way))

    def finish(self, answer: Mapping[str, str], cookie: str | None, redirect_uri: str) -> Person:
        """Who came back.

        Raises:
            OidcRefused: the way took too long, was not begun here, or what came back does not hold.
        """
        try:
            way: dict[str, str] = self._signer.loads(cookie or "", max_age=_WAY_S)
        except BadSignature as error:
            raise OidcRefused("expired", f"the sign-in was not begun here or took too long: {error}") from error
        if not secrets.compare_digest(answer.get("state", "").encode(), way["state"].encode()):
            raise OidcRefused("expired", "the state is not the one that was sent")
        if "code" not in answer:
            raise OidcRefused("refused", f"the provider said {answer.get('error', 'nothing')[:200]}")
        # RFC 9207: where the provider names itself, an answer of another one is not for us.
        if answer.get("iss", self._issuer).rstrip("/") != self._issuer:
            raise OidcRefused("untrusted", f"the answer is {answer['iss'][:200]}'s, not {self._issuer}'s")
        provider = self._known()
        tokens = self._redeem(provider, answer["code"], way["verifier"], redirect_uri)
        claims = self._believed(provider, str(tokens.get("id_token", "")), way["nonce"])
        return self._person(self._with_userinfo(provider, claims, tokens.get("access_token")), way["back"])

    def _known(self, *, newer_than: float = 0.0) -> _Provider:
        with self._lock:
            known = self._provider
            now = time.monotonic()
            if known is not None and known.read_at > newer_than and now - known.read_at < _KNOWN_FOR_S:
                return known
            said = self._ask("GET", f"{self._issuer}/.well-known/openid-configuration")
            try:
                if str(said["issuer"]).rstrip("/") != self._issuer:
                    raise OidcRefused("unreachable", f"{self._issuer} calls itself {said['issuer']}")
                ways = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
                supported = said.get("id_token_signing_alg_values_supported", ["RS256"])
                self._provider = _Provider(
                    issuer=str(said["issuer"]),
                    authorization=str(said["authorization_endpoint"]),
                    token=str(said["token_endpoint"]),
                    userinfo=said.get("userinfo_endpoint"),
                    algorithms=tuple(name for name in _ALGORITHMS if name in supported),
                    post_secret="client_secret_basic" not in ways,
                    keys_url=str(said["jwks_uri"]),
                    keys=KeySet.import_key_set(self._ask("GET", str(said["jwks_uri"]))),  # type: ignore[arg-type]
                    read_at=now,
                )
            except (KeyError, TypeError, ValueError, JoseError) as error:
                raise OidcRefused("unreachable", f"{self._issuer} describes itself badly: {error!r}") from error
            return self._provider

    def _redeem(self, provider: _Provider, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        client = self._settings.console_oidc_client_id
        secret = self._settings.console_oidc_client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        if not secret:
            return self._ask("POST", provider.token, form | {"client_id": client})
        if provider.post_secret:
            return self._ask("POST", provider.token, form | {"client_id": client, "client_secret": secret})
        return self._ask("POST", provider.token, form, basic=(client, secret))

    def _believed(self, provider: _Provider, token: str, nonce: str) -> dict[str, Any]:
        try:
            try:
                read = jwt.decode(token, provider.keys, algorithms=list(provider.algorithms))
            except (JoseError, ValueError):
                # Keys change: perhaps it is signed by one that is newer than those we know. With a pause, or anybody
                # could make us ask without end.
                if time.monotonic() - provider.read_at < _SHORTEST_PAUSE_S:
                    raise
                provider = self._known(newer_than=provider.read_at)
                read = jwt.decode(token, provider.keys, algorithms=list(provider.algorithms))
            client = self._settings.console_oidc_client_id
            jwt.JWTClaimsRegistry(
                now=int(time.time()),
                leeway=_LEEWAY_S,
                iss={"essential": True, "value": provider.issuer},
                aud={"essential": True, "value": client},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(read.claims)
            party = read.claims.get("azp")
            if party is not None and party != client:
                raise OidcRefused("untrusted", f"ID token: azp is {party}, not {client}")
            return dict(read.claims)
        except (JoseError, ValueError) as error:
            raise OidcRefused("untrusted", f"ID token: {error}") from error

    def _with_userinfo(self, provider: _Provider, claims: dict[str, Any], access: object) -> dict[str, Any]:
        """Some providers tell of roles in userinfo alone."""
        wanted = (self._settings.console_oidc_role_claim, self._settings.console_oidc_sites_claim)
        if provider.userinfo is None or not isinstance(access, str):
            return claims
        if all(not name or _claim(claims, name) is not None for name in wanted):
            return claims
        more = self._ask("GET", provider.userinfo, bearer=access)
        if more.get("sub") != claims["sub"]:
            raise OidcRefused("untrusted", "userinfo is of somebody else")
        return more | claims

    def _person(self, claims: dict[str, Any], back: str) -> Person:
        settings = self._settings
        said = _texts(_claim(claims, settings.console_oidc_role_claim))
        mapped = [settings.console_oidc_roles.get(each) for each in said] if settings.console_oidc_roles else said
        roles: list[Role] = [role for role in ROLES if role in mapped]
        name = str(_claim(claims, settings.console_oidc_name_claim) or claims.get("email") or claims["sub"])[:100]
        if not roles:
            raise OidcRefused("role", f"{name}: claim {settings.console_oidc_role_claim} gives no role here")
        if settings.console_oidc_sites_claim:
            sites = tuple(_texts(_claim(claims, settings.console_oidc_sites_claim)))
        else:
            sites = ("*",)
        return Person(name, roles[-1], sites, back)

    def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        *,
        basic: tuple[str, str] | None = None,
        bearer: str | None = None,
    ) -> dict[str, Any]:
        headers = {"accept": "application/json"}
        if bearer is not None:
            headers["authorization"] = f"Bearer {bearer}"
        try:
            response = requests.request(
                method, url, data=form, auth=basic, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False
            )
            if response.status_code != requests.codes.ok:
                raise OidcRefused("refused" if form else "unreachable", f"{url} answered {response.status_code}")
            said = response.json()
        except (requests.RequestException, json.JSONDecodeError) as error:
            raise OidcRefused("unreachable", f"{url}: {error}") from error
        if not isinstance(said, dict):
            raise OidcRefused("unreachable", f"{url}: expected a JSON object")
        return said


def _is_path(back: str) -> bool:
    """Whether it is a path of our page, and no way to another site."""
    return back.startswith("/") and not back.startswith(("//", "/\\", "/api/")) and back.isprintable()


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by a path such as ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
