"""HTTP of search: ``/api/2/search/things`` and ``/count``, by GET, by form, and as a stream.

I/O of one request. Next: :mod:`ditto_lite.search`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from ditto_lite.auth import subjects_of
from ditto_lite.errors import error
from ditto_lite.fields import parse_selector
from ditto_lite.http_common import json_response
from ditto_lite.search import Query, Search, read_options
from ditto_lite.streaming import open_stream


class SearchHttp:
    """Handlers of search."""

    def __init__(self, search: Search) -> None:
        self._search = search

    async def things(self, request: web.Request) -> web.StreamResponse:
        """One page of matches, or all of them as a stream."""
        query = await _query(request)
        if "text/event-stream" in request.headers.get("accept", ""):
            response = await open_stream(request)
            for item in list(self._search.every(query)):
                line = b"data:" + msgspec.json.encode(item)
                if isinstance(item, dict) and "thingId" in item:
                    line += b"\nid:" + item["thingId"].encode()
                await response.write(line + b"\n\n")
            return response
        return json_response(self._search.page(query), headers=_headers(query))

    async def count(self, request: web.Request) -> web.StreamResponse:
        """The number of matches."""
        query = await _query(request)
        return json_response(self._search.count(query), headers=_headers(query))


def _headers(query: Query) -> dict[str, str]:
    return {"ditto-originator": query.subjects[0], "response-required": "false"}


async def _query(request: web.Request) -> Query:
    subjects = subjects_of(request.headers)
    parameters: Mapping[str, object] = request.query if request.method == "GET" else await request.post()
    query = Query(subjects, str(parameters.get("filter", "")))
    if "filter" in parameters and not query.filter:
        raise error("rql.expression.invalid", reason="Invalid input ')', expected an operator (line 1, column 5)")
    if names := str(parameters.get("namespaces", "")):
        query.namespaces = tuple(part.strip() for part in names.split(","))
    if selector := str(parameters.get("fields", "")):
        query.selector = parse_selector(selector)
    if options := str(parameters.get("option", "")):
        read_options(options, query)
    return query
