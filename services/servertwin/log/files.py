"""Rows into a CSV or Parquet file. Next: `servertwin.recording` reads them back.

Parquet is written by row groups, and its library (a hundred MB of memory) is loaded with the first one. A Parquet file
without its end cannot be read, so until it is closed the rows of all groups also stand in ``<file>.open.csv``: what a
killed logger leaves can be read from there.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from servertwin import columns as col

Value = float | int | str


class Rows(Protocol):
    """Where rows go."""

    def write(self, row: Mapping[str, Value]) -> None:
        """One row, by column; a column that is not there is empty."""

    def close(self) -> None:
        """No more rows."""


def open_rows(out: str, columns: Sequence[str], *, parquet: bool, rows_per_group: int = 60) -> Rows:
    """A file of that name, anew; ``-`` is standard output (CSV).

    Raises:
        OSError: it cannot be written.
    """
    if out == "-":
        return CsvRows(sys.stdout, columns)
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    if parquet:
        return ParquetRows(path, columns, rows_per_group)
    return CsvRows(path.open("w", newline="", encoding="utf-8"), columns)


class CsvRows:
    """A header, and a line per row, each written at once."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._file, self._columns = file, list(columns)
        self._writer = csv.writer(file)
        self._writer.writerow(self._columns)
        self._file.flush()

    def write(self, row: Mapping[str, Value]) -> None:
        self._writer.writerow([row.get(name, "") for name in self._columns])
        self._file.flush()

    def close(self) -> None:
        if self._file is not sys.stdout:
            self._file.close()


class ParquetRows:
    """Row groups of ``rows_per_group`` rows; units stand in each column's metadata."""

    def __init__(self, path: Path, columns: Sequence[str], rows_per_group: int) -> None:
        self._path, self._columns, self._size = path, list(columns), rows_per_group
        self._rows: list[dict[str, Value]] = []
        self._writer: Any = None
        self._spool_path = open_spool(path)
        self._spool = CsvRows(self._spool_path.open("w", newline="", encoding="utf-8"), columns)

    def write(self, row: Mapping[str, Value]) -> None:
        self._spool.write(row)
        self._rows.append(dict(row))
        if len(self._rows) >= self._size:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()
        self._spool.close()
        self._spool_path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._rows and self._writer is not None:
            return
        import pyarrow as pa  # noqa: PLC0415 - heavy: with the first row group
        import pyarrow.parquet as pq  # noqa: PLC0415

        if self._writer is None:
            schema = pa.schema([_field(pa, name) for name in self._columns])
            self._writer = pq.ParquetWriter(str(self._path), schema, compression="zstd")
        schema = self._writer.schema
        arrays = [
            pa.array([_typed(row.get(name), name) for row in self._rows], type=schema.field(name).type)
            for name in self._columns
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        self._rows.clear()


def open_spool(path: Path) -> Path:
    """Where the rows of a Parquet file stand until it is closed."""
    return path.with_name(path.name + ".open.csv")


def _field(pa: Any, name: str) -> Any:
    unit = col.unit_of(name)
    kind = pa.string() if col.is_text(name) else pa.int64() if name == col.TIME else pa.float64()
    return pa.field(name, kind, metadata={"unit": unit} if unit else None)


def _typed(value: Value | None, name: str) -> Value | None:
    if value is None or col.is_text(name):
        return value
    return int(value) if name == col.TIME else float(value)
