"""`racktwin train`, `evaluate`, `detect`: models, forecasts and anomalies from recorded files alone.

The work is `python -m training.files`, a process of its own, since training libraries are heavy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from racktwin_cli.failures import Failure
from racktwin_cli.files import hall

F = TypeVar("F", bound=Callable[..., Any])
# What a file must have for which model.
_SERVERS = """
\b
Models of servers read rows of time, server and:
  server-power        power, utilization
  server-temperature  cpuTemperature, inletTemperature, utilization
"""
_MODELS = click.Choice(("inlet-temperature", "rack-power", "server-power", "server-temperature"))


def _common(function: F) -> F:
    function = click.option("--json", "json_wanted", is_flag=True, help="Print one JSON line.")(function)
    function = click.option("--seed", default=0, show_default=True, help="Equal seeds and files give equal results.")(
        function
    )
    function = click.option(
        "--timezone", default="UTC", show_default=True, metavar="ZONE", help="Of times without one: Europe/Berlin."
    )(function)
    function = hall.map_option(function)
    function = click.option("--layout", type=hall.FILE, help="Where things stand, JSON; things are guessed without.")(
        function
    )
    return click.option("--history", required=True, type=hall.FILE, help="Recorded readings, CSV or Parquet.")(function)


@click.command(epilog=hall.SHAPES + _SERVERS)
@_common
@click.option("--model", default="inlet-temperature", show_default=True, type=_MODELS)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the model.")
def train(model: str, **options: Any) -> None:
    """Train a forecasting model on a hall's own record.

    Writes model.onnx, model.json and CARD.md, whose scores are of racks and times that took no part in training. About
    half a day of readings of at least three racks is the least.

    What finds anomalies, sensor faults and wear needs no training of yours: `racktwin detect` learns what is usual from
    the record itself. The models that a site serves for that are trained on simulated faults (`python -m training
    --model anomaly`), which a record has too few of.
    """
    _run("train", ["--model", model], **options)


@click.command(epilog=hall.SHAPES + _SERVERS)
@_common
@click.option("--model", default="inlet-temperature", show_default=True, type=_MODELS)
@click.option(
    "--artefact",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a trained model; without one, a model is trained on the first 60 % and judged on the rest.",
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Forecasts, CSV or JSON.")
def evaluate(model: str, artefact: Path | None, **options: Any) -> None:
    """Forecasts over a record, with what came of them, and their scores by target and horizon."""
    _run("evaluate", ["--model", model, *(["--artefact", str(artefact)] if artefact else [])], **options)


@click.command(epilog=hall.SHAPES)
@_common
@click.option(
    "--every", default=300, show_default=True, type=click.IntRange(1), metavar="SECONDS", help="Between rows."
)
@click.option(
    "--artefact",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a trained maintenance model; without one the plain trend tells what wears.",
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Findings, CSV or JSON.")
def detect(every: int, artefact: Path | None, **options: Any) -> None:
    """Anomalies and maintenance findings in a hall's record.

    The file gets time, rack or unit, score (0.5 is the limit), state, type and the inputs it rests on. With CSV,
    maintenance findings go to NAME-maintenance.csv beside it; JSON has both, and anomalies as events too.
    """
    _run("detect", ["--every", str(every), *(["--artefact", str(artefact)] if artefact else [])], **options)


def _run(
    action: str,
    more: Sequence[str],
    *,
    history: Path,
    layout: Path | None,
    mapping: Sequence[str],
    units: Sequence[str],
    timezone: str,
    seed: int,
    json_wanted: bool,
    out: Path,
) -> None:
    hall.pairs(mapping, "--map NAME=COLUMN")
    hall.pairs(units, "--unit QUANTITY=UNIT")
    command = [sys.executable, "-m", "training.files", action, "--history", str(history), "--out", str(out), *more]
    command += ["--timezone", timezone, "--seed", str(seed)]
    command += ["--layout", str(layout)] if layout else []
    command += [part for text in mapping for part in ("--map", text)]
    command += [part for text in units for part in ("--unit", text)]
    command += ["--json"] if json_wanted else []
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("error: ")]
    if done.returncode == 0:
        for line in lines:
            click.echo(line, err=True)
        return
    said = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    step = next((line.strip().removeprefix("next: ") for line in lines if line.strip().startswith("next: ")), "")
    what = said[0] if said else f"{action} ended with {done.returncode}: {done.stderr.strip()[-400:]}"
    raise Failure(what, step or f"`racktwin {action} --help` says what a file must have")
