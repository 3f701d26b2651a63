"""`racktwin report` and `racktwin fidelity --server`: what an experiment's record says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from servertwin import options
from servertwin.analysis import phases, server_model
from servertwin.analysis.server_model import Fitted
from servertwin.config import Analysis, load
from servertwin.failures import FOUND, Failure, one_line
from servertwin.recording import Run, read_run

_RUN = click.option(
    "--run", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="experiment",
    show_default=True, help="Folder of an experiment.",
)  # fmt: skip


@click.command("report")
@options.config_option
@_RUN
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="report.html in that folder when left out."
)
@click.option("--tolerance", type=options.Duration(), help="How far a found phase may lie from an annotation.")
@options.json_option
def report(
    *, config_file: Path | None, folder: Path, out: Path | None, tolerance: float | None, json_wanted: bool
) -> None:
    """Write an experiment's report: one HTML file with everything in it.

    What the machine did, figures of each phase, phases found in the record against annotations, the response of
    temperature and power, and the model of this server against what was measured.
    """
    settings = load(config_file).analysis
    run = read_run(folder)
    found = phases.find(run.recording, settings)
    tolerance = tolerance or settings.tolerance
    matches = phases.match(run.annotations, found, tolerance)
    beside = phases.unexplained(run.annotations, found, tolerance)
    fitted, why = _fitted(run, settings)
    from servertwin.analysis import page  # noqa: PLC0415 - nobody else needs it

    out = out or folder / "report.html"
    try:
        out.write_text(page.build(run, matches, found, beside, fitted=fitted, why=why), encoding="utf-8")
    except OSError as error:
        raise Failure(f"{out}: {one_line(error)}", "name a file that can be written with --out") from error
    document = phases.document(matches, found, beside)
    if json_wanted:
        model: Any = server_model.document(fitted, run.recording) if fitted is not None else {"absent": why}
        options.print_json({"out": str(out), "tolerance": tolerance, **document, "model": model})
        return
    click.echo(f"{document['phasesDetected']} of {document['phases']} phases found in the record; {out}")


@click.command("fidelity")
@options.config_option
@_RUN
@click.option("--worse-than", type=click.FloatRange(min=0.0), help="Exit code 3 if CPU errs by more on average (%).")
@options.json_option
@click.pass_context
def fidelity(
    context: click.Context, *, config_file: Path | None, folder: Path, worse_than: float | None, json_wanted: bool
) -> None:
    """Fit a model of this server on the first half of an experiment, and validate it on the second.

    Processors under the schedule; power by utilisation; temperature by power. What this machine does not measure is
    said to be absent. Errors: MAE, RMSE, bias; NMBE and CV(RMSE) as ASHRAE Guideline 14 has them; skill is against what
    was measured a minute before.
    """
    settings = load(config_file).analysis
    run = read_run(folder)
    if not run.annotations:
        raise Failure(f"{folder}: no annotations", "racktwin experiment run writes annotations.csv")
    fitted = server_model.fit(run.recording, run.annotations, settings.split)
    document = server_model.document(fitted, run.recording)
    if json_wanted:
        options.print_json({"run": str(folder), **document})
    else:
        for name, unit in (("cpu", "%"), ("power", "W"), ("temperature", "K")):
            click.echo(_line(name, unit, document[name]))
    if worse_than is not None and fitted.cpu.errors["mae"] > worse_than:
        context.exit(FOUND)


def _fitted(run: Run, settings: Analysis) -> tuple[Fitted | None, str]:
    if not run.annotations:
        return None, "no annotations beside the log"
    try:
        return server_model.fit(run.recording, run.annotations, settings.split), ""
    except Failure as failure:
        return None, str(failure)


def _line(name: str, unit: str, part: dict[str, Any]) -> str:
    if "absent" in part:
        return f"{name:<12} absent: {part['absent']}"
    errors = part["errors"]
    texts = [f"{key} {errors[key]:.3f} {unit}" for key in ("mae", "rmse", "bias")]
    texts += [f"{key} {errors[key]:.1f} %" for key in ("nmbe", "cvrmse") if key in errors]
    texts += [f"skill {errors['skill']:.3f}"] if "skill" in errors else []
    parameters = ", ".join(f"{key} {value:g}" for key, value in part["parameters"].items())
    return f"{name:<12} {', '.join(texts)}  ({parameters}){'; ' + part['note'] if 'note' in part else ''}"
