"""Whether every reading arrives: loss per hop, age, what was refused; and how long certificates last."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page

# Every process tells every 10 s what came through it since (`racktwin.hops`); its name is the feature's second part.
_HOPS: Final = "r.feature =~ /^pipeline\\./"
_INGEST: Final = "r.feature =~ /^pipeline\\.ingest\\./"
_HISTORIAN: Final = "r.feature =~ /^pipeline\\.historian\\./"
_QUIET: Final = "nothing passed within the last minute"
_NAME: Final = "${__field.labels.hop}"
_SUM: Final = (
    '  |> group(columns: ["hop", "_time"])\n  |> {each}()\n  |> group(columns: ["hop"])\n'
    '  |> keep(columns: ["_time", "_value", "hop"])\n  |> sort(columns: ["_time"])'
)


def _by_hop(field: str, step: flux.Mean, together: flux.Mean = "sum", *, rate: bool = False) -> str:
    """A figure of each hop over time, over all of its processes."""
    per_second = (
        "\n  |> map(fn: (r) => ({r with _value: r._value / (float(v: int(v: v.windowPeriod)) / 1000000000.0)}))"
        if rate
        else ""
    )
    return flux.with_imports(
        f"{flux.points('pipeline', [field], _HOPS)}\n"
        f"  |> {flux.step(step)}\n"
        '  |> map(fn: (r) => ({r with hop: strings.split(v: r.feature, t: ".")[1]}))\n'
        + _SUM.format(each=together)
        + per_second,
        "strings",
    )


def _missing(hop: str) -> str:
    return flux.now("pipeline", ["missing"], hop) + "\n  |> group()\n  |> sum()"


_LOSS: Final = flux.with_imports(
    "devices = "
    + _missing(_INGEST)
    + '\n  |> map(fn: (r) => ({hop: "1  devices to ingest", ingest: r._value, stored: 0.0}))\n'
    "stored = "
    + _missing(_HISTORIAN)
    + '\n  |> map(fn: (r) => ({hop: "2  ingest to InfluxDB", ingest: 0.0, stored: r._value}))\n'
    "both = union(tables: [devices, stored]) |> group()\n"
    "  |> reduce(identity: {ingest: 0.0, stored: 0.0}, fn: (r, accumulator) => ({\n"
    "    ingest: accumulator.ingest + r.ingest, stored: accumulator.stored + r.stored}))\n"
    "  |> findRecord(fn: (key) => true, idx: 0)\n"
    "array.from(rows: [\n"
    '  {hop: "1  devices to ingest", missing: both.ingest},\n'
    '  {hop: "2  ingest to InfluxDB", missing: if both.stored > both.ingest then both.stored - both.ingest else 0.0},\n'
    "])",
    "array",
)
_REJECTS: Final = (
    flux.points("pipeline", ["rejected"], _HOPS, bucket="${site}", start="-1h", stop="now()")
    + '\n  |> group()\n  |> sum()\n  |> keep(columns: ["_value"])'
)
_LAG: Final = flux.together(flux.now("pipeline", ["lag"], _HISTORIAN, within="-1m"), "max")
_RATE: Final = (
    flux.points("pipeline", ["written"], _INGEST, bucket="${site}", start="-1m", stop="now()")
    + "\n  |> group()\n  |> sum()\n  |> map(fn: (r) => ({_value: r._value / 60.0}))"
)
_AGE: Final = (
    'from(bucket: "${site}")\n  |> range(start: -1h)\n'
    '  |> filter(fn: (r) => r._measurement == "environment" and r._field == "temperature" and r.kind == "rack")\n'
    "  |> last()\n  |> group()"
    "\n  |> map(fn: (r) => ({_value: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0}))\n  |> max()"
)
_SILENT: Final = flux.with_imports(
    'from(bucket: "${site}")\n  |> range(start: -24h)\n'
    '  |> filter(fn: (r) => r._measurement == "environment" and r._field == "temperature" and r.kind == "rack")\n'
    "  |> last()\n  |> group()\n"
    "  |> map(fn: (r) => ({thing: r.thing, feature: r.feature, room: r.room, _time: r._time,\n"
    "    age: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0}))\n"
    "  |> filter(fn: (r) => r.age > 120.0)\n"
    '  |> sort(columns: ["age"], desc: true)\n  |> limit(n: 100)'
)
_CERTIFICATE: Final = flux.together(
    flux.now("pipeline", ["daysLeft"], 'r.feature == "certificates"', within="-6h"), "min"
)

PAGE: Final = Page(
    uid="racktwin-pipeline",
    title="Pipeline health",
    description="From devices to InfluxDB and twins: what came, what was lost and where, what was refused, how old it was.",
    since="now-1h",
    console="/alerts/${site}",
    about="r.feature =~ /^alert\\.(readings-lost|sensor-stale|certificates)$/",
    sections=(
        (
            "Now",
            (
                panels.stat(
                    "Readings",
                    "Written by ingest in the last minute. None: see Hono and the bridge, or run `racktwin doctor`.",
                    _RATE,
                    panels.RATE,
                    decimals=0,
                    none=_QUIET,
                ),
                panels.stat(
                    "Age when stored",
                    "Mean time from Kafka to InfluxDB's acknowledgement, of the last ten seconds. Seconds mean that InfluxDB is slow or the historian too small.",
                    _LAG,
                    "s",
                    steps=((None, panels.GREEN), (2, panels.ORANGE), (15, panels.RED)),
                    none=_QUIET,
                ),
                panels.stat(
                    "Oldest inlet",
                    "Age of the newest reading of the sensor that was silent longest (of those heard within an hour).",
                    _AGE,
                    "s",
                    steps=((None, panels.GREEN), (60, panels.ORANGE), (180, panels.RED)),
                    decimals=0,
                ),
                panels.stat(
                    "Refused in an hour",
                    "Records that could not be used. `racktwin rejects --since 1h` shows them whole, with the reason.",
                    _REJECTS,
                    "none",
                    steps=((None, panels.GREEN), (1, panels.ORANGE)),
                    decimals=0,
                    none="0",
                ),
                panels.stat(
                    "Missing",
                    "Numbers of devices' messages that were skipped and did not come since, at the last hop.",
                    _missing(_HISTORIAN),
                    "none",
                    steps=((None, panels.GREEN), (1, panels.RED)),
                    decimals=0,
                    none=_QUIET,
                ),
                panels.stat(
                    "First certificate ends in",
                    "Of all that are watched. They are renewed 40 days before; less than 30 means that the renewal failed. None is watched where nothing speaks TLS.",
                    _CERTIFICATE,
                    "d",
                    steps=((None, panels.RED), (30, panels.GREEN)),
                    decimals=0,
                    none="none is watched",
                ),
            ),
        ),
        (
            "Losses",
            (
                panels.rows(
                    "Loss by hop",
                    "Numbers of messages that are missing since the processes began, and where they were lost. The first hop takes in the network, Hono and the bridge.",
                    _LOSS,
                    names={"hop": "Hop", "missing": "Missing"},
                    coloured={"missing": ((None, panels.GREEN), (1, panels.RED))},
                    span=8,
                    height=8,
                ),
                panels.lines(
                    "Missing",
                    "The same over time. A step is a loss; it falls when stragglers arrive, and to nothing when a process starts.",
                    _by_hop("missing", "max"),
                    "none",
                    name=_NAME,
                    low=0,
                    span=16,
                ),
            ),
        ),
        (
            "Flow",
            (
                panels.lines(
                    "Written",
                    "Readings that ingest wrote, and points that InfluxDB acknowledged (readings, predictions, scores).",
                    _by_hop("written", "sum", rate=True),
                    panels.RATE,
                    name=_NAME,
                    low=0,
                ),
                panels.lines(
                    "Age of what is taken",
                    "Mean time since Hono (ingest) and since Kafka (historian). It grows while a process cannot keep up.",
                    _by_hop("lag", "max", "max"),
                    "s",
                    name=_NAME,
                    low=0,
                ),
                panels.lines(
                    "Refused",
                    "Records that could not be used, in each step of the screen.",
                    _by_hop("rejected", "sum"),
                    "none",
                    name=_NAME,
                    low=0,
                ),
                panels.lines(
                    "Repeated",
                    "Readings that had come before: sent again by devices or by us after an interruption. Harmless: each counts once.",
                    _by_hop("repeated", "sum"),
                    "none",
                    name=_NAME,
                    low=0,
                ),
                panels.lines(
                    "Late",
                    "Readings older than the newest of their series: they go into the history, not onto the twin.",
                    _by_hop("late", "sum"),
                    "none",
                    name=_NAME,
                    low=0,
                ),
                panels.rows(
                    "Silent sensors",
                    "Sensors of racks heard within a day whose newest reading is older than two minutes. `racktwin doctor` names the hop where one stops.",
                    _SILENT,
                    names={
                        "thing": "Thing",
                        "feature": "Sensor",
                        "room": "Room",
                        "_time": "Last reading",
                        "age": "Age",
                    },
                    units={"age": "s"},
                    span=12,
                    height=8,
                    none="none is silent",
                ),
            ),
        ),
    ),
)
