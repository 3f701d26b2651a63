"""Server-sent events: changes of things, live messages, and search results as streams.

A stream lives as long as its client. An empty ``data:`` each second keeps it alive, as Ditto's does. A client that does
not read loses events (its buffer is bounded) and is closed. Next: HTTP clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from ditto_lite import fields, protocol
from ditto_lite.access import READ
from ditto_lite.bus import Bus, Message
from ditto_lite.clocks import iso
from ditto_lite.commands import Command, Event
from ditto_lite.event_views import changed, extra_fields, passes
from ditto_lite.fields import Selector
from ditto_lite.pointers import MISSING, Path, get, parse
from ditto_lite.rql import Predicate, conjunction
from ditto_lite.streaming import open_stream
from ditto_lite.twin import Twin

HEARTBEAT_S: Final = 1.0
_BUFFER: Final = 10_000


class Streams:
    """Opens streams on one twin."""

    def __init__(self, twin: Twin, bus: Bus) -> None:
        self._twin = twin
        self._bus = bus
        self._open: set[asyncio.Queue[bytes | None]] = set()

    async def events(
        self, request: web.Request, subjects: tuple[str, ...], thing_id: str | None, rest: str
    ) -> web.StreamResponse:
        """Stream changes of the things that the subjects may read.

        Raises:
            DittoError: a filter or selector is wrong, or there is no such thing to read (404).
        """
        query = request.query
        selector = fields.parse_selector(query["fields"]) if query.get("fields") else None
        extra = fields.parse_selector(query["extraFields"]) if query.get("extraFields") else None
        wanted = conjunction([query.get("filter", "")])
        path = parse(rest)
        if thing_id is not None:
            self._twin.execute(Command("retrieve", thing_id, (), subjects))
        ids = frozenset((thing_id,)) if thing_id else frozenset(filter(None, query.get("ids", "").split(",")))
        namespaces = frozenset(filter(None, query.get("namespaces", "").split(",")))

        def render(event: Event) -> bytes | None:
            if (ids and event.thing_id not in ids) or (
                namespaces and event.thing_id.partition(":")[0] not in namespaces
            ):
                return None
            shown = self._visible(event, subjects, extra, wanted)
            if shown is None:
                return None
            return _line(shown, event, selector, path)

        return await self._run(request, self._bus.on_event, render)

    def _visible(
        self, event: Event, subjects: tuple[str, ...], extra: Selector | None, wanted: Predicate | None
    ) -> dict[str, Any] | None:
        access = self._twin.access(event.policy_id, subjects)
        if not access.unrestricted(event.path, READ):
            return None
        if not passes(event, wanted, extra_fields(event, access, extra)):
            return None
        # Who may read only parts of the thing is told that it changed, not what: as Ditto's streams do.
        return changed(event) if access.reads_all else {"thingId": event.thing_id}

    async def messages(
        self,
        request: web.Request,
        subjects: tuple[str, ...],
        thing_id: str,
        wanted: tuple[str | None, str, str | None],
    ) -> web.StreamResponse:
        """Stream live messages of one thing; ``wanted`` are feature, ``inbox`` or ``outbox``, and subject.

        Raises:
            DittoError: there is no such thing to read (404).
        """
        self._twin.execute(Command("retrieve", thing_id, (), subjects))
        feature, box, subject = wanted

        def render(message: Message) -> bytes | None:
            if message.thing_id != thing_id or message.direction != box or (feature and message.feature != feature):
                return None
            if subject and message.subject != subject:
                return None
            place: Path = (message.direction, "messages", message.subject)
            place = ("features", message.feature, *place) if message.feature else place
            if not self._twin.access(message.policy_id, subjects).granted(place, READ, "message"):
                return None
            value = message.value
            data = b"" if value is MISSING else value.encode() if isinstance(value, str) else msgspec.json.encode(value)
            return b"data:" + data + b"\nevent:" + message.subject.encode() + b"\n\n"

        return await self._run(request, self._bus.on_message, render)

    async def _run(
        self, request: web.Request, subscribers: list[Callable[[Any], None]], render: Callable[[Any], bytes | None]
    ) -> web.StreamResponse:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_BUFFER)

        def subscriber(each: Any) -> None:
            data = render(each)
            if data is None:
                return
            if queue.full():
                # Too slow a reader: end its stream rather than give it one with silent gaps.
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
                return
            queue.put_nowait(data)

        subscribers.append(subscriber)
        self._open.add(queue)
        try:
            response = await open_stream(request)
            await response.write(b"data:\n\n")
            while True:
                try:
                    data = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    data = b"data:\n\n"
                if data is None:
                    return response
                await response.write(data)
        except (ConnectionResetError, ConnectionAbortedError):
            return response
        finally:
            subscribers.remove(subscriber)
            self._open.discard(queue)

    def close(self) -> None:
        """End every stream."""
        for queue in self._open:
            if not queue.full():
                queue.put_nowait(None)


def _line(shown: dict[str, Any], event: Event, selector: Selector | None, path: Path) -> bytes | None:
    value: Any = shown
    if path:
        value = get(shown, path)
        if value is MISSING:
            return None
    if selector is not None and not path:
        pseudo: dict[str, Any] = {
            "_revision": event.revision,
            "_modified": iso(event.at_ms),
            "_namespace": event.thing_id.partition(":")[0],
        }
        if any(each[0] == "_context" for each in selector):
            told = {
                name: _text(value) for name, value in protocol.event_headers(event).items() if name != "content-type"
            }
            whole = protocol.event_envelope(event, told)
            pseudo["_context"] = {name: whole[name] for name in ("topic", "path", "value", "headers") if name in whole}
        value = fields.project({**shown, **pseudo}, selector)
    return b"data:" + msgspec.json.encode(value) + b"\n\n"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
