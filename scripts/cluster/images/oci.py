"""Writes OCI images into a folder: content-addressed blobs, and one small file per tag. `cluster.registry` serves it.

Layers are not compressed: they never leave the machine. A layer that was written from the same files before is used
again.
"""

import dataclasses
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from cluster.images.tree import Item, Tree

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# One date for everything in a layer; not 1970, which some archivers take for "no date".
_DATE = 1_700_000_000


class _Hashing(io.RawIOBase):
    """Writes to a file and keeps the digest of what went through."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)


@dataclasses.dataclass(frozen=True)
class Blob:
    """Something by its content."""

    digest: str
    """sha256:…"""
    size: int

    def descriptor(self, media_type: str) -> dict[str, object]:
        """As manifests refer to it."""
        return {"mediaType": media_type, "digest": self.digest, "size": self.size}


@dataclasses.dataclass(frozen=True)
class Config:
    """What an image runs unless it is told otherwise."""

    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    user: str = ""
    folder: str = "/"

    def document(self, layers: Sequence[Blob]) -> dict[str, object]:
        """The image's configuration blob."""
        run: dict[str, object] = {
            "Env": [f"{name}={value}" for name, value in sorted(self.environment.items())],
            "WorkingDir": self.folder,
        }
        if self.command:
            run["Cmd"] = list(self.command)
        if self.user:
            run["User"] = self.user
        return {
            "architecture": architecture(),
            "os": "linux",
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }


def architecture() -> str:
    """This machine's, as images name it."""
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _header(path: PurePosixPath, item: Item) -> tarfile.TarInfo:
    info = tarfile.TarInfo(str(path).lstrip("/"))
    info.mode, info.mtime = item.mode, _DATE
    if item.link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, item.link
    elif item.source is None and item.text is None:
        info.type = tarfile.DIRTYPE
    return info


def write_tar(tree: Tree, file: BinaryIO) -> Blob:
    """Write a layer; its digest and size."""
    out = _Hashing(file)
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as archive:
        for path, item in tree.items():
            info = _header(path, item)
            if item.text is not None:
                content = item.text.encode()
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            elif item.source is not None:
                with item.source.open("rb") as source:
                    info.size = os.fstat(source.fileno()).st_size
                    archive.addfile(info, source)
            else:
                archive.addfile(info)
    return Blob(f"sha256:{out.digest.hexdigest()}", out.size)


class Images:
    """A folder of images."""

    def __init__(self, folder: Path) -> None:
        """Open it; created when the first blob is written."""
        self.folder = folder

    def blob_path(self, digest: str) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / digest.replace(":", "/")

    def tag_path(self, repository: str, tag: str) -> Path:
        """The file that says which manifest a tag is."""
        return self.folder / "tags" / repository / tag

    def manifest(self, repository: str, tag: str) -> str | None:
        """The digest of a tag's manifest; None when there is none."""
        try:
            digest = self.tag_path(repository, tag).read_text(encoding="utf-8")
        except OSError:
            return None
        return digest if self.blob_path(digest).exists() else None

    def layer(self, tree: Tree) -> Blob:
        """Write a layer, or find the one that was written from the same files."""
        memory = self.folder / "layers" / tree.fingerprint()
        try:
            known = Blob(**json.loads(memory.read_text(encoding="utf-8")))
            if self.blob_path(known.digest).exists():
                return known
        except (OSError, ValueError, TypeError):
            pass
        self._prepare()
        temporary = self.folder / f".layer-{os.getpid()}"
        with temporary.open("wb") as file:
            blob = write_tar(tree, file)
        temporary.replace(self.blob_path(blob.digest))
        memory.parent.mkdir(exist_ok=True)
        memory.write_text(json.dumps(dataclasses.asdict(blob)), encoding="utf-8")
        return blob

    def image(self, repository: str, tag: str, layers: Sequence[Blob], config: Config) -> str:
        """Put an image together and tag it; the digest of its manifest."""
        configuration = self._put(config.document(layers))
        manifest = self._put(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": configuration.descriptor(_CONFIG),
                "layers": [layer.descriptor(_LAYER) for layer in layers],
            }
        )
        place = self.tag_path(repository, tag)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(manifest.digest, encoding="utf-8")
        return manifest.digest

    def sweep(self, older_than_s: float = 86_400) -> int:
        """Remove blobs that no tag leads to and that nobody asked for in a while; how many bytes that freed.

        Younger ones are kept: pods of a release that is being replaced may still be started with them.
        """
        limit = time.time() - older_than_s
        used: set[str] = set()
        for file in (self.folder / "tags").rglob("*"):
            if file.is_file():
                digest = file.read_text(encoding="utf-8")
                manifest = json.loads(self.blob_path(digest).read_text(encoding="utf-8"))
                used |= {digest, manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])}
        freed = 0
        for blob in (self.folder / "blobs" / "sha256").glob("*"):
            if f"sha256:{blob.name}" not in used and blob.stat().st_mtime < limit:
                freed += blob.stat().st_size
                blob.unlink()
        return freed

    def _prepare(self) -> None:
        (self.folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)

    def _put(self, document: Mapping[str, object]) -> Blob:
        self._prepare()
        content = json.dumps(document, sort_keys=True).encode()
        blob = Blob(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))
        self.blob_path(blob.digest).write_bytes(content)
        return blob
