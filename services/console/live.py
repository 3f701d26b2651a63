"""Pushes what changed to browsers: every `console_push_ms`, each room's changes once encoded for all who watch it.

A browser that reads too slowly is dropped from the list and comes back by itself: it then gets everything anew, which
is less than the backlog would be. Next: `web/src/live.ts`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import WebSocket, WebSocketDisconnect
from prometheus_client import Counter, Gauge

from racktwin.twin_feed import TwinFeed

WATCHERS = Gauge("racktwin_console_watchers", "Open live connections.")
DROPPED = Counter("racktwin_console_watchers_dropped_total", "Live connections closed because they read too slowly.")

# Every browser hears something this often, also of a site where nothing changes: silence means a dead connection
# (`web/src/line.ts` waits for three of these).
_BEAT_MS: Final = 5000

# Messages that may wait for one browser; at five a second this is six seconds.
_QUEUE: Final = 30


@dataclass(eq=False)
class Watcher:
    """One browser."""

    site: str
    user: str
    allowed: Callable[[], bool]
    queue: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(_QUEUE))


class Hub:
    """All who watch."""

    def __init__(self, feed: TwinFeed, push_s: float, clock: Callable[[], int]) -> None:
        self._feed = feed
        self._push_s = push_s
        self._clock = clock
        self._watchers: set[Watcher] = set()
        self._state = ""
        self._told = 0

    async def run(self, stopped: asyncio.Event) -> None:
        """Push until stopped; then end every connection."""
        while not stopped.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), self._push_s)
            self.push()
        for watcher in list(self._watchers):
            self._end(watcher)

    def push(self) -> None:
        """Send what changed since the last time, and now and then how the feed is."""
        now = self._clock()
        messages: dict[str, str] = {}
        for site, fleet in self._feed.fleets.items():
            changes, gone = fleet.drain()
            if changes or gone:
                messages[site] = _encode(type="delta", at=now, things=changes, gone=gone)
        feed = None
        if self._feed.state != self._state or not 0 <= now - self._told < _BEAT_MS:
            self._state, self._told = self._feed.state, now
            feed = _encode(type="feed", state=self._state)
        for watcher in list(self._watchers):
            if not watcher.allowed():
                self._end(watcher)
                continue
            for message in (feed, messages.get(watcher.site)):
                if message is not None:
                    self._send(watcher, message)

    def watching(self, user: str) -> int:
        """Connections that a user has open."""
        return sum(watcher.user == user for watcher in self._watchers)

    async def serve(self, socket: WebSocket, site: str, user: str, allowed: Callable[[], bool]) -> None:
        """One browser's connection, from hello to its end."""
        await socket.accept()
        watcher = Watcher(site, user, allowed)
        self._watchers.add(watcher)
        WATCHERS.inc()
        try:
            await socket.send_text(_encode(type="hello", at=self._clock(), state=self._feed.state))
            reader = asyncio.create_task(_read(socket))
            while not reader.done():
                getter = asyncio.create_task(watcher.queue.get())
                await asyncio.wait((getter, reader), return_when=asyncio.FIRST_COMPLETED)
                if not getter.done():
                    getter.cancel()
                    break
                message = getter.result()
                if message is None:
                    break
                await socket.send_text(message)
            reader.cancel()
            with contextlib.suppress(RuntimeError):
                await socket.close(1001)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._watchers.discard(watcher)
            WATCHERS.dec()

    def _send(self, watcher: Watcher, message: str) -> None:
        try:
            watcher.queue.put_nowait(message)
        except asyncio.QueueFull:
            DROPPED.inc()
            self._end(watcher)

    def _end(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        while watcher.queue.full():
            watcher.queue.get_nowait()
        watcher.queue.put_nowait(None)


async def _read(socket: WebSocket) -> None:
    """Browsers say nothing; this ends when they are gone."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


def _encode(**message: Any) -> str:
    return json.dumps(message, separators=(",", ":"))
