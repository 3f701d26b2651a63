"""Entries of the configuration -> sources, each problem with the entry's name. Next: `collector.runner`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from collector import protocols
from collector.config import Common, Config, devices_of
from collector.model import ConfigError, Listening, Plugin, Polled, Surroundings

_FILES: Final = ("file", "caFile", "devicesFile", "tlsCert", "tlsKey")


@dataclass(slots=True)
class Made:
    """A source with its options."""

    source: Polled | Listening
    options: Common
    protocol: str

    @property
    def name(self) -> str:
        """Its name, unique among all."""
        return self.source.name


def make(config: Config, surroundings: Surroundings, only: str = "") -> list[Made]:
    """Sources of all entries (or of those whose name begins with ``only``).

    Raises:
        ConfigError: an entry is wrong; the text begins with its place and name.
    """
    made: list[Made] = []
    for number, entry in enumerate(config.collectors):
        name = entry.get("name") if isinstance(entry, dict) else None
        place = f"collectors[{number}]" + (f" ({name})" if name else "")
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{place}.name: expected a name")
        try:
            plugin = protocols.load(str(entry.get("protocol", "")))
            for values in _entries(entry, plugin, config.folder):
                options = msgspec.convert(values, plugin.options, strict=False)
                if only and not options.name.startswith(only):
                    continue
                made.append(Made(plugin.make(options, surroundings), options, options.protocol))
        except (ConfigError, msgspec.ValidationError, ValueError) as error:
            raise ConfigError(f"{place}: {error}") from error
    _unique(item.name for item in made)
    return made


def _entries(entry: dict[str, Any], plugin: Plugin, folder: str) -> list[dict[str, Any]]:
    """One set of options per source: an entry's own fields are what its devices have in common."""
    entry = _rooted(entry, folder)
    devices = devices_of(entry)
    common = {key: value for key, value in entry.items() if key not in ("devices", "devicesFile")}
    if plugin.shared:
        return [{**common, "devices": devices, "folder": folder}]
    if not devices:
        return [{**common, "folder": folder}]
    return [
        {**common, "folder": folder, **device, "name": f"{common['name']}/{_device_name(device, at)}"}
        for at, device in enumerate(devices)
    ]


def _rooted(value: Any, folder: str) -> Any:
    """Paths of files in an entry are relative to the configuration's folder."""
    if isinstance(value, list):
        return [_rooted(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: str(Path(folder) / item) if key in _FILES and isinstance(item, str) and item else _rooted(item, folder)
        for key, item in value.items()
    }


def _device_name(device: dict[str, Any], at: int) -> str:
    if device.get("name"):
        return str(device["name"])
    # Host and thing together: one host may be asked for two things.
    parts = [str(device[key]) for key in ("host", "url", "thing") if device.get(key)]
    return "/".join(parts) or str(at)


def _unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigError(f"collectors: two sources are called {name!r}; give them names of their own")
        seen.add(name)
