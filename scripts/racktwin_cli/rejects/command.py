"""`racktwin rejects`: options in, table, JSON or JSON lines out; replays after a question."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec

from racktwin.kafka import SafeProducer
from racktwin.process import Fatal, epoch_ms
from racktwin_cli import installation, show
from racktwin_cli.doctor.target import site_of
from racktwin_cli.failures import Failure
from racktwin_cli.kube import Cluster
from racktwin_cli.rejects import reading, replay, selection
from racktwin_cli.rejects.selection import Letter
from racktwin_cli.size.command import Duration


@click.command()
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option("--since", type=Duration(), default="1h", show_default=True, help="How far to look back: 10m, 1h, 7d.")
@click.option(
    "--reason", "reasons", multiple=True, help="Only this reason, for instance unit_mismatch. May be repeated."
)
@click.option("--device", "devices", multiple=True, help="Only this device: its id, or rack-r1. May be repeated.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Most rows of the table, newest."
)
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document, with everything.")
@click.option("--lines", "lines_wanted", is_flag=True, help="Print JSON lines: to be mended and given to --edit.")
@click.option("--replay", "replay_wanted", is_flag=True, help="Send what is selected again, to where it came from.")
@click.option(
    "--edit",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON lines with id and a mended payload (or headers); only these are replayed.",
)
@click.option("--again", is_flag=True, help="Replay also what was replayed already.")
@click.option("--yes", is_flag=True, help="Replay without asking.")
def rejects(
    *,
    site: str | None,
    since: float,
    reasons: tuple[str, ...],
    devices: tuple[str, ...],
    limit: int,
    json_wanted: bool,
    lines_wanted: bool,
    replay_wanted: bool,
    edit: Path | None,
    again: bool,
    yes: bool,
) -> None:
    """Show the readings that could not be used, with the reason, and send mended ones again.

    Each keeps its whole payload and headers. A replayed record bears the header racktwin-replay-of, by which this
    command knows it: the same reject is not replayed twice unless --again says so.

    To mend: racktwin rejects --lines > bad.jsonl, change the payloads, racktwin rejects --replay --edit bad.jsonl.
    """
    if (edit is not None or again) and not replay_wanted:
        raise click.UsageError("--edit and --again go with --replay")
    settings = installation.load()
    chosen_site = site or settings.site or site_of(settings, Cluster(), None)
    letters = selection.chosen(reading.read(settings, chosen_site, epoch_ms() - round(since * 1000)), reasons, devices)
    if not replay_wanted:
        _show(letters, limit, json_wanted, lines_wanted)
        return
    mends = replay.read_mends(edit.read_text(encoding="utf-8", errors="replace")) if edit is not None else None
    records, left_out = replay.plan(letters, mends, again)
    if records and not yes:
        where = ", ".join(sorted({record.topic for record in records}))
        # On standard error, so that JSON on standard output stays JSON.
        click.confirm(f"Send {len(records)} record(s) again to {where}?", abort=True, err=True)
    if records:
        try:
            replay.send(SafeProducer(settings, message_timeout_ms=20_000), records)
        except Fatal as error:
            raise Failure(str(error), "does this user have the right to write there?") from error
    if json_wanted:
        show.as_json({"replayed": len(records), "replayedBefore": len(left_out)})
        return
    click.echo(f"{len(records)} record(s) replayed.")
    if left_out:
        click.echo(f"{len(left_out)} left out: replayed before (--again sends them once more).")


def line_of(letter: Letter) -> dict[str, Any]:
    """A letter as JSON: the reject, its id, when it was written, and whether it was replayed."""
    fields: dict[str, Any] = msgspec.to_builtins(letter.reject)
    return {"id": letter.id, "at": letter.at_ms, "replayed": letter.replayed, **fields}


def _show(letters: list[Letter], limit: int, json_wanted: bool, lines_wanted: bool) -> None:
    if lines_wanted:
        for letter in letters:
            show.as_json(line_of(letter))
        return
    counts = Counter(letter.reject.reason for letter in letters)
    if json_wanted:
        show.as_json({"count": len(letters), "reasons": dict(counts), "rejects": [line_of(each) for each in letters]})
        return
    if not letters:
        click.echo("No rejects.")
        return
    shown = letters[-limit:]
    show.as_table(
        ("at (UTC)", "device", "reason", "detail", "replayed"),
        [
            (
                show.moment(letter.at_ms),
                letter.reject.device or letter.reject.key or "",
                letter.reject.reason,
                letter.reject.detail[:110],
                "yes" if letter.replayed else "",
            )
            for letter in shown
        ],
    )
    total = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    more = f" (the newest {limit} shown)" if len(letters) > limit else ""
    click.echo(f"\n{len(letters)} reject(s){more}: {total}")
