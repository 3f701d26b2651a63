"""The model registry, where it is a directory: every model's versions, what serves, and how things stand, as one tar.

Trainings publish and scorecards note while a backup is made. So the notes are read before the versions that they speak
of, and what a note was kept with is whole: versions never change, and the manifest of one is written last. A registry
in an object store is left to who runs that store: `folder_of` says None.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from models.definition import MANIFEST_FILE
from provision.failure import Failure

_FILE: Final = "registry.tar"
_VERSIONS: Final = "versions"
# <model>/<note>, or <model>/versions/<version>/<file>; a volume may hold more, as `lost+found`.
_MODEL: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_UNFINISHED: Final = ".part"


def folder_of(url: str) -> Path | None:
    """The directory that a registry's URL names; None for an object store, or without a URL."""
    if "://" in url:
        return Path(url.removeprefix("file://")) if url.startswith("file://") else None
    return Path(url) if url else None


def save(root: Path, folder: Path) -> dict[str, int]:
    """Write the registry below `root` into `folder`; how many models and whole versions. One without models is kept as
    that.

    Raises:
        Failure: the registry cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    models, versions = set(), 0
    try:
        with tarfile.open(folder / _FILE, "w") as archive:
            for path in _paths(root):
                content = _content(path)
                if content is None:
                    continue
                name = path.relative_to(root).as_posix()
                models.add(path.relative_to(root).parts[0])
                versions += path.name == MANIFEST_FILE
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        raise Failure(f"model registry {root}: {error}", "is its volume mounted, and may this user read it?") from error
    return {"models": len(models), "versions": versions}


def load(root: Path, folder: Path) -> dict[str, int]:
    """Put the backup's models below `root`: versions that are missing, and all notes as they were; how many models and
    versions the backup has. Versions that it does not know stay.

    Raises:
        Failure: the registry cannot be written, or the backup is broken.
    """
    models, versions = set(), 0
    try:
        with tarfile.open(folder / _FILE) as archive:
            for entry in sorted(archive.getmembers(), key=lambda entry: _rank(PurePosixPath(entry.name))):
                path = _checked(entry)
                models.add(path.parts[0])
                versions += path.name == MANIFEST_FILE
                target = root / path
                if _is_of_version(path) and target.exists():
                    continue
                source = archive.extractfile(entry)
                assert source is not None
                target.parent.mkdir(parents=True, exist_ok=True)
                # Readers must never see half a file.
                unfinished = target.with_name(target.name + _UNFINISHED)
                unfinished.write_bytes(source.read())
                unfinished.rename(target)
    except tarfile.TarError as error:
        raise Failure(f"{folder / _FILE}: {error}", "is the backup complete? choose another") from error
    except OSError as error:
        raise Failure(
            f"model registry {root}: {error}", "is its volume mounted, and may this user write it?"
        ) from error
    return {"models": len(models), "versions": versions}


def _paths(root: Path) -> Iterator[Path]:
    """Every file to keep: of each model the notes, then the versions that are whole."""
    for model in sorted(root.iterdir()):
        if not _MODEL.fullmatch(model.name) or not model.is_dir():
            continue
        yield from sorted(path for path in model.iterdir() if _is_kept(path))
        for version in sorted((model / _VERSIONS).glob("*")):
            if (version / MANIFEST_FILE).is_file():
                yield from sorted(path for path in version.iterdir() if _is_kept(path))


def _is_kept(path: Path) -> bool:
    """Not what is being written, nor the lock of who writes."""
    return path.suffix != _UNFINISHED and not path.name.startswith(".") and path.is_file()


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        # A note that was taken back since it was listed.
        return None


def _rank(path: PurePosixPath) -> tuple[int, str]:
    """In the order in which a registry is written: a version's files, its manifest, then what speaks of it."""
    if not _is_of_version(path):
        return 2, str(path)
    return int(path.name == MANIFEST_FILE), str(path)


def _is_of_version(path: PurePosixPath) -> bool:
    return len(path.parts) == 4 and path.parts[1] == _VERSIONS


def _checked(entry: tarfile.TarInfo) -> PurePosixPath:
    """The path of a file of a registry. Raises TarError for anything else: a backup may come from elsewhere."""
    path = PurePosixPath(entry.name)
    fits = len(path.parts) == 2 or _is_of_version(path)
    if not entry.isreg() or not fits or ".." in path.parts or not _MODEL.fullmatch(path.parts[0]):
        raise tarfile.TarError(f"{entry.name!r} is no file of a model registry")
    return path
