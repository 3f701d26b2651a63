"""`racktwin size`: options into a load, the estimate and the figures it rests on out."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

import click

from racktwin_cli import show
from racktwin_cli.size.estimate import Load, Size, estimate
from racktwin_cli.size.figures import FIGURES

_DURATION: Final = re.compile(r"^(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)?$")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Duration(click.ParamType[float]):
    """A time such as 500ms, 1s, 5m, 24h, 7d; a bare number is seconds. Gives seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of a text; numbers are seconds already."""
        if isinstance(value, int | float):
            return float(value)
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r}: expected for instance 500ms, 1s, 5m, 24h or 7d", param, ctx)
        return float(match["number"]) * _SECONDS[match["unit"] or "s"]


_AT_LEAST_1: Final = click.IntRange(min=1)
_SPAN: Final = Duration()


@click.command()
@click.option("--racks", type=_AT_LEAST_1, required=True, help="Racks.")
@click.option("--sensors", type=_AT_LEAST_1, default=4, show_default=True, help="Sensors of a rack: one reading each.")
@click.option("--interval", type=_SPAN, default="1s", show_default=True, help="Time between a sensor's readings.")
@click.option("--values", type=_AT_LEAST_1, default=3, show_default=True, help="Values in a reading, derived ones too.")
@click.option(
    "--servers", type=click.IntRange(min=0), default=0, show_default=True, help="Reporting servers in a rack."
)
@click.option("--server-features", type=_AT_LEAST_1, default=6, show_default=True, help="Readings of a server at once.")
@click.option("--server-interval", type=_SPAN, default="1s", show_default=True, help="Time between them.")
@click.option(
    "--targets", type=click.IntRange(min=0), default=2, show_default=True, help="Predictions for a rack; 0: no models."
)
@click.option("--prediction-interval", type=_SPAN, default="10s", show_default=True, help="Time between predictions.")
@click.option(
    "--twin-interval", type=_SPAN, default="1s", show_default=True, help="Wished time between a twin's updates."
)
@click.option("--ditto-cores", type=_AT_LEAST_1, default=4, show_default=True, help="Cores that Ditto gets.")
@click.option(
    "--pack",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Readings in a device's message; 0: all of one time.",
)
@click.option("--http", is_flag=True, help="Devices send over HTTP instead of MQTT.")
@click.option("--retention", type=_SPAN, default="24h", show_default=True, help="How long Kafka keeps readings.")
@click.option("--raw", type=_SPAN, default="7d", show_default=True, help="How long InfluxDB keeps every reading.")
@click.option("--replication", type=_AT_LEAST_1, default=3, show_default=True, help="Copies of each Kafka partition.")
@click.option(
    "--busy",
    type=click.FloatRange(0.05, 1.0),
    default=0.6,
    show_default=True,
    help="Share of a core that is planned for.",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def size(json_wanted: bool, **options: Any) -> None:
    """Size an installation: partitions, replicas, Ditto's throttle, memory and disk.

    For instance: racktwin size --racks 10000 --sensors 4 --interval 1s. The figures it rests on, each with where it
    was measured, are printed below the result. Nothing is asked of an installation.
    """
    load = load_of(options)
    try:
        result = estimate(load)
    except ValueError as error:
        raise click.UsageError(f"{error}; see racktwin size --help") from error
    if json_wanted:
        show.as_json(
            {"load": dataclasses.asdict(load), "size": dataclasses.asdict(result),
             "figures": [dataclasses.asdict(figure) for figure in FIGURES]}
        )  # fmt: skip
        return
    show.as_table(("what", "size", "set it by"), rows_of(load, result))
    click.echo("\nIt rests on:")
    show.as_table(
        ("figure", "value", "measured on"),
        [(figure.name, f"{figure.value:,g} {figure.unit}", figure.measured) for figure in FIGURES],
    )
    click.echo(
        "\nMost are single runs on busy machines: an order of size. Not measured, and assumed: that parts scale with "
        "cores beyond four."
    )


def load_of(options: dict[str, Any]) -> Load:
    """The load that the options describe."""
    return Load(
        racks=options["racks"],
        sensors=options["sensors"],
        interval_s=options["interval"],
        servers=options["servers"],
        server_features=options["server_features"],
        server_interval_s=options["server_interval"],
        values=options["values"],
        targets=options["targets"],
        prediction_interval_s=options["prediction_interval"],
        twin_interval_s=options["twin_interval"],
        http=options["http"],
        message_readings=options["pack"],
        ditto_cores=options["ditto_cores"],
        retention_h=options["retention"] / 3600,
        raw_days=options["raw"] / 86_400,
        replication=options["replication"],
        busy=options["busy"],
    )


def rows_of(load: Load, size: Size) -> list[tuple[str, str, str]]:
    """The result for people: what, how much, and which setting takes it."""
    widened = size.twin_interval_s > load.twin_interval_s
    twin_note = "Site spec.intervals.criticalS"
    if widened:
        twin_note += f"; {size.ditto_cores_for_interval} cores of Ditto would take the wished interval"
    kept = f"{load.retention_h:g} h, {load.replication} copies, uncompressed"
    return [
        ("readings", f"{size.readings_per_s:,.0f}/s", ""),
        ("device messages", f"{size.messages_per_s:,.0f}/s", "fewer with larger SenML packs"),
        ("predictions", f"{size.predictions_per_s:,.0f}/s", ""),
        ("partitions", f"{size.partitions}", "Site spec.topics.partitions"),
        ("ingest", f"{size.ingest_replicas} replicas", "one core each"),
        ("historian", f"{size.historian_replicas} replicas", "one core each"),
        ("model runner", f"{size.runner_replicas} replicas", "Site spec.models[].replicas"),
        ("Hono adapters", f"{size.hono_adapter_cores} cores", f"about {size.hono_memory_gib:g} GiB idle in all"),
        ("gateway connections", f"at least {size.gateway_connections}", "where gateways speak for racks, pipelined"),
        ("merges wanted", f"{size.merges_wanted_per_s:,.0f}/s", ""),
        ("merges Ditto takes", f"{size.ditto_merges_per_s:,.0f}/s", f"{load.ditto_cores} cores at {load.busy:.0%}"),
        ("twin interval", f"{size.twin_interval_s:,.1f} s", twin_note),
        ("prediction interval", f"{size.prediction_interval_s:,.0f} s", "RACKTWIN_PREDICTION_INTERVAL_S"),
        ("Ditto's throttle", f"{size.ditto_throttle_per_s}/s", "connectivity's Kafka consumer throttling"),
        ("Ditto's memory", f"{size.ditto_memory_gib:g} GiB", "five services and MongoDB together, under load"),
        ("Kafka's memory", f"{size.kafka_memory_gib:.1f} GiB", "brokers together, and page cache beside it"),
        ("Kafka's disk", f"{size.kafka_disk_gib:,.0f} GiB", kept),
        ("InfluxDB writes", f"{size.influx_lines_per_s:,.0f} lines/s", f"{size.influx_clients} client(s) carry that"),
        ("InfluxDB series", f"{size.influx_series:,}", ""),
        ("InfluxDB raw", f"{size.influx_raw_gib:,.1f} GiB", f"Site spec.history.fullDays: {load.raw_days:g}"),
        ("InfluxDB downsampled", f"{size.influx_downsampled_gib:,.1f} GiB",
         f"spec.history: 1 min for {load.minute_days:g} days, 15 min for {load.quarter_days:g}"),
    ]  # fmt: skip
