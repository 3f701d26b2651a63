"""Fetches Thing Models over HTTP and executes commands that needed one.

I/O. Next: :mod:`ditto_lite.wot` keeps the models.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import msgspec

from ditto_lite.errors import DittoError, error
from ditto_lite.merge_patch import merge
from ditto_lite.wot import ModelNeeded, Models, read_model

T = TypeVar("T")
_MAX_MODELS_PER_COMMAND = 200
_RETRY_S = 2.0


class ModelFetcher:
    """Fetches what is missing, each model once."""

    def __init__(self, models: Models, timeout_s: float = 10.0) -> None:
        self._models = models
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()
        # URL -> when (monotonic s) it may be tried again: a server that is away must not be asked for every command.
        self._failed: dict[str, float] = {}

    async def attempt(self, act: Callable[[], T]) -> T:
        """``act()``, repeated after each model that it turns out to need was fetched.

        Raises:
            DittoError: a model could not be fetched (421), or what ``act`` raises.
        """
        for _ in range(_MAX_MODELS_PER_COMMAND):
            try:
                return act()
            except ModelNeeded as needed:
                await self.fetch(needed.url)
        raise error("wot:tm.notfound", url="too many models")

    async def fetch(self, url: str) -> None:
        """Fetch one model.

        Raises:
            DittoError: it cannot be fetched or is no Thing Model (421).
        """
        async with self._lock:
            if url in self._models.known:
                return
            if self._failed.get(url, 0.0) > time.monotonic():
                raise error("wot:tm.notfound", url=url)
            try:
                self._models.known[url] = read_model(url, await self._document(url, 0))
            except DittoError:
                self._failed[url] = time.monotonic() + _RETRY_S
                raise

    async def _document(self, url: str, depth: int) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.get(url, headers={"accept": "application/tm+json, application/json"}) as answer:
                if answer.status != 200:
                    raise error("wot:tm.notfound", url=url)
                document = msgspec.json.decode(await answer.read())
        except (TimeoutError, aiohttp.ClientError, msgspec.DecodeError):
            raise error("wot:tm.notfound", url=url) from None
        if not isinstance(document, dict):
            raise error("wot:tm.notfound", url=url)
        for link in document.get("links", []):
            if link.get("rel") == "tm:extends" and depth < 8:
                base = await self._document(str(link.get("href")), depth + 1)
                base.pop("links", None)
                document = merge(base, document)
        return dict(document)

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()
