"""One HTTP dependency over a capped aiohttp session, its failures as `DependencyError`, its calls counted.

What a status means is for the client of that dependency; this module only tells expected from not.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import aiohttp

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
    """An expected answer; `body` is parsed JSON, or None when there is none."""

    status: int
    body: Any
    headers: dict[str, str]


class HttpDependency:
    """Requests to one dependency, named `name` in conditions and metrics."""

    def __init__(self, name: str, base_url: str, session: aiohttp.ClientSession) -> None:
        self.name = name
        self._base = base_url.rstrip("/")
        self._session = session

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
        content = None if json is None else jsonlib.dumps(json, separators=(",", ":")).encode()
        sent = {"content-type": "application/json"} if content is not None else {}
        what = f"{method} {path}"
        if method not in _READS:
            metrics.WRITES.labels(self.name).inc()
        try:
            async with self._session.request(
                method, self._base + path, data=content, headers={**sent, **(headers or {})}, params=params
            ) as answer:
                text = await answer.text()
                status, answered = answer.status, {key.lower(): value for key, value in answer.headers.items()}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._count(method, 0, failed=True)
            raise DependencyError(self.name, what, 0, str(error) or type(error).__name__) from error
        body = _parse(text)
        failed = status not in expect
        self._count(method, status, failed=failed)
        if failed:
            raise DependencyError(self.name, what, status, _explain(body, text))
        return Response(status, body, answered)

    def _count(self, method: str, status: int, *, failed: bool) -> None:
        metrics.REQUESTS.labels(self.name, method, str(status)).inc()
        if failed:
            metrics.ERRORS.labels(self.name, str(status)).inc()


def _parse(text: str) -> Any:
    if not text:
        return None
    try:
        return jsonlib.loads(text)
    except ValueError:
        return text


def _explain(body: Any, text: str) -> str:
    """The sentence in an error body of Ditto (message), Hono (error) or Kubernetes (message)."""
    if isinstance(body, dict):
        parts = [str(body[key]) for key in ("error", "message", "description") if body.get(key)]
        if parts:
            return "; ".join(parts)
    return text.strip() or "no explanation given"
