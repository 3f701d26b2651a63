"""HTTP of connections: ``/api/2/connections``, for the devops user.

I/O of one request. Next: :mod:`ditto_lite.connections`.
"""

from __future__ import annotations

from aiohttp import web

from ditto_lite import etags, fields
from ditto_lite.auth import check_devops
from ditto_lite.commands import Result
from ditto_lite.connection_config import masked
from ditto_lite.connections import Connections
from ditto_lite.http_common import answer, ditto_headers, json_body, json_response, selector_of
from ditto_lite.pointers import MISSING


class ConnectionsHttp:
    """Handlers of connections."""

    def __init__(self, connections: Connections, user: str, password: str | None) -> None:
        self._connections = connections
        self._user = user
        self._password = password

    def _subject(self, request: web.Request) -> str:
        return check_devops(request.headers, self._user, self._password)[0]

    async def collection_get(self, request: web.Request) -> web.StreamResponse:
        """Every connection, whole, by selected fields or by id alone."""
        self._subject(request)
        ids = self._connections.ids()
        if request.query.get("ids-only") == "true":
            return json_response(ids)
        selector = selector_of(request)
        found = [masked(self._connections.get(each).document) for each in ids]
        return json_response([fields.project(each, selector) if selector else each for each in found])

    async def collection_post(self, request: web.Request) -> web.StreamResponse:
        """Create with a generated id, or try without creating (``dry-run=true``)."""
        subject = self._subject(request)
        body = await json_body(request)
        if request.query.get("dry-run") == "true":
            await self._connections.dry_run(body)
            return web.Response(status=200, headers={"dry-run": "true"})
        return self._created(request, await self._connections.put(None, body), subject)

    async def item_get(self, request: web.Request) -> web.StreamResponse:
        """One connection."""
        subject = self._subject(request)
        kept = self._connections.get(request.match_info["id"])
        etag = etags.of_revision(kept.revision)
        if etags.not_modified(ditto_headers(request), etag, "Connection"):
            return answer(request, Result(304, etag=etag), subject)
        shown = masked(kept.document)
        selector = selector_of(request)
        body = fields.project(shown, selector) if selector else shown
        return answer(request, Result(200, body, kept.revision, etag), subject)

    async def item_put(self, request: web.Request) -> web.StreamResponse:
        """Create or replace one connection."""
        subject = self._subject(request)
        result = await self._connections.put(request.match_info["id"], await json_body(request))
        return self._created(request, result, subject)

    async def item_delete(self, request: web.Request) -> web.StreamResponse:
        """Close and forget one connection."""
        subject = self._subject(request)
        return answer(request, await self._connections.delete(request.match_info["id"]), subject)

    async def command(self, request: web.Request) -> web.StreamResponse:
        """Open, close, reset metrics, enable logs."""
        subject = self._subject(request)
        return answer(request, await self._connections.command(request.match_info["id"], await request.text()), subject)

    async def status(self, request: web.Request) -> web.StreamResponse:
        """Status of one connection."""
        self._subject(request)
        return json_response(self._connections.status(request.match_info["id"]))

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Metrics of one connection."""
        self._subject(request)
        return json_response(self._connections.metrics(request.match_info["id"]))

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """Log of one connection."""
        self._subject(request)
        return json_response(self._connections.logs(request.match_info["id"]))

    @staticmethod
    def _created(request: web.Request, result: Result, subject: str) -> web.Response:
        if result.body is not MISSING:
            root = f"{request.scheme}://{request.host}/api/2/connections"
            result.headers["location"] = f"{root}/{result.headers['location']}"
        return answer(request, result, subject)
