"""Backfill from CSV and Parquet files: rows with times of their own, through the same way as live readings.

Watches a pattern of files; each is sent once, row after row, no faster than told, and remembered in a ledger with the
row it came to. Parquet is read by a process of its own (`collector.parquet_rows`), so that this one stays small. Ingest
refuses what is older than its limit (7 days unless set otherwise).
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from collector import maps
from collector.config import Common
from collector.mapped import JsonPoint, MappedDevice, Table
from collector.model import ConfigError, Emit, Plugin, Reading, SourceError, Surroundings

_BATCH: Final = 200
_LOOK_S: Final = 2.0
# Rows that a preview looks through: enough to meet each device of a table that names them in turn.
_PREVIEW_ROWS: Final = 2_000


class FilesOptions(Common, kw_only=True):
    """``pattern`` is absolute, or relative to the configuration; ``device`` the column that names the device.

    Without ``device`` all rows are of one device. A row's columns are what points have as paths.
    """

    pattern: str
    ledger: str
    device: str = ""
    time: str = "time"
    devices: list[MappedDevice]
    points: list[JsonPoint] = []
    map: str = ""
    rows_per_s: float = 500.0
    once: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows_per_s <= 0:
            raise ValueError("rowsPerS: expected a number above 0")


class Ledger:
    """How far each file was sent: rows, and the size and time by which a changed file is known."""

    def __init__(self, path: Path) -> None:
        """Reads it; raises OSError. A ledger that is not there yet is made by the first `write`."""
        self._path = path
        try:
            self._done: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            self._done = {}

    def rows(self, file: Path) -> int | None:
        """Rows of a file that were sent; None when all were and it has not changed."""
        entry = self._done.get(str(file))
        if entry is None:
            return 0
        stat = file.stat()
        if entry.get("whole") and entry["size"] == stat.st_size and entry["mtime"] == stat.st_mtime:
            return None
        # One that grew goes on where it was; one that shrank is another.
        return int(entry["rows"]) if stat.st_size >= entry["size"] else 0

    def write(self, file: Path, rows: int, *, whole: bool) -> None:
        """Remember. Raises OSError."""
        stat = file.stat()
        self._done[str(file)] = {"rows": rows, "size": stat.st_size, "mtime": stat.st_mtime, "whole": float(whole)}
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._done), encoding="utf-8")
        part.rename(self._path)


class FilesSource:
    """All files of a pattern."""

    def __init__(self, options: FilesOptions, surroundings: Surroundings) -> None:
        points = list(options.points)
        if options.map:
            points += maps.load("files", options.map, JsonPoint, options.folder).points
        if not points:
            raise ConfigError("points: expected at least one")
        self.name = options.name
        self._options = options
        self._table = Table(
            points, options.devices, site=surroundings.site, time_path=options.time, clock=surroundings.clock
        )
        self.bindings = self._table.bindings

    async def listen(self, emit: Emit) -> None:
        path = self._ledger()
        # Before anything is sent: what cannot be remembered would be sent again and again.
        path.parent.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(path)
        while True:
            for file in self._files():
                first = ledger.rows(file)
                if first is not None:
                    await self._send(file, first, ledger, emit)
            if self._options.once:
                await asyncio.Event().wait()
            await asyncio.sleep(_LOOK_S)

    async def preview(self) -> AsyncGenerator[Sequence[Reading]]:
        """The first rows that were not sent yet, of all files together; the ledger is read, and stays as it is."""
        ledger = Ledger(self._ledger())
        files = self._files()
        if not files:
            raise SourceError(f"{self._options.pattern}: no file of that name in {self._options.folder}")
        left = _PREVIEW_ROWS
        for file in files:
            first = ledger.rows(file)
            if first is None:
                continue
            at = 0
            async with contextlib.aclosing(_rows(file)) as rows:
                async for row in rows:
                    at += 1
                    if at <= first:
                        continue
                    if left == 0:
                        return
                    left -= 1
                    yield self._readings(row)

    async def close(self) -> None:
        """Nothing is held between two `listen`."""

    def _ledger(self) -> Path:
        return Path(self._options.folder) / self._options.ledger

    def _readings(self, row: Mapping[str, Any]) -> list[Reading]:
        device = str(row.get(self._options.device, "")) if self._options.device else ""
        return self._table.readings(device, row)

    def _files(self) -> list[Path]:
        pattern = Path(self._options.pattern)
        # A pattern of `glob` may not be absolute.
        folder = Path(pattern.anchor or self._options.folder)
        return sorted(path for path in folder.glob(str(pattern.relative_to(pattern.anchor))) if path.is_file())

    async def _send(self, file: Path, first: int, ledger: Ledger, emit: Emit) -> None:
        at = 0
        batch: list[Reading] = []
        async for row in _rows(file):
            at += 1
            if at <= first:
                continue
            batch += self._readings(row)
            if at % _BATCH == 0:
                emit(batch)
                ledger.write(file, at, whole=False)
                batch = []
                await asyncio.sleep(_BATCH / self._options.rows_per_s)
        emit(batch)
        ledger.write(file, at, whole=True)


async def _rows(file: Path) -> AsyncGenerator[Mapping[str, Any]]:
    if file.suffix == ".parquet":
        async with contextlib.aclosing(_parquet(file)) as rows:
            async for row in rows:
                yield row
        return
    for row in _csv(file):
        yield row


def _csv(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with file.open(encoding="utf-8", newline="") as text:
            # A cell that is empty is absent.
            yield from ({key: value for key, value in row.items() if key and value} for row in csv.DictReader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{file}: {error}") from error


async def _parquet(file: Path) -> AsyncGenerator[Mapping[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "collector.parquet_rows", str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    try:
        async for line in process.stdout:
            yield json.loads(line)
        if await process.wait() != 0:
            text = (await process.stderr.read()).decode("utf-8", "replace").strip().splitlines()
            raise SourceError(f"{file}: {text[-1] if text else 'cannot be read'}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


PLUGIN = Plugin(FilesOptions, FilesSource, shared=True)
