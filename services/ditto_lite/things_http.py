"""HTTP of things: ``/api/2/things`` and everything below, except messages and streams.

I/O of one request. Next: :mod:`ditto_lite.twin` executes; the answer leaves once the change is durable.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from ditto_lite.auth import subjects_of
from ditto_lite.commands import Command, Kind, Result
from ditto_lite.errors import error
from ditto_lite.http_common import (
    NOT_FOUND_TEXT,
    Services,
    answer,
    ditto_headers,
    json_body,
    json_response,
    plain,
    raw_segments,
    selector_of,
    timeout_ms,
    wants_response,
)
from ditto_lite.ids import check_thing_id
from ditto_lite.messages_http import MessagesHttp
from ditto_lite.pointers import MISSING, parse
from ditto_lite.resources import not_an_object, resource_of
from ditto_lite.search import Query
from ditto_lite.sse import Streams

_KINDS: dict[str, Kind] = {"GET": "retrieve", "PUT": "modify", "PATCH": "merge", "DELETE": "delete"}
_PREFIX = "/api/2/things/"
_DEFAULT_NAMESPACE = "org.eclipse.ditto"


class ThingsHttp:
    """Handlers of things."""

    def __init__(self, services: Services, streams: Streams, messages: MessagesHttp) -> None:
        self._services = services
        self._streams = streams
        self._messages = messages

    async def collection_get(self, request: web.Request) -> web.StreamResponse:
        """``GET /things``: several by ``ids``, every readable one without, or a stream of events."""
        subjects = subjects_of(request.headers)
        if _wants_stream(request):
            return await self._streams.events(request, subjects, None, "")
        selector = selector_of(request)
        twin = self._services.twin
        if "ids" in request.query:
            ids = [part for part in request.query["ids"].split(",") if part]
            found = twin.retrieve_many(ids, Command("retrieve", "", (), subjects, fields=selector))
            return json_response(found, headers={"ditto-originator": subjects[0]})
        query = Query(subjects, selector=selector)
        if names := request.query.get("namespaces"):
            query.namespaces = tuple(names.split(","))
        link = f"<{request.rel_url.raw_path_qs}>; rel=canonical"
        found = list(self._services.search.every(query))
        return json_response(found, headers={"ditto-originator": subjects[0], "link": link})

    async def collection_post(self, request: web.Request) -> web.StreamResponse:
        """``POST /things``: create with a generated id."""
        subjects = subjects_of(request.headers)
        body = await json_body(request)
        if not isinstance(body, dict):
            raise not_an_object(body)
        if "thingId" in body:
            raise error(
                "things:id.notsettable",
                message="It is not allowed to provide a Thing ID in the request body for method POST. "
                "The method POST will generate the Thing ID by itself.",
                description="To provide your own Thing ID use a PUT request instead.",
            )
        thing_id = self._services.twin.new_id(request.query.get("namespace", _DEFAULT_NAMESPACE))
        command = Command("create", thing_id, (), subjects, body, ditto_headers(request))
        result = await self._execute(command)
        result.headers["location"] = f"{request.scheme}://{request.host}{_PREFIX}{thing_id}"
        return answer(request, result, subjects[0])

    async def item(self, request: web.Request) -> web.StreamResponse:
        """Everything below ``/things/<id>``."""
        subjects = subjects_of(request.headers)
        thing_id, rest = raw_segments(request, _PREFIX)
        check_thing_id(thing_id)
        if MessagesHttp.concerns(rest):
            return await self._messages.handle(request, subjects, thing_id, rest)
        path = parse(rest)
        if resource_of(path) is None:
            return plain(404, NOT_FOUND_TEXT)
        kind = _KINDS.get(request.method)
        if kind is None:
            allowed = "GET, PUT, PATCH, DELETE"
            return plain(405, f"HTTP method not allowed, supported methods: {allowed}", {"allow": allowed})
        if kind == "retrieve" and _wants_stream(request):
            return await self._streams.events(request, subjects, thing_id, rest)
        headers = ditto_headers(request)
        wait_ms = timeout_ms(headers.get("timeout"))
        command = Command(
            kind, thing_id, path, subjects, MISSING, headers, selector_of(request) if kind == "retrieve" else None
        )
        if kind in ("modify", "merge"):
            command.value = await json_body(request, merge=kind == "merge")
            if not path and not isinstance(command.value, dict):
                raise not_an_object(_brief(command.value))
        if kind == "retrieve":
            if headers.get("channel") == "live":
                # No device answers for a thing here: the query waits for one and fails, as on a Ditto without devices.
                await asyncio.sleep(wait_ms / 1000)
                raise error("command.timeout", timeout=f"{wait_ms:,}")
            self._check_history(command)
        result = await self._execute(command)
        if kind == "retrieve":
            return answer(request, result, subjects[0])
        if not wants_response(headers):
            return web.Response(status=202)
        if (labels := _requested_acks(headers)) is not None:
            return await self._acknowledged(result, labels, headers, wait_ms)
        return answer(request, result, subjects[0])

    async def _execute(self, command: Command) -> Result:
        services = self._services
        result = await services.fetcher.attempt(lambda: services.twin.execute(command))
        if command.kind != "retrieve":
            await services.committer.durable()
        return result

    def _check_history(self, command: Command) -> None:
        """Only the present is kept here (as in a Ditto whose history retention is 0); the past is asked for in vain."""
        for what in ("revision", "timestamp"):
            value = command.headers.get(f"at-historical-{what}")
            if value is None:
                continue
            entity = self._services.twin.things.get(command.entity_id)
            if entity is None:
                raise error("things:thing.notfound", id=command.entity_id)
            if what == "revision" and not str(value).isdigit():
                name = "at-historical-revision"
                raise error("header.invalid", value=value, header=name, kind="long", extra={"invalidHeaderKey": name})
            if what == "timestamp" or int(value) != entity.revision:
                raise error("things:thing.history.notfound", id=command.entity_id, what=what, value=value)

    async def _acknowledged(
        self, result: Result, labels: list[str], headers: dict[str, Any], wait_ms: int
    ) -> web.Response:
        """The answer to ``requested-acks``: one part for each label. What is persisted is also searchable here."""
        persisted: dict[str, Any] = {"response-required": False}
        if result.revision is not None:
            persisted["entity-revision"] = result.revision
        if result.etag is not None:
            persisted["etag"] = result.etag
        if (correlation := headers.get("correlation-id")) is not None:
            persisted["correlation-id"] = correlation
        parts: dict[str, Any] = {}
        missing = False
        if "search-persisted" in labels:
            await self._services.pace.indexed()
        for label in labels:
            if label in ("twin-persisted", "search-persisted"):
                twin = label == "twin-persisted"
                parts[label] = {"status": result.status if twin else 204}
                if twin and result.body is not MISSING:
                    parts[label]["payload"] = result.body
                parts[label]["headers"] = persisted if twin else {"response-required": False}
                continue
            missing = True
            late = error("acknowledgement:request.timeout", timeout=f"{wait_ms:,}")
            parts[label] = {"status": 408, "payload": late.payload, "headers": {"response-required": False}}
        if missing:
            await asyncio.sleep(wait_ms / 1000)
        return json_response(parts, 424 if missing else 200)


def _requested_acks(headers: dict[str, Any]) -> list[str] | None:
    """Labels other than the one that every change waits for anyway."""
    text = str(headers.get("requested-acks", "")).strip("[] ")
    labels = [part.strip(' "') for part in text.split(",") if part.strip(' "')]
    return labels if labels and labels != ["twin-persisted"] else None


def _wants_stream(request: web.Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


def _brief(value: Any) -> Any:
    return str(value)[:200] if isinstance(value, str | list) else value
