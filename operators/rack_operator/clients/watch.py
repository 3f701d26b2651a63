"""Follows one kind of Kubernetes object: a paged list, then a watch with bookmarks, for ever.

A watch that ends, breaks or falls silent is taken up where it was; one whose place is too old begins with a new list.
Nothing is kept here but the place. Next: `main`, which gives each object to the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import ExpiredError, KubeClient, Resource

JsonObject = dict[str, Any]
METADATA_ONLY = "application/json;as=PartialObjectMetadata{list};g=meta.k8s.io;v=v1"
# The API server sends a bookmark about once a minute.
SILENT_S = 100.0
# Longer than a silence, a failed connection and the longest wait after it.
PROMISED_S = 240.0
_LONGEST_WAIT_S = 8.0
_log = structlog.get_logger(__name__)


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Version(msgspec.Struct, rename={"version": "resourceVersion"}):
    version: str = ""


class _Versioned(msgspec.Struct):
    metadata: _Version = msgspec.field(default_factory=_Version)
    code: int = 0
    message: str = ""


_EVENTS = msgspec.json.Decoder(_Event)
_VERSIONED = msgspec.json.Decoder(_Versioned)


@dataclass(frozen=True)
class Follower:
    """Who is told. `changed` of each object that is new or has changed, `gone` of each that was deleted, `listed` of
    all (namespace, name) after each full list: what is not among them is gone. `alive` whenever there was a sign of
    life, or of death."""

    changed: Callable[[JsonObject], None]
    gone: Callable[[JsonObject], None]
    listed: Callable[[set[tuple[str, str]]], None]
    alive: Callable[[], None]


class Watch:
    """One kind in one namespace (None: in all)."""

    def __init__(
        self,
        kube: KubeClient,
        resource: Resource,
        namespace: str | None,
        follower: Follower,
        *,
        labels: str | None = None,
        metadata_only: bool = False,
        silent_s: float = SILENT_S,
        first_wait_s: float = 0.5,
    ) -> None:
        self._kube = kube
        self._resource = resource
        self._namespace = namespace
        self._follower = follower
        self._labels = {"labels": labels} if labels is not None else {}
        self._accept = METADATA_ONLY if metadata_only else "application/json"
        self._silent_s = silent_s
        self._first_wait_s = first_wait_s
        self._version = ""

    async def run(self) -> None:
        """Follows until cancelled."""
        wait_s = self._first_wait_s
        while True:
            began = time.monotonic()
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except ExpiredError:
                self._version = ""
            except DependencyError as error:
                if error.status == 410:
                    self._version = ""
                _log.warning("watch interrupted", resource=self._resource.plural, error=str(error))
            self._follower.alive()
            # One that held for a while was no failure to connect.
            wait_s = self._first_wait_s if time.monotonic() - began > 2 * wait_s else min(2 * wait_s, _LONGEST_WAIT_S)
            metrics.WATCH_RESTARTS.labels(self._resource.plural).inc()
            await asyncio.sleep(wait_s)

    async def _list(self) -> None:
        seen, token, accept = set(), "", self._accept.format(list="List")
        while True:
            page = await self._kube.page(self._resource, self._namespace, token=token, accept=accept, **self._labels)
            for raw in page.items or ():
                body = msgspec.json.decode(raw)
                seen.add((body["metadata"].get("namespace", ""), body["metadata"]["name"]))
                self._follower.changed(body)
            self._follower.alive()
            token = page.metadata.token
            if not token:
                break
        self._version = page.metadata.version
        self._follower.listed(seen)

    async def _watch(self) -> None:
        accept = self._accept.format(list="")
        async with self._kube.watch(
            self._resource, self._namespace, self._version, silent_s=self._silent_s, accept=accept, **self._labels
        ) as chunks:
            async for line in _lines(chunks):
                self._follower.alive()
                self._take(_EVENTS.decode(line))

    def _take(self, event: _Event) -> None:
        head = _VERSIONED.decode(event.object)
        if event.type == "ERROR":
            if head.code == 410:
                raise ExpiredError
            raise DependencyError("Kubernetes", f"watch {self._resource.plural}", head.code, head.message)
        if event.type != "BOOKMARK":
            body = msgspec.json.decode(event.object)
            (self._follower.gone if event.type == "DELETED" else self._follower.changed)(body)
        self._version = head.metadata.version


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines; an object may be larger than any chunk."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
