"""CSV and Parquet files as columns, with the caller's names for them, and times as epoch milliseconds.

Next: `readings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from physics_files.problems import FileProblem
from physics_files.quantities import squeeze

TIMES: Final = ("time", "timestamp", "ts", "datetime", "observedat", "date", "epoch", "at")
_EPOCHS: Final = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1.0), (0.0, 1000.0))


def read(path: Path, mapping: Mapping[str, str]) -> pd.DataFrame:
    """The table in a `.csv` (also `.csv.gz`, `.tsv`) or `.parquet` file, mapped columns renamed to our names.

    Args:
        path: the file.
        mapping: our name -> the file's, for columns that the file names otherwise.

    Raises:
        FileProblem: it cannot be read, is empty, or lacks a mapped column.
    """
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            table = pd.read_parquet(path)
        else:
            separator = "\t" if path.suffix.lower() == ".tsv" else _separator(path)
            table = pd.read_csv(path, sep=separator, comment="#", skipinitialspace=True)
    except OSError as error:
        raise FileProblem(f"{path.name}: cannot be read: {error}", "name a readable CSV or Parquet file") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise FileProblem(
            f"{path.name}: neither CSV nor Parquet: {str(error).splitlines()[0]}", "name a CSV or Parquet file"
        ) from error
    if table.index.name is not None:
        table = table.reset_index()
    table.columns = [str(column).strip() for column in table.columns]
    missing = [theirs for theirs in mapping.values() if theirs not in table.columns]
    if missing:
        raise FileProblem(
            f"{path.name}: no column {', '.join(missing)}, which --map names",
            f"its columns are {', '.join(map(str, table.columns[:20]))}",
        )
    if table.empty:
        raise FileProblem(f"{path.name}: no rows", "record something first")
    # What stood under our name by chance gives way to what the person said.
    hidden = [ours for ours in mapping if ours in table.columns and mapping[ours] != ours]
    table = table.drop(columns=hidden)
    return table.rename(columns={theirs: ours for ours, theirs in mapping.items()})


def time_column(table: pd.DataFrame, name: str) -> str:
    """The column that holds the time.

    Raises:
        FileProblem: none looks like one.
    """
    by_name = {squeeze(str(column)): str(column) for column in reversed(table.columns)}
    for spelling in TIMES:
        if spelling in by_name:
            return by_name[spelling]
    for column in table.columns:
        if pd.api.types.is_datetime64_any_dtype(table[column]):
            return str(column)
    raise FileProblem(
        f"{name}: no column time", f"say which it is: --map time=COLUMN; columns: {', '.join(table.columns[:20])}"
    )


def epoch_ms(column: Any, name: str, timezone: str = "UTC") -> npt.NDArray[np.int64]:
    """Times as epoch milliseconds: ISO 8601 texts, datetimes, or epoch seconds, ms, us or ns by their size.

    Times without a zone are of `timezone`.

    Raises:
        FileProblem: a value is no time; the first such row is named.
    """
    if pd.api.types.is_numeric_dtype(column):
        numbers = column.to_numpy(dtype=float)
        if not np.isfinite(numbers).all():
            row = int(np.flatnonzero(~np.isfinite(numbers))[0])
            raise FileProblem(f"{name}: row {row + 1}: no time", "remove the row, or give it a time")
        size = float(np.median(np.abs(numbers)))
        factor = next(scale for limit, scale in _EPOCHS if size >= limit)
        rounded: npt.NDArray[np.int64] = np.round(numbers * factor).astype(np.int64)
        return rounded
    parsed = pd.to_datetime(column, errors="coerce", format=None if _is_time(column) else "mixed", utc=False)
    bad = np.flatnonzero(pd.isna(parsed).to_numpy())
    if bad.size:
        value = column.iloc[int(bad[0])]
        raise FileProblem(f"{name}: row {int(bad[0]) + 1}: {value!r} is no time", "use ISO 8601 or epoch seconds")
    if parsed.dt.tz is None:
        try:
            parsed = parsed.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="shift_forward")
        except (KeyError, ValueError) as error:
            raise FileProblem(f"time zone {timezone!r}: {error}", "use a name such as Europe/Berlin") from error
        # The hour that a clock shows twice is taken as its first pass.
        parsed = parsed.ffill()
    whole = parsed.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ms]")
    found: npt.NDArray[np.int64] = whole.astype("int64").to_numpy(dtype=np.int64)
    return found


def _is_time(column: Any) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(column))


def _separator(path: Path) -> str:
    """Semicolons where the first line has more of them than commas, as spreadsheets of some countries write."""
    if path.suffix.lower() == ".gz":
        return ","
    with path.open(encoding="utf-8", errors="replace") as file:
        first = next((line for line in file if not line.startswith("#")), "")
    counts = {sign: first.count(sign) for sign in (",", ";", "\t")}
    return max(counts, key=lambda sign: counts[sign])
