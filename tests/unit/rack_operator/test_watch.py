"""List and watch: pages, bookmarks, ends, errors, silence; against an API server of a few lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rack_operator.clients.http import HttpDependency
from rack_operator.clients.kube import RACKS, KubeClient
from rack_operator.clients.watch import Follower, Watch


def rack(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "lab", "resourceVersion": str(version)}}


class Api:
    """Serves `pages` of a list, then one script of events for each watch."""

    def __init__(self) -> None:
        self.pages: list[list[dict[str, Any]]] = [[rack("a", 1)], [rack("b", 2)]]
        self.watches: list[list[Any]] = []
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        if "watch" not in request.query:
            number = int(request.query.get("continue", "0"))
            more = {"continue": str(number + 1)} if number + 1 < len(self.pages) else {}
            return web.json_response({"metadata": {"resourceVersion": "10", **more}, "items": self.pages[number]})
        script = self.watches.pop(0) if self.watches else [3600]
        response = web.StreamResponse()
        await response.prepare(request)
        for step in script:
            if isinstance(step, int | float):
                await asyncio.sleep(step)
            else:
                # Cut in two: a line need not come in one piece.
                text = json.dumps(step).encode() + b"\n"
                await response.write(text[:7])
                await response.write(text[7:])
        return response

    def watched_from(self) -> list[str]:
        return [query["resourceVersion"] for query in self.asked if "watch" in query]


class Seen:
    def __init__(self) -> None:
        self.changed: list[str] = []
        self.gone: list[str] = []
        self.lists: list[set[tuple[str, str]]] = []
        self.signs = 0

    def follower(self) -> Follower:
        def sign() -> None:
            self.signs += 1

        return Follower(
            lambda body: self.changed.append(body["metadata"]["name"]),
            lambda body: self.gone.append(body["metadata"]["name"]),
            self.lists.append,
            sign,
        )


@asynccontextmanager
async def watching(api: Api, silent_s: float = 5) -> AsyncIterator[Seen]:
    app, seen = web.Application(), Seen()
    app.router.add_get("/{path:.*}", api.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        kube = KubeClient(HttpDependency("Kubernetes", str(server.make_url("/")), session))
        watch = Watch(kube, RACKS, None, seen.follower(), silent_s=silent_s, first_wait_s=0.01)
        task = asyncio.create_task(watch.run())
        try:
            yield seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def eventually(probe: Any) -> None:
    async with asyncio.timeout(60):
        while not probe():
            await asyncio.sleep(0.01)


async def test_pages_then_changes_and_deletions() -> None:
    api = Api()
    api.watches = [[{"type": "MODIFIED", "object": rack("b", 11)}, {"type": "DELETED", "object": rack("a", 12)}, 3600]]
    async with watching(api) as seen:
        await eventually(lambda: seen.gone)
        assert seen.changed == ["a", "b", "b"]
        assert seen.gone == ["a"]
        assert seen.lists == [{("lab", "a"), ("lab", "b")}]
        assert api.watched_from() == ["10"]
        assert api.asked[0]["limit"] == "500"


async def test_an_ended_watch_goes_on_from_the_last_bookmark() -> None:
    api = Api()
    api.watches = [[{"type": "BOOKMARK", "object": {"kind": "Rack", "metadata": {"resourceVersion": "30"}}}]]
    async with watching(api) as seen:
        await eventually(lambda: len(api.watched_from()) > 1)
        assert api.watched_from()[:2] == ["10", "30"]
        assert len(seen.lists) == 1
        assert seen.changed == ["a", "b"]


@pytest.mark.parametrize("code", [410])
async def test_a_place_that_is_too_old_means_a_new_list(code: int) -> None:
    api = Api()
    api.watches = [[{"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "too old"}}]]
    async with watching(api) as seen:
        await eventually(lambda: len(seen.lists) == 2)


async def test_a_watch_that_falls_silent_is_begun_again() -> None:
    api = Api()
    api.watches = [[3600], [{"type": "ADDED", "object": rack("c", 11)}, 3600]]
    async with watching(api, silent_s=0.2) as seen:
        await eventually(lambda: "c" in seen.changed)
        assert len(seen.lists) == 1
        assert seen.signs > 2
