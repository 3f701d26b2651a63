"""HTTP of live messages: ``POST …/inbox/messages/<subject>``, ``…/outbox/…``, claims, and their streams.

I/O of one request. Next: :mod:`ditto_lite.messages`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from aiohttp import web

from ditto_lite.errors import error
from ditto_lite.http_common import Services, ditto_headers, json_response, plain, timeout_ms
from ditto_lite.pointers import MISSING
from ditto_lite.sse import Streams

_PATH = re.compile(
    r"^(?:features/(?P<feature>[^/]+)/)?(?P<box>inbox|outbox)/(?:messages(?:/(?P<subject>.+))?|(?P<claim>claim))$"
)
_MAX_PAYLOAD = 250 * 1024
# Headers of the HTTP exchange that say nothing to the receiver of a message.
_OWN = frozenset(("accept", "accept-encoding", "connection", "content-length", "transfer-encoding", "authorization"))


class MessagesHttp:
    """Handlers of messages."""

    def __init__(self, services: Services, streams: Streams) -> None:
        self._services = services
        self._streams = streams

    @staticmethod
    def concerns(rest: str) -> bool:
        """Whether a path below a thing is about messages."""
        return _PATH.match(rest) is not None

    async def handle(
        self, request: web.Request, subjects: tuple[str, ...], thing_id: str, rest: str
    ) -> web.StreamResponse:
        """Send a message and answer with what the thing answered; or stream messages."""
        match = _PATH.match(rest)
        assert match is not None
        subject = match["subject"] or match["claim"]
        if request.method == "GET" and "text/event-stream" in request.headers.get("accept", ""):
            wanted = match["feature"], match["box"], match["subject"]
            return await self._streams.messages(request, subjects, thing_id, wanted)
        if request.method != "POST" or subject is None:
            return plain(405, "HTTP method not allowed, supported methods: POST", {"allow": "POST"})
        wait_ms = timeout_ms(request.query.get("timeout"), "timeout.invalid", 60_000 if match["claim"] else 10_000)
        headers = {name: value for name, value in ditto_headers(request).items() if name not in _OWN}
        if str(headers.get("response-required", "true")).lower() == "false":
            wait_ms = 0
        payload = await request.read()
        if len(payload) > _MAX_PAYLOAD:
            raise error("messages:payload.toolarge", size=f"{len(payload) / 1024:.3f}")
        headers |= {"channel": "live", "response-required": wait_ms > 0}
        if wait_ms <= 0:
            headers["requested-acks"] = []
        value = _value(payload, request.headers.get("content-type", ""))
        services = self._services
        message = await services.fetcher.attempt(
            lambda: services.messages.prepare(
                thing_id, match["feature"], match["box"], subject, value, subjects=subjects, headers=headers
            )
        )
        reply = await services.messages.send(message, wait_ms)
        if wait_ms <= 0:
            return web.Response(status=202)
        if reply is None:
            raise error("command.timeout", timeout=f"{wait_ms:,}")
        told = {"channel": "live", "correlation-id": str(message.headers["correlation-id"])}
        if reply.value is MISSING:
            return web.Response(status=reply.status, headers=told)
        if isinstance(reply.value, str) and str(reply.headers.get("content-type", "")).startswith("text/"):
            return web.Response(status=reply.status, text=reply.value, headers=told)
        return json_response(reply.value, reply.status, told)


def _value(payload: bytes, content_type: str) -> Any:
    """A message's payload as the Ditto Protocol carries it: JSON as JSON, anything else as text."""
    if not payload:
        return MISSING
    if "json" in content_type or not content_type:
        try:
            return msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if "json" in content_type:
                raise error("json.invalid", text=payload.decode(errors="replace")) from None
    return payload.decode(errors="replace")
