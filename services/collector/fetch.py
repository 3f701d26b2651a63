"""HTTP to devices: the standard library's client in a few threads, kept alive, with TLS that is checked.

A larger client costs more memory than everything else a device needs. One `Site` per server; its requests go one
after the other. Used by the plug-ins that speak HTTP.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from collector.model import SourceError

# So many devices may be slow at once; the others wait, and their time-outs count from when they asked.
_THREADS: Final = 12
_LARGEST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes
    token: str = ""
    """Redfish's session token, where one was given."""
    location: str = ""
    """Where what was made stands, where it was said."""

    def json(self) -> Any:
        """The body as JSON. Raises SourceError."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise SourceError(f"the answer is not JSON: {error}") from error


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")


@lru_cache(maxsize=16)
def tls_context(ca_file: str, verify: bool) -> ssl.SSLContext:
    """One context for all servers with the same authority."""
    context = ssl.create_default_context(cafile=ca_file or None)
    if not verify:
        # Management controllers come with certificates that nobody signed; the user says so by `verify: false`.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def basic(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication; none without a user."""
    if not user:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Site:
    """One HTTP server."""

    def __init__(self, url: str, *, timeout_s: float, ca_file: str = "", verify: bool = True) -> None:
        """``url``: scheme, host and port; a path in it goes before every request's.

        Raises:
            ValueError: it is no http or https URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url {url!r}: expected http://host:port or https://host:port")
        self.url = url.rstrip("/")
        self._prefix = parts.path.rstrip("/")
        self._query = f"?{parts.query}" if parts.query else ""
        self._host, self._port, self._secure = parts.hostname, parts.port, parts.scheme == "https"
        self._timeout_s, self._ca_file, self._verify = timeout_s, ca_file, verify
        self._connection: http.client.HTTPConnection | None = None
        # A request that was given up on may still be under way in its thread.
        self._one = threading.Lock()

    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request.

        Raises:
            SourceError: nobody answers, or not HTTP.
        """
        return await asyncio.get_running_loop().run_in_executor(
            _threads(), self._request, method, path, dict(headers or {}), body
        )

    async def get_json(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON at a path; None for 404.

        Raises:
            SourceError: nobody answers, the answer is another error, or not JSON.
        """
        answer = await self.request("GET", path, headers={"Accept": "application/json", **(headers or {})})
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise SourceError(f"{self.url}{path}: {answer.status} {http.client.responses.get(answer.status, '')}")
        return answer.json()

    def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _request(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        with self._one:
            return self._guarded(method, path, headers, body)

    def _guarded(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        fresh = self._connection is None
        try:
            return self._once(method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # A server may close a connection that was idle; a new one tells whether it is there.
            if not fresh and not isinstance(error, TimeoutError):
                try:
                    return self._once(method, path, headers, body)
                except (OSError, http.client.HTTPException) as again:
                    self.close()
                    error = again
            raise SourceError(f"{self.url}: {str(error) or type(error).__name__}") from error

    def _once(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        connection = self._connection
        if connection is None:
            connection = (
                http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._timeout_s, context=tls_context(self._ca_file, self._verify)
                )
                if self._secure
                else http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
            )
            self._connection = connection
        connection.request(method, f"{self._prefix}{path}{self._query}", body, headers)
        answer = connection.getresponse()
        content = answer.read(_LARGEST)
        if answer.will_close:
            self.close()
        token, location = (answer.getheader(name) or "" for name in ("X-Auth-Token", "Location"))
        return Answer(answer.status, content, token, location)
