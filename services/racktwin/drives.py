"""A server's disks: devices report each as ``drive.<name>``, the twin has all in one feature, ``drives``. Pure.

Ditto takes no feature that a thing's model does not name, and nobody knows beforehand which disks a server has; so they
are entries of one object, each with its own quality and time. InfluxDB has them apart, by the tag ``disk``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

PREFIX: Final = "drive."
TWIN: Final = "drives"
DISKS: Final = "disks"
# More than any server has: beyond it, names are made up.
MOST: Final = 256
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST: Final = 63


def feature(disk: str) -> str | None:
    """The feature of a disk that its system calls ``/dev/sda`` or ``Disk.Bay.0:Enclosure.1``; None for no name."""
    name = _ODD.sub("-", disk.removeprefix("/dev/")).strip("-_")[:_LONGEST]
    return f"{PREFIX}{name}" if name else None


def disk_of(name: str) -> str | None:
    """The disk that a feature is of, None for other features."""
    return name[len(PREFIX) :] if name.startswith(PREFIX) else None


def fold(features: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Features as the twin has them: the disks together. What holds no disk is given back as it is."""
    disks = {name[len(PREFIX) :]: values for name, values in features.items() if name.startswith(PREFIX)}
    if not disks:
        return features
    others = {name: values for name, values in features.items() if not name.startswith(PREFIX)}
    return {**others, TWIN: {DISKS: disks}}


def unfold(features: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(feature, properties) of a twin's features as devices report them: each disk by itself."""
    for name, content in features.items():
        properties = (content or {}).get("properties") or {}
        if name != TWIN:
            yield name, properties
            continue
        disks = properties.get(DISKS)
        for disk, values in disks.items() if isinstance(disks, dict) else ():
            if isinstance(values, dict):
                yield f"{PREFIX}{disk}", values
