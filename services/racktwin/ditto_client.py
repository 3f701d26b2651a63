"""Ditto's HTTP API for single calls: from services that look things up, tools and tests.

Synchronous (requests). Bulk changes go over Kafka instead, and the operator has its own asynchronous client.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from racktwin.settings import DittoSettings


class DittoError(Exception):
    """Ditto answered with an error, or not at all (``status`` 0)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"Ditto {status or 'unreachable'} {code}: {message}".strip())
        self.status = status
        self.code = code


class DittoClient:
    """A small client; one requests.Session, so use one per thread."""

    def __init__(self, settings: DittoSettings, timeout_s: float = 10.0) -> None:
        self._base = settings.ditto_url.rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        if settings.ditto_subject:
            self._session.headers["x-ditto-pre-authenticated"] = settings.ditto_subject
        if settings.ditto_user:
            password = settings.ditto_password.get_secret_value() if settings.ditto_password else ""
            self._session.auth = (settings.ditto_user, password)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """One call below the base URL, any status returned.

        Raises:
            DittoError: Ditto could not be reached (status 0).
        """
        try:
            return self._session.request(
                method, self._base + path, json=json, params=params, headers=headers, timeout=self._timeout_s
            )
        except requests.RequestException as error:
            raise DittoError(0, "unreachable", f"{self._base}: {error}") from error

    def get_thing(self, thing: str, fields: str | None = None) -> dict[str, Any] | None:
        """A thing as JSON, or None when there is none that we may read.

        Raises:
            DittoError: Ditto answered anything but 200 or 404, or not at all.
        """
        response = self.request("GET", f"/api/2/things/{thing}", params={"fields": fields} if fields else None)
        if response.status_code == 404:
            return None
        body = self._checked(response)
        assert isinstance(body, dict)
        return body

    def search(
        self,
        rql: str | None = None,
        *,
        namespaces: str | None = None,
        fields: str | None = None,
        page: int = 200,
    ) -> Iterator[dict[str, Any]]:
        """Every thing that matches, page by page.

        Raises:
            DittoError: Ditto answered an error, or not at all.
        """
        cursor: str | None = None
        while True:
            # A cursor carries its filter and sort, but not its size.
            option = f"size({page})" if cursor is None else f"size({page}),cursor({cursor})"
            params = {"option": option}
            if rql:
                params["filter"] = rql
            if namespaces:
                params["namespaces"] = namespaces
            if fields:
                params["fields"] = fields
            body = self._checked(self.request("GET", "/api/2/search/things", params=params))
            yield from body["items"]
            cursor = body.get("cursor")
            if cursor is None:
                return

    def count(self, rql: str | None = None, namespaces: str | None = None) -> int:
        """How many things match.

        Raises:
            DittoError: Ditto answered an error, or not at all.
        """
        params = {key: value for key, value in (("filter", rql), ("namespaces", namespaces)) if value}
        return int(self._checked(self.request("GET", "/api/2/search/things/count", params=params)))

    def _checked(self, response: requests.Response) -> Any:
        if response.ok:
            return response.json() if response.content else None
        try:
            body = response.json()
        except ValueError:
            body = {}
        if not isinstance(body, dict):
            body = {}
        raise DittoError(
            response.status_code, str(body.get("error", "")), str(body.get("message", response.text[:200]))
        )
