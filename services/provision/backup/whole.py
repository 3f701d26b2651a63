"""A whole backup in one folder, and its way back."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provision.backup import influx, mongo, registry, resources
from provision.failure import Failure
from provision.settings import BackupSettings

_MANIFEST = "manifest.json"


def names(folder: Path) -> list[str]:
    """Complete backups, the oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"*/{_MANIFEST}"))


def save(
    settings: BackupSettings, api: resources.Api | None, now: dt.datetime, keep: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Make a backup and remove all but the newest `keep`; its manifest.

    Raises:
        Failure: a part could not be read, or there is nothing to back up.
    """
    # Passwords are in it.
    os.umask(0o077)
    name = now.strftime("%Y%m%dT%H%M%SZ")
    folder = settings.backup_dir / name
    unfinished = settings.backup_dir / f".{name}.partial"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    parts: dict[str, Any] = {}
    try:
        if api is not None:
            parts["resources"] = resources.save(api, unfinished / "resources")
            say(f"resources: {parts['resources']}")
        if settings.backup_mongodb_uri is not None:
            parts["mongodb"] = mongo.save(settings.backup_mongodb_uri.get_secret_value(), unfinished / "mongodb")
            say(f"mongodb: {sum(parts['mongodb'].values())} documents")
        if settings.influx_url:
            parts["influxdb"] = influx.save(
                settings.influx_url, settings.influx_token.get_secret_value(), unfinished / "influxdb"
            )
            say(f"influxdb: {parts['influxdb']}")
        models = registry.folder_of(settings.registry_url)
        if models is not None:
            parts["registry"] = registry.save(models, unfinished / "registry")
            say(f"registry: {parts['registry']}")
        elif settings.registry_url:
            say(f"registry: {settings.registry_url} is not backed up here: keep versions of the objects in its store")
        if not parts:
            raise Failure(
                "there is nothing to back up",
                "set RACKTWIN_BACKUP_MONGODB_URI, RACKTWIN_INFLUX_URL, RACKTWIN_REGISTRY_URL or a namespace",
            )
        manifest = {"v": 1, "name": name, "parts": parts}
        (unfinished / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    for old in names(settings.backup_dir)[:-keep]:
        shutil.rmtree(settings.backup_dir / old)
        say(f"removed {old}")
    return manifest


def load(settings: BackupSettings, api: resources.Api | None, name: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Restore a backup; what was restored of each part.

    Raises:
        Failure: there is no such backup, or a part could not be restored.
    """
    folder = settings.backup_dir / name
    if not (folder / _MANIFEST).exists():
        there = ", ".join(names(settings.backup_dir)) or "none"
        raise Failure(f"backup {name!r}: there is no complete one of that name", f"choose one of: {there}")
    parts = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["parts"]
    restored: dict[str, Any] = {}
    if "resources" in parts and api is not None:
        restored["resources"] = resources.load(api, folder / "resources")
    if "mongodb" in parts and settings.backup_mongodb_uri is not None:
        restored["mongodb"] = mongo.load(settings.backup_mongodb_uri.get_secret_value(), folder / "mongodb")
    if "influxdb" in parts and settings.influx_url:
        restored["influxdb"] = influx.load(
            settings.influx_url, settings.influx_token.get_secret_value(), folder / "influxdb"
        )
    models = registry.folder_of(settings.registry_url)
    if "registry" in parts and models is not None:
        restored["registry"] = registry.load(models, folder / "registry")
    for part, what in restored.items():
        say(f"restored {part}: {what}")
    return restored
