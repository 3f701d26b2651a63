"""`racktwin experiment schedule|run|config`: loads by a schedule, with a record of what the machine did."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from servertwin import fingerprint, options
from servertwin.config import Config, documented, load, parse
from servertwin.experiment import schedule as schedules
from servertwin.experiment.annotations import Writer
from servertwin.experiment.announce import Announcer, GrafanaAnnotations, Send
from servertwin.experiment.run import Logger, run
from servertwin.failures import FAILED, INTERRUPTED, Failure, one_line


@click.group("experiment")
def experiment() -> None:
    """Load this machine by a schedule, and record what it does meanwhile."""


@experiment.command("config")
def config_command() -> None:
    """Print config.yaml with every field's default and meaning."""
    click.echo(documented(), nl=False)


@experiment.command("schedule")
@options.config_option
@click.option("--seed", type=int, help="Equal seeds give equal schedules.")
@click.option("--phases", type=click.IntRange(1, 1000), help="How many.")
@click.option("--mode", type=click.Choice(["sequential", "parallel", "mixed"]), help="One load at a time, or several.")
@click.option("--stressors", help="Which loads, for instance cpu,memory,disk,network.")
@click.option("--duration", nargs=2, type=options.Duration(), metavar="FROM TO", help="Of a phase.")
@click.option("--gap", nargs=2, type=options.Duration(), metavar="FROM TO", help="Rest between two phases.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default="schedule.json", show_default=True)
@options.json_option
def schedule(*, config_file: Path | None, out: Path, json_wanted: bool, stressors: str | None, **given: Any) -> None:
    """Draw a schedule. For instance: racktwin experiment schedule --seed 7 --phases 12 --mode mixed."""
    config = load(config_file)
    changes = {name: value for name, value in given.items() if value not in (None, ())}
    if stressors:
        changes["stressors"] = [part.strip() for part in stressors.split(",")]
    document = config.experiment.model_dump() | changes
    plan = parse({"experiment": document}, "options").experiment
    drawn = schedules.draw(plan, config.stress.limits)
    try:
        schedules.write(out, drawn)
    except OSError as error:
        raise Failure(f"{out}: {one_line(error)}", "name a file that can be written with --out") from error
    if json_wanted:
        options.print_json({"out": str(out), **schedules.document(drawn)})
        return
    for phase in drawn.phases:
        click.echo(f"{phase.name}  {phase.start:7.1f} s to {phase.end:7.1f} s  {phase.title}")
    click.echo(f"{drawn.length:g} s in all; written to {out}")


@experiment.command("run")
@options.config_option
@click.option("--schedule", "schedule_file", type=options.FILE, help="schedule.json; one is drawn when left out.")
@click.option("--out", type=options.FOLDER, default="experiment", show_default=True, help="Folder of the record.")
@click.option("--interval", type=options.Duration(), help="Between samples.")
@click.option(
    "--live", "secret", metavar="SECRET", help="Show it on the twin: a Secret's folder, file, or namespace/name."
)
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), help="Of the log.")
@options.json_option
@click.pass_context
def run_command(
    context: click.Context,
    *,
    config_file: Path | None,
    schedule_file: Path | None,
    out: Path,
    interval: float | None,
    secret: str | None,
    form: str | None,
    json_wanted: bool,
) -> None:
    """Run a schedule: log, load, annotate.

    The folder then has schedule.json, log.csv (or .parquet), annotations.csv, fingerprint.json and run.json; racktwin
    report and racktwin fidelity --server read it. Ctrl-C ends every load, and what was recorded until then is kept.
    """
    config = load(config_file)
    secret = config.live.secret if secret is None else secret
    try:
        out.mkdir(parents=True, exist_ok=True)
        planned = (
            schedules.draw(config.experiment, config.stress.limits)
            if schedule_file is None
            else schedules.read(schedule_file, config.stress.limits)
        )
        schedules.write(out / "schedule.json", planned)
        (out / "fingerprint.json").write_text(json.dumps(fingerprint.take(), indent=1) + "\n", encoding="utf-8")
        for old in (out / "log.csv", out / "log.parquet", out / "log.parquet.open.csv"):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise Failure(f"{out}: {one_line(error)}", "name a folder that can be written with --out") from error
    stop = options.stop_on_signals()
    twin, thing = _twin(secret)
    grafana = GrafanaAnnotations(config.grafana, thing) if config.grafana.url else None
    logger = Logger(out / f"log.{form or config.log.format}", _logger_options(config, config_file, interval, secret))
    announcer = Announcer(twin, grafana, options.say)
    writer = Writer(out / "annotations.csv")
    try:
        logger.wait_for_first()
        outcome = run(planned, config.stress, writer, announcer, stop=stop, say=options.say)
    finally:
        writer.close()
        announcer.close()
        logged = logger.stop()
    document = {
        "out": str(out),
        "phases": len(planned.phases),
        "began": outcome.began,
        "annotations": len(outcome.annotations),
        "interrupted": outcome.interrupted,
        "notTold": announcer.failed,
        "interval": interval or config.log.interval,
        "logger": logged,
        "loads": outcome.loads,
    }
    (out / "run.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if json_wanted:
        options.print_json(document)
    else:
        options.say(f"{len(outcome.annotations)} loads recorded in {out}; next: racktwin report --run {out}")
    if outcome.interrupted:
        context.exit(INTERRUPTED)
    if any(each.get("failed") for each in outcome.loads):
        context.exit(FAILED)


def _twin(secret: str | None) -> tuple[Send | None, str | None]:
    if secret is None:
        return None, None
    from servertwin.hono import credentials  # noqa: PLC0415 - for those alone who send
    from servertwin.hono.events import Post  # noqa: PLC0415

    return Post(partial(credentials.read, secret)), credentials.read(secret).device_id


def _logger_options(config: Config, config_file: Path | None, interval: float | None, secret: str | None) -> list[str]:
    given = ["--config", str(config_file)] if config_file is not None else []
    given += ["--interval", f"{interval or config.log.interval}s"]
    return given + (["--live", secret] if secret is not None else [])
