"""Drives of a Redfish service: all that its storage links to, as many at a time as there is time for.

A management controller may take tenths of a second for each resource, and a drive is three of them: what is not reached
within the time is asked first the next time. A drive that answers with an error is left out. Next:
`collector.protocols.redfish`, which makes readings of them.
"""

from __future__ import annotations

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

    def __init__(self, get: Get, within_s: float, monotonic: Callable[[], float]) -> None:
        """``get``: the resource at a path, None where there is none."""
        self._get, self._within_s, self._monotonic = get, within_s, monotonic
        self._next = ""

    async def read(self, storages: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
        """Drive resources by feature (``drive.<id>``).

        Raises:
            SourceError: not one of them can be read.
        """
        ends = self._monotonic() + self._within_s
        links = _named(storages)
        order = sorted(links, key=lambda path: (path < self._next, path))
        found: dict[str, dict[str, Any]] = {}
        trouble: SourceError | None = None
        self._next = ""
        for path in order:
            if self._monotonic() >= ends:
                self._next = path
                break
            try:
                drive = await self._whole(path)
            except SourceError as error:
                trouble = error
                continue
            if drive is not None:
                found[links[path]] = drive
        if trouble is not None and not found:
            raise trouble
        return found

    async def _whole(self, path: str) -> dict[str, Any] | None:
        drive = await self._get(path)
        if not isinstance(drive, dict) or (drive.get("Status") or {}).get("State") == "Absent":
            return None
        for name in _BESIDE:
            link = (drive.get(name) or {}).get("@odata.id")
            if link:
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
        for link in storage.get("Drives") or ():
            path = link.get("@odata.id") if isinstance(link, dict) else None
            if isinstance(path, str):
                yield path
