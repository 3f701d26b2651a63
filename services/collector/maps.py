"""Maps of devices' values, shipped as data in ``data/<protocol>/`` or given as a file of the user's own.

A map is a list of points, with what it is of; SNMP maps also say by which ``sysObjectID`` discovery knows the device.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec
import yaml

from collector.model import ConfigError
from collector.points import Point

DATA: Final = Path(__file__).parent / "data"
P = TypeVar("P", bound=Point)


class Map(msgspec.Struct, Generic[P], kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """``title`` and ``source`` are for people: what it is of, and where its numbers come from."""

    title: str
    source: str
    points: list[P]
    kind: str = ""
    identify: list[str] = []


def names(protocol: str) -> list[str]:
    """The maps that are shipped for a protocol."""
    return sorted(path.stem for path in (DATA / protocol).glob("*.yaml"))


def load(protocol: str, name: str, kind: type[P], folder: str = "") -> Map[P]:
    """A shipped map by name, or a file by a name that ends in ``.yaml`` (relative to ``folder``).

    Raises:
        ConfigError: there is none of that name, or it is not well formed.
    """
    own = name.endswith((".yaml", ".yml"))
    path = Path(folder) / name if own else DATA / protocol / f"{name}.yaml"
    if not path.is_file():
        shipped = ", ".join(names(protocol)) or "none"
        raise ConfigError(f"map {name!r}: expected a file ending in .yaml, or one of those shipped: {shipped}")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert(document, Map[kind])  # type: ignore[valid-type]
    except (yaml.YAMLError, msgspec.ValidationError, OSError) as error:
        raise ConfigError(f"map {path.name}: {' '.join(str(error).split())}") from error
