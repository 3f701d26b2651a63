"""`racktwin stress cpu|memory|disk|network`: a real load, for so long, never more than it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from servertwin import options
from servertwin.config import Config, Kind, load
from servertwin.failures import INTERRUPTED, Failure
from servertwin.stress.bounds import Load, checked
from servertwin.stress.crew import Crew, summary


@click.group("stress")
def stress() -> None:
    """Load this machine on purpose.

    Levels are in %: of each core's time; of installed memory; of the disk's and loopback's rates that config.yaml
    names. Ctrl-C, TERM and the death of this process end the load, and its files are removed.
    """


def _common(function: options.F) -> options.F:
    function = options.json_option(function)
    function = options.config_option(function)
    function = click.option("--duration", type=options.Duration(), default="60s", show_default=True, help="How long.")(
        function
    )
    return click.option("--level", type=click.FloatRange(0, 100, min_open=True), required=True, help="How much, %.")(
        function
    )


@stress.command()
@_common
@click.option("--cores", type=click.IntRange(1), help="On so many cores; all that we may use when left out.")
def cpu(cores: int | None, **given: Any) -> None:
    """Keep each core busy for LEVEL % of every tenth of a second. For instance: --level 60 --cores 2 --duration 30s."""
    _run("cpu", cores=cores, **given)


@stress.command()
@_common
@click.option("--most", type=options.Size(), help="Not more than this, for instance 2GiB.")
def memory(most: int | None, **given: Any) -> None:
    """Take LEVEL % of installed memory, touch and hold it; what limits reserve stays free."""
    _run("memory", change={"memory": most} if most else {}, **given)


@stress.command()
@_common
@click.option("--budget", type=options.Size(), help="Write not more than this in all, for instance 1GiB.")
@click.option("--folder", type=options.FOLDER, help="Where the temporary folder is made.")
def disk(budget: int | None, folder: Path | None, **given: Any) -> None:
    """Write and sync a temporary file at LEVEL % of stress.diskRate."""
    _run("disk", change={"disk_budget": budget} if budget else {}, folder=folder, **given)


@stress.command()
@_common
def network(**given: Any) -> None:
    """Send over loopback at LEVEL % of stress.networkRate."""
    _run("network", **given)


def _run(
    kind: Kind,
    *,
    level: float,
    duration: float,
    config_file: Path | None,
    json_wanted: bool,
    cores: int | None = None,
    change: dict[str, Any] | None = None,
    folder: Path | None = None,
) -> None:
    config: Config = load(config_file)
    limits = config.stress.limits
    if change:
        # An option may tighten a limit of the file, not loosen it.
        name, value = next(iter(change.items()))
        told = getattr(limits, name)
        limits = limits.model_copy(update={name: value if told is None else min(told, value)})
    settings = config.stress.model_copy(
        update={"limits": limits, **({"folder": str(folder)} if folder is not None else {})}
    )
    wanted = checked(Load(kind, level, duration, cores), limits)
    stop = options.stop_on_signals()
    with Crew([wanted], settings) as crew:
        options.say(f"{kind} at {level:g} % for {duration:g} s")
        crew.go()
        told = crew.wait(stop)[0]
    document = summary(told)
    if json_wanted:
        options.print_json(document)
    else:
        options.say(", ".join(f"{key} {value}" for key, value in document.items() if value is not None))
    if told.failed:
        raise Failure(f"{kind}: {told.failed[0]}", "is there room for it? racktwin logger shows what the machine does")
    if stop.is_set():
        click.get_current_context().exit(INTERRUPTED)
