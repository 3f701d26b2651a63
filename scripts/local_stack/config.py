"""Reads `settings.toml`, the ports and waiting times of the local stack. Nothing is written here."""

import functools
import tomllib
from importlib import resources
from typing import Any


@functools.cache
def settings() -> dict[str, Any]:
    """The whole settings file."""
    return tomllib.loads((resources.files("local_stack") / "settings.toml").read_text(encoding="utf-8"))


def port_offset(name: str) -> int:
    """Offset of a named port from its stack's base. Raises KeyError for an unknown name."""
    return int(settings()["ports"][name])


def start_seconds(component: str) -> float:
    """How long a component may take until it is ready."""
    table = settings()["start_seconds"]
    return float(table.get(component, table["default"]))


def stop_seconds(component: str) -> int:
    """How long a component may take to stop before it is killed."""
    table = settings()["stop_seconds"]
    return int(table.get(component, table["default"]))
