"""Anomalies and maintenance findings as files: CSV rows or one JSON document. Written whole or not at all."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.wear import Finding
from physics_files.grid import Grid
from training.files import findings
from training.files.findings import Scores

COLUMNS: Final = ("time", "thing", "score", "state", "type", "inputs")
_MAINTENANCE: Final = (
    "thing", "part", "state", "cause", "score", "remainingH", "remainingLoH", "remainingHiH", "windowFrom", "windowTo",
    "evidence",
)  # fmt: skip


def instant(at_ms: float) -> str:
    """Epoch ms as the time that files hold: ISO 8601, UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rows(grid: Grid, found: list[Scores], every_s: int) -> list[dict[str, Any]]:
    """One row per thing and `every_s` seconds: the highest score since the row before, and its type ("" if normal)."""
    step = max(1, every_s // grid.step_s)
    made = []
    times = [instant(ms) for ms in grid.time_ms.tolist()]
    for thing, (score, which, kinds) in findings.by_thing(found).items():
        for begin in range(0, grid.cells, step):
            end = min(begin + step, grid.cells)
            at = begin + int(np.argmax(score[begin:end]))
            value = float(score[at])
            kind, inputs = kinds[int(which[at])]
            odd = value >= 0.5
            made.append(
                {
                    "time": times[end - 1],
                    "thing": thing,
                    "score": round(value, 4),
                    "state": findings.state_of(value),
                    "type": kind if odd else "",
                    "inputs": inputs if odd else "",
                }
            )
    return sorted(made, key=lambda row: (row["time"], row["thing"]))


def events(anomalies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that follow one another as events: thing, type, from, to, highest score."""
    open_: dict[tuple[str, str], dict[str, Any]] = {}
    made = []
    times = sorted({row["time"] for row in anomalies})
    before = dict(zip(times[1:], times[:-1], strict=True))
    for row in anomalies:
        if not row["type"]:
            continue
        key = (row["thing"], row["type"])
        event = open_.get(key)
        if event is not None and event["to"] == before.get(row["time"]):
            event["to"] = row["time"]
            event["score"] = max(event["score"], row["score"])
        else:
            open_[key] = {"thing": row["thing"], "type": row["type"], "from": row["time"], "to": row["time"],
                          "score": row["score"], "inputs": row["inputs"]}  # fmt: skip
            made.append(open_[key])
    return made


def write(path: Path, anomalies: list[dict[str, Any]], maintenance: list[Finding]) -> list[Path]:
    """`.json`: one document with anomalies, events and maintenance. Otherwise CSV: anomalies, and beside them a file
    `<name>-maintenance.csv`. Returns what was written."""
    if path.suffix.lower() == ".json":
        document = {
            "anomalies": anomalies,
            "events": events(anomalies),
            "maintenance": [_finding(f) for f in maintenance],
        }
        _replace(path, json.dumps(document, indent=1) + "\n")
        return [path]
    beside = path.with_name(f"{path.stem}-maintenance{path.suffix}")
    _replace(path, _csv(COLUMNS, anomalies))
    plain = [{**row, "evidence": json.dumps(row["evidence"])} for row in map(_finding, maintenance)]
    _replace(beside, _csv(_MAINTENANCE, plain))
    return [path, beside]


def _finding(f: Finding) -> dict[str, Any]:
    """A finding under the names that both kinds of file use; hours, times in ISO 8601, None where nothing is known."""
    return {
        "thing": f.thing,
        "part": f.part,
        "state": f.state,
        "cause": f.cause,
        "score": f.score,
        "remainingH": f.remaining_h,
        "remainingLoH": f.remaining_lo_h,
        "remainingHiH": f.remaining_hi_h,
        "windowFrom": f.window["from"] if f.window else None,
        "windowTo": f.window["to"] if f.window else None,
        "evidence": f.evidence,
    }


def _csv(columns: tuple[str, ...], made: list[dict[str, Any]]) -> str:
    lines: list[str] = []

    class _Lines:
        def write(self, text: str) -> int:
            lines.append(text)
            return len(text)

    writer = csv.DictWriter(_Lines(), columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(made)
    return "".join(lines)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
