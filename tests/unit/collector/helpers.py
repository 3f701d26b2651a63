"""What the collectors' tests share: sources out of entries as they stand in a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.collectors.peers import redfish

from collector.config import Config, Store, Uplink
from collector.model import Reading, Surroundings
from collector.sources import Made, make

NOW = 1_767_225_600_000
HERE = Surroundings("t", lambda: NOW)


def config(*entries: dict[str, Any], folder: str = "") -> Config:
    """A configuration with these entries."""
    return Config(
        site="t",
        gateway="edge",
        uplink=Uplink(credentials="secret"),
        store=Store(directory="store"),
        collectors=list(entries),
        folder=folder,
    )


def sources(*entries: dict[str, Any], folder: Path | None = None) -> list[Made]:
    """Sources of entries; their clock stands still."""
    return make(config(*entries, folder=str(folder or "")), Surroundings("t", lambda: NOW))


def source(**entry: Any) -> Any:
    """The only source of an entry."""
    (made,) = sources({"name": "s", **entry})
    return made.source


def values(readings: list[Reading]) -> dict[str, float | str]:
    """Values by feature and property."""
    return {f"{reading.feature}/{reading.property}": reading.value for reading in readings}


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[int]:
    """An aiohttp application on loopback; its port."""
    runner, port = await redfish.serve_application(application)
    try:
        yield port
    finally:
        await runner.cleanup()
