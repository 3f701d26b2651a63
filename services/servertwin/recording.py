"""A log read back: times and columns, from CSV, Parquet, or what a killed logger left of Parquet.

Next: `servertwin.analysis`.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from servertwin import columns as col
from servertwin.experiment.annotations import Annotation
from servertwin.experiment.annotations import read as read_annotations
from servertwin.failures import Failure, one_line
from servertwin.log.files import open_spool

Floats = NDArray[np.float64]
_LEAST: Final = 5


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples in order of time: epoch seconds, and each column with NaN where it is absent."""

    time: Floats
    columns: dict[str, Floats]

    def column(self, name: str) -> Floats | None:
        """A column, or None where this machine has none."""
        values = self.columns.get(name)
        return values if values is not None and bool(np.isfinite(values).any()) else None

    @property
    def interval(self) -> float:
        """Usual seconds between samples."""
        return float(np.median(np.diff(self.time)))


@dataclass(frozen=True, slots=True)
class Run:
    """An experiment's folder."""

    folder: Path
    recording: Recording
    annotations: list[Annotation]
    run: dict[str, Any]
    fingerprint: dict[str, Any]


def read_run(folder: Path) -> Run:
    """What `racktwin experiment run` left in a folder; the log alone is enough.

    Raises:
        Failure: there is no log, or a file cannot be read.
    """
    places = [folder / "log.parquet", folder / "log.csv", open_spool(folder / "log.parquet")]
    found = [place for place in places if place.is_file() and place.stat().st_size > 0]
    if not found:
        raise Failure(f"{folder}: neither log.csv nor log.parquet", "racktwin experiment run --out makes such a folder")
    noted = folder / "annotations.csv"
    return Run(
        folder,
        read(found[0]),
        read_annotations(noted) if noted.is_file() else [],
        _json(folder / "run.json"),
        _json(folder / "fingerprint.json"),
    )


def read(path: Path) -> Recording:
    """A log.

    Raises:
        Failure: it cannot be read, or has too few samples.
    """
    # A logger that was killed leaves no end of a Parquet file, but all its rows beside it.
    spool = open_spool(path)
    if spool.is_file():
        path = spool
    try:
        columns = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: {one_line(error)}", "racktwin logger writes such files") from error
    time = columns.pop(col.TIME, np.array([])) / 1000.0
    good = np.isfinite(time)
    if int(good.sum()) < _LEAST:
        raise Failure(f"{path}: {int(good.sum())} samples", f"log at least {_LEAST}")
    order = np.argsort(time[good], kind="stable")
    return Recording(time[good][order], {name: values[good][order] for name, values in columns.items()})


def _csv(path: Path) -> dict[str, Floats]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if col.TIME not in header:
            raise ValueError(f"no column {col.TIME}")
        # The last line of a killed logger may be cut off.
        rows = [row for row in reader if len(row) == len(header)]
    numbers = [(place, name) for place, name in enumerate(header) if not col.is_text(name)]
    return {name: np.array([float(row[place]) if row[place] else np.nan for row in rows]) for place, name in numbers}


def _parquet(path: Path) -> dict[str, Floats]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy: for those who have such a file

    table = pq.read_table(path)
    if col.TIME not in table.column_names:
        raise ValueError(f"no column {col.TIME}")
    return {
        name: np.asarray(table.column(name).to_numpy(), dtype=float)
        for name in table.column_names
        if not col.is_text(name)
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: {one_line(error)}", "remove it, or record again") from error
    return document if isinstance(document, dict) else {}
