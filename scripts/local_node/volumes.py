"""Lays out a pod's volumes in a private folder: ConfigMaps, Secrets, empty folders. Next: `pods`."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from local_node.environment import Lookup, UnresolvedError, find
from local_node.templates import Json, UnsupportedError

_KINDS = {"configMap": "ConfigMap", "secret": "Secret"}


def _inside(folder: Path, relative: str) -> Path:
    """A path below `folder`. Raises UnsupportedError for one that leads out of it."""
    path = folder / relative
    if Path(relative).is_absolute() or ".." in Path(relative).parts:
        raise UnsupportedError(f"volume path {relative!r} leads out of the volume")
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _fill(folder: Path, kind: str, source: Json, lookup: Lookup) -> None:
    values = find(lookup, kind, source)
    if values is None:
        return
    items = source.get("items")
    wanted = {item["key"]: item["path"] for item in items} if items else {key: key for key in values}
    for key, path in wanted.items():
        if key not in values:
            raise UnresolvedError(f"{kind} {source.get('name') or source.get('secretName')} has no key {key}")
        _write(_inside(folder, path), values[key])


def lay_out(folder: Path, volumes: Iterable[Json], lookup: Lookup) -> dict[str, Path]:
    """Fill `folder` with a folder per volume; return them by the volume's name.

    Repeated at each start of a container: ConfigMaps and Secrets are written anew, an empty folder keeps what it holds.

    Raises:
        UnresolvedError: a ConfigMap, Secret or key does not exist.
        UnsupportedError: another kind of volume.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found: dict[str, Path] = {}
    for volume in volumes:
        place = _inside(folder, volume["name"])
        found[volume["name"]] = place
        if "emptyDir" not in volume:
            shutil.rmtree(place, ignore_errors=True)
        place.mkdir(exist_ok=True, mode=0o700)
        for field, kind in _KINDS.items():
            if field in volume:
                _fill(place, kind, volume[field], lookup)
                break
        else:
            if "emptyDir" not in volume:
                kinds = ", ".join(sorted(set(volume) - {"name"})) or "nothing"
                raise UnsupportedError(f"volume {volume['name']} ({kinds}); there are configMap, secret and emptyDir")
    return found


def mount_points(mounts: Iterable[Json], volumes: dict[str, Path]) -> dict[str, Path]:
    """Where each mount path of a container lies on this machine. Raises UnresolvedError for an unknown volume."""
    points = {}
    for mount in mounts:
        if mount["name"] not in volumes:
            raise UnresolvedError(f"volume {mount['name']} is not defined")
        base = volumes[mount["name"]]
        points[mount["mountPath"]] = _inside(base, mount["subPath"]) if mount.get("subPath") else base
    return points
