"""Packs to Hono's HTTP adapter, each with its server's own login, in order; kept while the adapter is away.

What waits is bounded: the oldest are dropped, and counted. Next in the flow: Hono.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Final, Protocol

import requests
import structlog

from nodes import metrics
from nodes.packs import Pack
from racktwin.device_credentials import Credentials, CredentialsMissing
from racktwin.names import device_secret
from racktwin.senml import CONTENT_TYPE

_TIMEOUT_S: Final = 10.0
# Refusals of the message itself: sending it again would end the same way.
_UNACCEPTABLE: Final = (400, 413, 415)


class Logins(Protocol):
    """Where logins come from."""

    def read(self, name: str) -> Credentials:
        """See :meth:`nodes.cluster.Racks.read`."""


class Uplink:
    """Sends packs. Called from one thread."""

    def __init__(self, logins: Logins, backlog: int, log: structlog.stdlib.BoundLogger) -> None:
        self._logins, self._backlog, self._log = logins, backlog, log
        self._waiting: deque[Pack] = deque()
        self._known: dict[str, Credentials] = {}
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy for the internet is none for the adapter
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True

    def offer(self, pack: Pack) -> None:
        """Take a pack."""
        if len(self._waiting) >= self._backlog:
            self._waiting.popleft()
            metrics.DROPPED.labels("backlog_full").inc()
        self._waiting.append(pack)

    def flush(self) -> str:
        """Send what waits, in its order; why something still waits, or empty.

        A server that has no login yet, or whose login is refused, does not keep the others waiting.
        """
        later: list[Pack] = []
        stuck: dict[str, str] = {}
        away = ""
        while self._waiting and not away:
            pack = self._waiting.popleft()
            problem = stuck.get(pack.server)
            if problem is None:
                problem, away = self._send(pack)
            if problem or away:
                later.append(pack)
                stuck[pack.server] = problem
        self._waiting.extendleft(reversed(later))
        metrics.BACKLOG.set(len(self._waiting))
        return away or next((problem for problem in stuck.values() if problem), "")

    def _send(self, pack: Pack) -> tuple[str, str]:
        """(what is wrong with this server, why nobody can send now); both empty when the adapter has it."""
        try:
            login = self._known.get(pack.server) or self._logins.read(device_secret("server", pack.server))
        except CredentialsMissing as error:
            return str(error), ""
        self._known[pack.server] = login
        try:
            answer = self._session.post(
                f"{login.http_url}/telemetry",
                data=pack.payload,
                auth=(login.username, login.password),
                headers={"Content-Type": CONTENT_TYPE, "qos-level": "1"},
                timeout=_TIMEOUT_S,
            )
        except requests.RequestException as error:
            return "", f"HTTP adapter {login.http_url}: {type(error).__name__}"
        if answer.ok:
            metrics.SENT.inc()
            metrics.READINGS.inc(pack.readings)
            return "", ""
        if answer.status_code in _UNACCEPTABLE:
            metrics.DROPPED.labels(f"refused_{answer.status_code}").inc()
            self._log.error("message refused", server=pack.server, status=answer.status_code, said=answer.text[:200])
            return "", ""
        # Read anew next time: a password may have been rotated.
        del self._known[pack.server]
        if answer.status_code in {401, 403, 404}:
            return f"server {pack.server}: the HTTP adapter says {answer.status_code} to {login.username}", ""
        return "", f"HTTP adapter {login.http_url}: {answer.status_code}"
