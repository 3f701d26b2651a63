"""Opening a stream of server-sent events. I/O. Next: :mod:`ditto_lite.sse`, :mod:`ditto_lite.search_http`."""

from __future__ import annotations

from aiohttp import web


async def open_stream(request: web.Request) -> web.StreamResponse:
    """Send the headers of a stream."""
    response = web.StreamResponse(
        headers={"content-type": "text/event-stream", "cache-control": "no-cache", "access-control-allow-origin": "*"}
    )
    await response.prepare(request)
    return response
