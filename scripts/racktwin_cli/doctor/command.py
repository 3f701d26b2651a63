"""`racktwin doctor`: options in, table or JSON out, exit code 3 when a hop is broken."""

from __future__ import annotations

import math
import uuid
from pathlib import Path

import click

from racktwin_cli import installation, show
from racktwin_cli.doctor import report
from racktwin_cli.doctor.diagnosis import diagnose
from racktwin_cli.doctor.examination import Order, examine
from racktwin_cli.doctor.target import models_of, site_of, target_of, thing_of
from racktwin_cli.failures import FOUND, Failure
from racktwin_cli.kube import Cluster


@click.command()
@click.argument("device", required=False)
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option("--via", metavar="GATEWAY", help="Send as this gateway for the device, as the gateway does.")
@click.option("--http", is_flag=True, help="Send over HTTP instead of MQTT.")
@click.option("--feature", help="Feature to send; environment.top of a rack when left out.")
@click.option(
    "--value", "given", multiple=True, metavar="PROPERTY=NUMBER", help="Send this value, marked as estimated."
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Try this password, for instance what the device itself uses, in place of the Secret's.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(1, 600),
    default=15,
    show_default=True,
    help="Seconds without progress after which the reading counts as stopped.",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(
    context: click.Context,
    *,
    device: str | None,
    site: str | None,
    via: str | None,
    http: bool,
    feature: str | None,
    given: tuple[str, ...],
    password_file: Path | None,
    wait_s: float,
    json_wanted: bool,
) -> None:
    """Send one marked reading, follow it over every hop, and name the hop where it stops.

    DEVICE is r1, rack/r1, server/web-1 or a thing id; the site's first ready rack when left out.

    The reading repeats the value that the twin shows now, with the time of now and without a sequence number, so that
    no series gets a value that was not measured and loss accounting is left alone. Where that value is older than a
    minute, or --value gives another, the reading says quality: estimated.

    Times on Kafka are the producers', the others this machine's: clocks that differ show. Exit code 3: a hop is broken.
    """
    values = _values(given)
    settings = installation.load()
    cluster = Cluster()
    thing = thing_of(device, site_of(settings, cluster, site), cluster)
    password = password_file.read_text().strip() if password_file is not None else None
    target = target_of(thing, cluster, via, password)
    order = Order(feature, values, http, wait_s)
    examination = examine(
        settings,
        cluster,
        target=target,
        models=models_of(thing.site, cluster),
        order=order,
        marker=uuid.uuid4().hex,
    )
    verdicts = diagnose(examination.evidence)
    if json_wanted:
        show.as_json(report.document(examination, verdicts))
    else:
        marked = examination.marked
        shown = ", ".join(f"{name} {value:g}" for name, value in marked.values.items())
        click.echo(f"{thing} sent {marked.feature} ({shown}) at {show.clock(marked.observed_at)} UTC\n")
        show.as_table(("hop", "state", "at (UTC)", "after", "where"), report.rows(examination, verdicts))
        click.echo("")
        for line in report.conclusion(examination, verdicts):
            click.echo(line)
    if verdicts:
        context.exit(FOUND)


def _values(given: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            found[name.strip()] = _finite(number)
        except ValueError:
            raise Failure(
                f"--value {text!r}: expected PROPERTY=NUMBER", "for instance --value temperature=21.5"
            ) from None
    return found


def _finite(text: str) -> float:
    """A number that JSON can carry. Raises ValueError."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
