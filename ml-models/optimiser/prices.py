"""What cooling's energy costs over time: a tariff, or the carbon of its electricity. Pure but for
:func:`file_of`.

A series holds from each of its times until the next. It comes from a file with lines of time and value: ISO 8601 times
with a zone (or epoch seconds), and a value per kWh; a header may name its unit (``time,EUR/kWh``). Next:
:mod:`optimiser.controller`, for which what counts is by how much now is dearer than the day ahead.
"""

from __future__ import annotations

import bisect
import csv
import io
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

Objective = Literal["energy", "cost", "carbon"]
OBJECTIVES: Final = ("energy", "cost", "carbon")
DAY_S: Final = 86_400.0
# However dear it is now, the room is not driven further than by this factor from how it would be without a price.
LEAST, MOST = 0.25, 4.0


class SeriesError(ValueError):
    """A series that cannot be read; the text names the line."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values per kWh from each time (epoch s, ascending) until the next; the last one holds on."""

    times_s: tuple[float, ...]
    values: tuple[float, ...]
    unit: str = "per kWh"

    def at(self, time_s: float) -> float:
        """The value at a time; before the first one, the first."""
        return self.values[max(0, bisect.bisect_right(self.times_s, time_s) - 1)]

    def mean(self, from_s: float, to_s: float) -> float:
        """The mean over a time."""
        cuts = [from_s, *(t for t in self.times_s if from_s < t < to_s), to_s]
        spans = list(itertools.pairwise(cuts))
        return sum(self.at(begin) * (end - begin) for begin, end in spans) / (to_s - from_s)

    def relative(self, time_s: float) -> float:
        """Now, as a share of the mean of the day from now on; 1 where that is not above 0."""
        mean = self.mean(time_s, time_s + DAY_S)
        return min(MOST, max(LEAST, self.at(time_s) / mean)) if mean > 0.0 else 1.0


def parse(text: str) -> Series:
    """A series from CSV, or from JSON: a list of pairs, or of objects with `time` and `value`.

    Raises:
        SeriesError: it is neither, is empty, or its times do not ascend.
    """
    if text.lstrip().startswith("["):
        try:
            found = json.loads(text)
            pairs = [(one["time"], one["value"]) if isinstance(one, dict) else (one[0], one[1]) for one in found]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise SeriesError(f"series: expected pairs of time and value: {error}") from error
        return _checked(
            [_time(str(t), k + 1) for k, (t, _) in enumerate(pairs)],
            [_value(str(v), k + 1) for k, (_, v) in enumerate(pairs)],
            "",
        )
    times: list[float] = []
    values: list[float] = []
    unit = ""
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if len(cells) < 2:
            raise SeriesError(f"line {number}: expected time and value, separated by a comma")
        if not times and not _is_number(cells[1]):
            unit = cells[1] if cells[1].lower() not in ("value", "price", "intensity") else ""
            continue
        times.append(_time(cells[0], number))
        values.append(_value(cells[1], number))
    return _checked(times, values, unit)


def file_of(path: Path | None) -> Callable[[], Series | None]:
    """Reads a series from a file, again when the file has changed; None where there is no path.

    The function raises SeriesError where the file cannot be read.
    """
    known: dict[int, Series] = {}

    def read() -> Series | None:
        if path is None:
            return None
        try:
            changed = path.stat().st_mtime_ns
            if changed not in known:
                series = parse(path.read_text(encoding="utf-8"))
                known.clear()
                known[changed] = series
        except (OSError, UnicodeDecodeError) as error:
            raise SeriesError(f"{path}: {error}") from error
        return known[changed]

    return read


def _checked(times: Sequence[float], values: Sequence[float], unit: str) -> Series:
    if not times or len(times) != len(values):
        raise SeriesError("series: expected at least one time with a value")
    for before, after in itertools.pairwise(times):
        if after <= before:
            raise SeriesError("series: times must ascend")
    return Series(tuple(times), tuple(values), unit or "per kWh")


def _time(text: str, number: int) -> float:
    if _is_number(text):
        return float(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SeriesError(
            f"line {number}: {text!r}: expected an ISO 8601 time, for instance 2025-11-03T00:00Z"
        ) from None
    if found.tzinfo is None:
        raise SeriesError(f"line {number}: {text!r}: a time needs a zone, for instance Z or +01:00")
    return found.timestamp()


def _value(text: str, number: int) -> float:
    if not _is_number(text):
        raise SeriesError(f"line {number}: {text!r}: expected a number")
    return float(text)


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text) and abs(float(text)) != float("inf")
    except ValueError:
        return False
