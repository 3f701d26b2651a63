"""Drives of a Redfish service: all that its storage links to, as many at a time as there is time for.

A management controller may take tenths of a second for each resource, and a drive is three of them: what is not reached
within the time is asked first the next time. A drive that answers with an error, or alone takes longer than there is
time, is left out. Next: `collector.protocols.redfish`, which makes readings of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from collector.model import SourceError
from racktwin import drives

# What a drive links to and is put into it, where it has it.
_BESIDE: Final = ("Metrics", "EnvironmentMetrics")
Get = Callable[[str], Awaitable[Any]]


class Drives:
    """Reads drives in turn."""

    def __init__(self, get: Get, monotonic: Callable[[], float]) -> None:
        """``get``: the resource at a path, None where there is none."""
        self._get, self._monotonic = get, monotonic
        self._next = ""

    async def read(self, storages: dict[str, Any] | None, ends: float) -> dict[str, dict[str, Any]]:
        """Drive resources by feature (``drive.<id>``), as many as there is time for until ``ends`` (s, monotonic).

        Raises:
            SourceError: there are some, and not one of them can be read.
        """
        links = _named(storages)
        order = sorted(links, key=lambda path: (path < self._next, path))
        found: dict[str, dict[str, Any]] = {}
        trouble: SourceError | None = None
        for turn, path in enumerate(order):
            # Before it is asked: what is broken off here is where the next reading begins.
            self._next = path
            left = ends - self._monotonic()
            if left <= 0.0:
                trouble = trouble or SourceError("no time is left for drives; next: raise timeout_s")
                break
            try:
                async with asyncio.timeout(left):
                    drive = await self._whole(path)
            except TimeoutError:
                trouble = trouble or SourceError(f"{path} is not read within {left:.1f} s; next: raise timeout_s")
                # It had all the time that there is: the others must not wait behind it for ever.
                if turn == 0:
                    self._next = order[1 % len(order)]
                break
            except SourceError as error:
                trouble = error
                continue
            if drive is not None:
                found[links[path]] = drive
        else:
            self._next = ""
        if trouble is not None and not found:
            raise trouble
        return found

    async def _whole(self, path: str) -> dict[str, Any] | None:
        drive = await self._get(path)
        if not isinstance(drive, dict) or _part(drive, "Status").get("State") == "Absent":
            return None
        for name in _BESIDE:
            link = _part(drive, name).get("@odata.id")
            if isinstance(link, str):
                try:
                    drive[name] = await self._get(link) or {}
                except SourceError:
                    drive[name] = {}
        return drive


def _named(storages: dict[str, Any] | None) -> dict[str, str]:
    """Path of each drive -> its feature: by its id, or by those of storage and drive where two have one id."""
    paths = dict.fromkeys(_paths(storages))
    ids = Counter(path.rstrip("/").rpartition("/")[2] for path in paths)
    found = {}
    for path in paths:
        parts = [part for part in path.split("/") if part]
        own = parts[-1]
        feature = drives.feature(own if ids[own] == 1 else "-".join([*parts[-3:-2], own]))
        if feature is not None:
            found[path] = feature
    return found


def _paths(storages: dict[str, Any] | None) -> Iterator[str]:
    for storage in (storages or {}).get("Members", ()):
        links = storage.get("Drives") if isinstance(storage, dict) else None
        for link in links if isinstance(links, list) else ():
            path = link.get("@odata.id") if isinstance(link, dict) else None
            if isinstance(path, str):
                yield path


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    """An object of a resource; empty where a service has something else there."""
    part = document.get(name)
    return part if isinstance(part, dict) else {}
