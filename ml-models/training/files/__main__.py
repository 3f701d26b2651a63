"""`python -m training.files train|evaluate|detect --history FILE --out FILE`: the `racktwin` command of that name.

Progress and notes go to standard error; the result is the file, and with --json one line on standard output. Ends with
0, or with 1 and one line that says what is wrong with the file and what to do.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

from models.definition import ModelError
from models.maintenance.serve import load
from physics_files import tables
from physics_files.problems import FileProblem
from racktwin import process
from training import registry
from training.artefact import ArtefactError
from training.files import baseline, findings, hall, learn, report, servers, wear
from training.history import HistoryError


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        result = {"train": _train, "evaluate": _evaluate, "detect": _detect}[options.action](options)
    except FileProblem as error:
        print(f"error: {error}\n  next: {error.next_step}", file=sys.stderr)
        return 1
    except (HistoryError, ModelError, ArtefactError, ValueError) as error:
        print(f"error: {options.history.name}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(result))
    return 0


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


def _grid(options: argparse.Namespace, *, fine: bool) -> tuple[Any, Any]:
    pairs = {name: dict(text.partition("=")[::2] for text in getattr(options, name)) for name in ("map", "unit")}
    how = {"mapping": pairs["map"], "units": pairs["unit"], "timezone": options.timezone}
    grid, table = hall.read(options.history, options.layout, **how)
    if fine:
        step = learn.cell_s(grid.sampling_s)
        if step != grid.step_s:
            grid, table = hall.read(options.history, options.layout, step_s=step, **how)
    for note in grid.notes:
        _note(note)
    return grid, table


def _record(options: argparse.Namespace, model: registry.Model) -> Any:
    """The file as the model's kind of thing asks for: servers need no hall around them."""
    if model.definition.kinds != ["server"]:
        return _grid(options, fine=True)[0]
    pairs = {name: dict(text.partition("=")[::2] for text in getattr(options, name)) for name in ("map", "unit")}
    how = {"mapping": pairs["map"], "units": pairs["unit"], "timezone": options.timezone}
    return servers.read(options.history, model.definition, **how)


def _train(options: argparse.Namespace) -> dict[str, Any]:
    model = registry.load(options.model)
    grid = _record(options, model)
    made = learn.learn(
        model, grid, options.history.name, options.out, seed=options.seed, created_ms=process.epoch_ms(), note=_note
    )
    overall = made.metrics["overall"]
    _note(f"{made.model} {made.version} in {options.out}: skill {overall['skill']:.2f}, MAE {overall['mae']:.3f}")
    return made.as_dict()


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    model = registry.load(options.model)
    grid = _record(options, model)
    scores, rows = learn.evaluate(model, grid, options.history.name, options.artefact, seed=options.seed, note=_note)
    part = options.out.with_name(f".{options.out.name}.part")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with part.open("w", encoding="utf-8", newline="") as file:
        if options.out.suffix.lower() == ".json":
            json.dump(scores | {"forecasts": rows}, file)
        else:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    part.replace(options.out)
    for label, s in scores["scores"].items():
        _note(
            f"{label}: MAE {s['mae']:.3f}, skill {s['skill']:.2f}, coverage {s['coverage']:.1%}, {s['count']} forecasts"
        )
    return scores


def _detect(options: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    served = load(options.artefact) if options.artefact is not None else None
    try:
        grid, table = _grid(options, fine=False)
    except FileProblem:
        # A file of disks alone has no hall in it.
        table = tables.read(options.history, dict(text.partition("=")[::2] for text in options.map))
        if not wear.has_disks(table):
            raise
        rows, found = [], wear.disks(table, options.history.name)
    else:
        rows = report.rows(grid, findings.find(grid, baseline.fit(grid)), options.every)
        found = [*wear.find(grid, served), *wear.disks(table, options.history.name)]
    written = report.write(options.out, rows, found)
    events = report.events(rows)
    for event in events[:10]:
        _note(f"{event['thing']}: {event['type']} from {event['from']} to {event['to']}, score {event['score']:.2f}")
    for finding in found:
        _note(f"{finding.thing}: {finding.part} {finding.state}: {finding.cause}")
    return {
        "rows": len(rows),
        "events": len(events),
        "maintenance": len(found),
        "files": [str(path) for path in written],
        "seconds": round(time.monotonic() - began, 1),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.files", description=__doc__)
    commands = parser.add_subparsers(dest="action", required=True)
    for name, text in (
        ("train", "train a forecasting model on recorded readings; --out is a folder"),
        ("evaluate", "forecasts and their scores over recorded readings"),
        ("detect", "anomaly scores and maintenance findings from recorded readings"),
    ):
        one = commands.add_parser(name, help=text)
        one.add_argument("--history", type=Path, required=True)
        one.add_argument("--layout", type=Path)
        one.add_argument("--out", type=Path, required=True)
        one.add_argument("--map", action="append", default=[], metavar="NAME=COLUMN")
        one.add_argument("--unit", action="append", default=[], metavar="QUANTITY=UNIT")
        one.add_argument("--timezone", default="UTC")
        one.add_argument("--seed", type=int, default=0)
        one.add_argument("--json", action="store_true")
        if name == "detect":
            one.add_argument("--every", type=int, default=300, help="seconds between rows (default 300)")
            one.add_argument(
                "--artefact", type=Path, help="folder of a trained maintenance model; else the trend judges"
            )
        else:
            forecasts = [m for m in registry.names() if registry.load(m).definition.task == "forecast"]
            one.add_argument("--model", default="inlet-temperature", choices=forecasts)
        if name == "evaluate":
            one.add_argument("--artefact", type=Path, help="folder of a trained model; left out, one is trained first")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
