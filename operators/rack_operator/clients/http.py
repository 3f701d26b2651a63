"""One HTTP dependency over a capped aiohttp session, its failures as `DependencyError`, its calls counted.

What a status means is for the client of that dependency; this module only tells expected from not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from rack_operator import metrics

_READS = {"GET", "HEAD"}
_DETAIL_LIMIT = 300


class DependencyError(Exception):
    """A dependency failed or refused. `status` is its HTTP status, or 0 when it did not answer.

    `reason` is one CamelCase word for a condition, `str()` a sentence for its message.
    """

    def __init__(self, dependency: str, what: str, status: int, detail: str) -> None:
        self.dependency = dependency
        self.status = status
        self.detail = detail[:_DETAIL_LIMIT]
        answer = f"answered {status}" if status else "did not answer"
        super().__init__(f"{dependency}: {what} {answer}: {self.detail}")

    @property
    def reason(self) -> str:
        """Dependency and status in one word, for example DittoHTTP503 or HonoRegistryUnreachable."""
        return f"{self.dependency}HTTP{self.status}" if self.status else f"{self.dependency}Unreachable"


@dataclass(frozen=True, slots=True)
class Response:
    """An expected answer; `content` as it came."""

    status: int
    content: bytes

    @property
    def body(self) -> Any:
        """The content parsed: JSON, text where it is none, None when it is empty."""
        return _parse(self.content)


class HttpDependency:
    """Requests to one dependency, named `name` in conditions and metrics."""

    def __init__(self, name: str, base_url: str, session: aiohttp.ClientSession) -> None:
        self.name = name
        self._base = base_url.rstrip("/")
        self._session = session
        # Looked up once: finding a labelled child costs more than counting on it.
        self._writes = metrics.WRITES.labels(name)
        self._requests: dict[tuple[str, int], Any] = {}

    async def call(
        self,
        method: str,
        path: str,
        *,
        expect: Collection[int],
        json: Any = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Response:
        """Sends one request.

        Raises `DependencyError` when the answer's status is not in `expect`, or there is none.
        """
        content = None if json is None else msgspec.json.encode(json)
        sent = {"content-type": "application/json"} if content is not None else {}
        what = f"{method} {path}"
        if method not in _READS:
            self._writes.inc()
        try:
            async with self._session.request(
                method, self._base + path, data=content, headers={**sent, **(headers or {})}, params=params
            ) as answer:
                received = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._count(method, 0, failed=True)
            raise DependencyError(self.name, what, 0, str(error) or type(error).__name__) from error
        failed = status not in expect
        self._count(method, status, failed=failed)
        if failed:
            raise DependencyError(self.name, what, status, _explain(received))
        return Response(status, received)

    @asynccontextmanager
    async def stream(
        self, path: str, params: dict[str, str], *, silent_s: float, headers: dict[str, str] | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Chunks of a GET that goes on until the other side ends it.

        Raises `DependencyError` when it does not begin with status 200, breaks, or is silent for `silent_s` seconds.
        """
        what = f"GET {path}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=silent_s)
        try:
            async with self._session.get(self._base + path, params=params, headers=headers, timeout=timeout) as answer:
                failed = answer.status != 200
                self._count("GET", answer.status, failed=failed)
                if failed:
                    raise DependencyError(self.name, what, answer.status, _explain(await answer.read()))
                yield answer.content.iter_any()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._count("GET", 0, failed=True)
            raise DependencyError(self.name, what, 0, str(error) or type(error).__name__) from error

    def _count(self, method: str, status: int, *, failed: bool) -> None:
        counter = self._requests.get((method, status))
        if counter is None:
            counter = self._requests[method, status] = metrics.REQUESTS.labels(self.name, method, str(status))
        counter.inc()
        if failed:
            metrics.ERRORS.labels(self.name, str(status)).inc()


def _parse(content: bytes) -> Any:
    if not content:
        return None
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return content.decode(errors="replace")


def _explain(content: bytes) -> str:
    """The sentence in an error body of Ditto (message), Hono (error) or Kubernetes (message)."""
    body = _parse(content)
    if isinstance(body, dict):
        parts = [str(body[key]) for key in ("error", "message", "description") if body.get(key)]
        if parts:
            return "; ".join(parts)
    return content.decode(errors="replace").strip() or "no explanation given"
