"""`annotations.csv`: what really ran when, a line per load, each written as soon as it is over.

Next: :mod:`servertwin.analysis`, which holds what it finds against these.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from servertwin.failures import Failure, one_line

FIELDS: Final = (
    "phase", "stressor", "level", "plannedStart", "plannedDuration", "startedAt", "stoppedAt", "start", "end",
    "outcome",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Annotation:
    """One load as it ran: epoch ms UTC of its first worker's start and last worker's stop; planned times in s."""

    phase: str
    stressor: str
    level: float
    planned_start: float
    planned_duration: float
    started_at: int
    stopped_at: int
    outcome: str = "done"


class Writer:
    """Appends annotations to a new file."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when it cannot be written."""
        self._file: IO[str] = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._writer.writerow(FIELDS)
        self._file.flush()

    def write(self, each: Annotation) -> None:
        """One line, at once."""
        self._writer.writerow(
            (
                each.phase,
                each.stressor,
                f"{each.level:g}",
                f"{each.planned_start:g}",
                f"{each.planned_duration:g}",
                each.started_at,
                each.stopped_at,
                _iso(each.started_at),
                _iso(each.stopped_at),
                each.outcome,
            )
        )
        self._file.flush()

    def close(self) -> None:
        """No more lines."""
        self._file.close()


def read(path: Path) -> list[Annotation]:
    """Annotations in order of time.

    Raises:
        Failure: the file cannot be read, or a field is missing or wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = [
                Annotation(
                    phase=row["phase"],
                    stressor=row["stressor"],
                    level=float(row["level"]),
                    planned_start=float(row["plannedStart"]),
                    planned_duration=float(row["plannedDuration"]),
                    started_at=int(row["startedAt"]),
                    stopped_at=int(row["stoppedAt"]),
                    outcome=row.get("outcome") or "done",
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise Failure(f"{path}: {one_line(error)}", "racktwin experiment run writes one") from error
    except KeyError as error:
        raise Failure(f"{path}: column {error.args[0]} is missing", "racktwin experiment run writes one") from error
    return sorted(found, key=lambda each: (each.started_at, each.stressor))


def _iso(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
