"""The files of an image layer: where each comes from and where it goes. `oci` writes it.

Everything belongs to root and bears one date, so that the same files give the same layer.
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath


@dataclasses.dataclass(frozen=True)
class Item:
    """One entry: a file of the host, a text of ours, a link, or a folder."""

    source: Path | None = None
    text: str | None = None
    link: str | None = None
    mode: int = 0o755


def _everything(_path: Path) -> bool:
    return True


class Tree:
    """A layer in the making: absolute target path -> item."""

    def __init__(self) -> None:
        """Nothing in it."""
        self._items: dict[PurePosixPath, Item] = {}

    def __contains__(self, target: str) -> bool:
        return PurePosixPath(target) in self._items

    def __len__(self) -> int:
        return len(self._items)

    def file(self, source: Path, target: str) -> None:
        """A file of the host, links followed, readable and as executable as it is there."""
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self._items[PurePosixPath(target)] = Item(source=source.resolve(), mode=mode)

    def text(self, target: str, content: str, mode: int = 0o644) -> None:
        """A file with this content."""
        self._items[PurePosixPath(target)] = Item(text=content, mode=mode)

    def link(self, target: str, to: str) -> None:
        """A symbolic link."""
        self._items[PurePosixPath(target)] = Item(link=to)

    def folder(self, target: str, mode: int = 0o755) -> None:
        """An empty folder."""
        self._items[PurePosixPath(target)] = Item(mode=mode)

    def tree(self, source: Path, target: str, keep: Callable[[Path], bool] = _everything) -> None:
        """A folder of the host with all its files that `keep` takes (given the path relative to it).

        Links are followed: what they lead to may lie elsewhere on the host.
        """
        for folder, names, files in os.walk(source, followlinks=True):
            place = Path(folder)
            names[:] = sorted(name for name in names if keep((place / name).relative_to(source)))
            for name in sorted(files):
                file = place / name
                relative = file.relative_to(source)
                if keep(relative) and file.is_file():
                    self.file(file, str(PurePosixPath(target) / relative.as_posix()))

    def items(self) -> Iterator[tuple[PurePosixPath, Item]]:
        """All entries in order, with the folders that lead to them."""
        folders = {parent for path in self._items for parent in path.parents if parent != PurePosixPath("/")}
        items = {**{folder: Item() for folder in folders}, **self._items}
        yield from sorted(items.items())

    def sources(self) -> Iterable[Path]:
        """The host's files in it."""
        return [item.source for item in self._items.values() if item.source is not None]

    def fingerprint(self) -> str:
        """Changes when the layer would: over names, modes, texts, and size and date of the host's files."""
        digest = hashlib.sha256()
        for path, item in self.items():
            stamp = ""
            if item.source is not None:
                status = item.source.stat()
                stamp = f"{item.source} {status.st_size} {status.st_mtime_ns}"
            digest.update(f"{path}\0{item.mode}\0{item.text}\0{item.link}\0{stamp}\n".encode())
        return digest.hexdigest()
