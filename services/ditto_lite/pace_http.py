"""HTTP requests wait for their turn, when a rate profile is set.

I/O of waiting alone. Next: :mod:`ditto_lite.pace`; then the handlers.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ditto_lite.pace import Pace
from ditto_lite.rates import operation_of
from ditto_lite.twin import Twin

_PREFIX: Final = "/api/2/"


def paced(pace: Pace, twin: Twin) -> Middleware:
    """A middleware that lets requests through at the profile's rates."""

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if pace.profile is not None and path.startswith(_PREFIX):
            parts = [unquote(part) for part in path[len(_PREFIX) :].split("/") if part]
            stream = "text/event-stream" in request.headers.get("accept", "")
            known = twin.policies if parts[:1] == ["policies"] else twin.things
            operation = operation_of(request.method, parts, exists=len(parts) > 1 and parts[1] in known)
            if operation is not None and not stream:
                await pace.turn(operation)
        return await handler(request)

    return wait
