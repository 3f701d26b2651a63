"""`racktwin logger`: what this machine does, into a file, onto its twin, for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click

from racktwin import smartctl
from racktwin.smartctl import Disks
from servertwin import columns as col
from servertwin import options
from servertwin.config import load
from servertwin.failures import Failure, one_line
from servertwin.log.files import open_rows
from servertwin.log.run import Outcome, run
from servertwin.log.sampler import Sampler


@click.command("logger")
@options.config_option
@click.option("--interval", type=options.Duration(), help="Between samples; 1s when left out.")
@click.option("--duration", type=options.Duration(), help="How long; until it is stopped when left out.")
@click.option("--out", help="File; its ending .csv or .parquet says the format. - prints CSV.")
@click.option("--top", type=click.IntRange(0, 20), help="How many of the busiest processes are named; 0 for none.")
@click.option(
    "--live", "secret", metavar="SECRET", help="Send to the twin: a Secret's folder, file, or namespace/name."
)
@click.option(
    "--exporter", "port", type=click.IntRange(0, 65535), help="Serve /metrics on this port; 0 picks a free one."
)
@click.option("--columns", "columns_wanted", is_flag=True, help="Print what this machine can be asked for, and end.")
@click.option("--tied", is_flag=True, hidden=True, help="End when standard input ends.")
@options.json_option
def logger(
    *,
    config_file: Path | None,
    interval: float | None,
    duration: float | None,
    out: str | None,
    top: int | None,
    secret: str | None,
    port: int | None,
    columns_wanted: bool,
    tied: bool,
    json_wanted: bool,
) -> None:
    """Log what this machine does.

    For instance: racktwin logger --interval 1s --duration 10m --out log.csv. Processors in total and each, clock, load,
    memory, swap, disks and their SMART attributes, network, processes, temperatures, fans, battery; what this platform
    lacks has no column.
    """
    config = load(config_file)
    interval_s = interval or config.log.interval
    if interval_s < 0.05:
        raise click.BadParameter("expected at least 50ms", param_hint="--interval")
    stop = options.stop_on_signals()
    if tied:
        options.stop_when_input_ends(stop)
    disks: list[Disks] = []
    sampler = Sampler(
        interval_s, config.log.every, path=config.log.path, top=config.log.top if top is None else top,
        disks=_disks(config.log.smartctl, disks.append),
    )  # fmt: skip
    columns = [col.TIME, col.LATE, *sampler.columns()]
    if columns_wanted:
        _print_columns(columns, json_wanted)
        return
    if out is None:
        out = f"log.{config.log.format}"
    parquet = out.endswith(".parquet") or (config.log.format == "parquet" and not out.endswith((".csv", "-")))
    with ExitStack() as stack:
        try:
            rows = open_rows(out, columns, parquet=parquet, rows_per_group=config.log.rows_per_group)
        except OSError as error:
            raise Failure(f"{out}: {one_line(error)}", "name a file that can be written with --out") from error
        stack.callback(rows.close)
        live = _live(config.live.secret if secret is None else secret, config.live.backlog, stack)
        exporter = _exporter(config.log.exporter_host, config.log.exporter_port if port is None else port, stack)
        try:
            outcome = run(
                sampler, rows, interval_s=interval_s, duration_s=duration or config.log.duration, stop=stop,
                sender=live, send_every_s=config.live.interval, show=exporter,
            )  # fmt: skip
        except OSError as error:
            raise Failure(f"{out}: {one_line(error)}", "is the disk full?") from error
    document: dict[str, Any] = {"out": out, "columns": len(columns), **outcome.document()}
    if live is not None:
        document["live"] = live.summary()
    if disks:
        document["disks"] = {"state": disks[-1].state, "why": disks[-1].why}
    if json_wanted:
        options.print_json(document)
    else:
        _print(out, outcome, document.get("live"))


def _disks(command: str, note: Callable[[Disks], None]) -> tuple[Callable[[], Disks], Callable[[Disks], None]] | None:
    if not command.strip():
        return None

    def say(found: Disks) -> None:
        note(found)
        if found.why:
            options.say(f"disks {found.state}: {found.why}")

    return partial(smartctl.read, command), say


def _live(secret: str | None, backlog: int, stack: ExitStack) -> Any:
    if secret is None:
        return None
    # MQTT is loaded by those alone who send.
    from servertwin.hono import credentials  # noqa: PLC0415
    from servertwin.hono.live import Live  # noqa: PLC0415

    live = Live(partial(credentials.read, secret), backlog, options.say)
    live.start()
    stack.callback(live.stop)
    return live


def _exporter(host: str, port: int | None, stack: ExitStack) -> Any:
    if port is None:
        return None
    from servertwin.log.exporter import Exporter  # noqa: PLC0415 - and the exporter by those who are scraped

    try:
        exporter = Exporter(host, port)
    except OSError as error:
        raise Failure(f"exporter {host}:{port}: {one_line(error)}", "name a free port with --exporter") from error
    # Its server waits for its own loop to end, which must not delay the end of the log.
    stack.callback(lambda: threading.Thread(target=exporter.close, daemon=True).start())
    options.say(f"metrics: http://{host}:{exporter.port}/metrics")
    return exporter


def _print_columns(columns: list[str], json_wanted: bool) -> None:
    if json_wanted:
        options.print_json(
            [
                {
                    "name": name,
                    "unit": col.unit_of(name),
                    "title": col.title_of(name),
                    "onTwin": col.on_twin(name) is not None,
                }
                for name in columns
            ]
        )
        return
    for name in columns:
        click.echo(f"{name:<28} {col.unit_of(name) or '':<10} {col.title_of(name)}")


def _print(out: str, outcome: Outcome, live: dict[str, Any] | None) -> None:
    # CSV goes to standard output with -, so this does not.
    late = ", ".join(f"{name} {value:g}" for name, value in outcome.late_ms.items()) or "none"
    options.say(f"{outcome.samples} samples in {out}, {outcome.missed} missed, late by (ms): {late}")
    options.say(f"{outcome.cpu_percent:.2f} % of one core, {outcome.memory_bytes / 1e6:.0f} MB")
    if live is not None:
        options.say(f"to the twin: {json.dumps(live)}")
