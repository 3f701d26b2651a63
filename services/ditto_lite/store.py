"""The durable state: one SQLite file in WAL mode, written in groups.

A write is on its way to the disk's cache of the kernel when ``write`` returns: it survives the death of this process
(kill -9); with ``synchronous=FULL`` it survives the machine's too. I/O; one thread at a time writes. Next:
:mod:`ditto_lite.commit` groups the writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

Kind = Literal["thing", "policy", "connection"]


class Row(NamedTuple):
    """One entity as stored. ``document`` is None for what was deleted: its revision goes on if it is created again."""

    kind: Kind
    id: str
    revision: int
    created_ms: int
    modified_ms: int
    document: bytes | None


_SCHEMA = """
CREATE TABLE IF NOT EXISTS entities (
    kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
    created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL, document BLOB,
    PRIMARY KEY (kind, id)
)
"""
_UPSERT = (
    "INSERT OR REPLACE INTO entities (kind, id, revision, created_ms, modified_ms, document) VALUES (?, ?, ?, ?, ?, ?)"
)


class Store:
    """All entities in one file."""

    def __init__(self, path: Path, synchronous: Literal["NORMAL", "FULL"] = "NORMAL") -> None:
        """Open the file, made if it is not there.

        Raises:
            sqlite3.Error: it cannot be opened, or is not a database.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        # check_same_thread: commits run in the writer thread, loading and closing in the main thread, never together.
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={synchronous}")
        # 16 MiB of log between checkpoints: a checkpoint syncs the file, so it should be rare.
        self._db.execute("PRAGMA wal_autocheckpoint=4000")
        self._db.execute(_SCHEMA)

    def write(self, rows: Iterable[Row]) -> None:
        """Write all rows in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_UPSERT, rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def load(self, kind: Kind) -> Iterator[Row]:
        """Every entity of a kind, deleted ones too."""
        query = "SELECT kind, id, revision, created_ms, modified_ms, document FROM entities WHERE kind = ?"
        for row in self._db.execute(query, (kind,)):
            yield Row(*row)

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._db.close()


def encode(document: object) -> bytes:
    """A document as it is stored."""
    return msgspec.json.encode(document)
