"""Site overview: is anything wrong, where, and what does it cost now."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page

_RACK: Final = 'r.kind == "rack"'
_UNIT: Final = 'r.kind == "cooling"'
# A rack's inlets are its front sensors; a rear sensor's name says so.
_INLET: Final = 'r.kind == "rack" and r.feature !~ /^environment\\.rear/'

_INLETS_NOW: Final = flux.now("environment", ["temperature"], _INLET)
_IT_NOW: Final = flux.together(flux.now("power", ["power"], _RACK), "sum")
_COOLING_NOW: Final = flux.together(flux.now("power", ["power"], _UNIT), "sum")

_ROOMS: Final = """import "join"
inlets = from(bucket: "${site}") |> range(start: -2m)
  |> filter(fn: (r) => r._measurement == "environment" and r._field == "temperature" and r.kind == "rack")
  |> filter(fn: (r) => r.feature !~ /^environment\\.rear/)
  |> last() |> group(columns: ["room"])
power = from(bucket: "${site}") |> range(start: -2m)
  |> filter(fn: (r) => r._measurement == "power" and r._field == "power" and r.kind == "rack")
  |> last() |> group(columns: ["room"]) |> sum() |> group() |> keep(columns: ["room", "_value"])
hottest = inlets |> max() |> group() |> keep(columns: ["room", "_value"])
mean = inlets |> mean() |> group() |> keep(columns: ["room", "_value"])
first = join.inner(left: hottest, right: mean, on: (l, r) => l.room == r.room,
  as: (l, r) => ({room: l.room, hottest: l._value, mean: r._value}))
join.inner(left: first, right: power, on: (l, r) => l.room == r.room,
  as: (l, r) => ({room: l.room, hottest: l.hottest, mean: l.mean, power: r._value}))"""

_RATIO: Final = """it = from(bucket: "${site}") |> range(start: -2m)
  |> filter(fn: (r) => r._measurement == "power" and r._field == "power" and r.kind == "rack")
  |> last() |> group() |> sum() |> set(key: "part", value: "it")
cooling = from(bucket: "${site}") |> range(start: -2m)
  |> filter(fn: (r) => r._measurement == "power" and r._field == "power" and r.kind == "cooling")
  |> last() |> group() |> sum() |> set(key: "part", value: "cooling")
union(tables: [it, cooling]) |> group()
  |> reduce(identity: {it: 0.0, cooling: 0.0}, fn: (r, accumulator) => ({
    it: if r.part == "it" then r._value else accumulator.it,
    cooling: if r.part == "cooling" then r._value else accumulator.cooling}))
  |> filter(fn: (r) => r.it > 0.0)
  |> map(fn: (r) => ({_value: (r.it + r.cooling) / r.it}))"""

_FIRING: Final = flux.with_imports(
    'from(bucket: "${site}_log") |> range(start: -365d)\n'
    '  |> filter(fn: (r) => r._measurement == "alert" and\n'
    '    (r._field == "firing" or r._field == "text" or r._field == "severity"))\n'
    '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
    "  |> filter(fn: (r) => exists r.firing)\n  |> tail(n: 1)\n  |> group()\n"
    "  |> filter(fn: (r) => r.firing > 0.5)\n"
    "  |> map(fn: (r) => ({_time: r._time, severity: r.severity, text: r.text,\n"
    '    thing: strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:"),\n'
    '    rule: strings.trimPrefix(v: r.feature, prefix: "alert.")}))\n'
    '  |> sort(columns: ["_time"], desc: true)',
    "strings",
)

PAGE: Final = Page(
    uid="racktwin-site",
    title="Site overview",
    description="Every room of a site at a glance: temperatures at the racks' inlets, power, cooling.",
    console="/dashboards/${site}",
    sections=(
        (
            "Now",
            (
                panels.stat(
                    "Racks reporting",
                    "Racks whose inlet temperature arrived within two minutes. Fewer than there are: see Pipeline health, or run "
                    "`racktwin doctor` for one that is missing.",
                    f'{_INLETS_NOW}\n  |> group()\n  |> distinct(column: "thing")\n  |> count()\n  |> keep(columns: ["_value"])',
                    "none",
                    none="none",
                ),
                panels.stat(
                    "Hottest inlet",
                    "The highest temperature at any rack's front. Over 27 °C leaves what ASHRAE recommends.",
                    flux.together(_INLETS_NOW, "max"),
                    "celsius",
                    steps=panels.INLET,
                    decimals=1,
                ),
                panels.stat(
                    "Coldest inlet",
                    "The lowest temperature at any rack's front. Under 18 °C is more cooling than ASHRAE recommends: energy to save.",
                    flux.together(_INLETS_NOW, "min"),
                    "celsius",
                    steps=panels.INLET,
                    decimals=1,
                ),
                panels.stat("IT power", "Sum of the racks' active power.", _IT_NOW, "watt", decimals=1),
                panels.stat(
                    "Cooling power", "Sum of the cooling units' active power.", _COOLING_NOW, "watt", decimals=1
                ),
                panels.stat(
                    "Power usage ratio now",
                    "IT and cooling power over IT power at this moment. Not PUE, which is a year's energy and counts all of the building.",
                    _RATIO,
                    "none",
                    decimals=2,
                ),
            ),
        ),
        (
            "Alerts",
            (
                panels.rows(
                    "Firing now",
                    "What is wrong, where and since when, however long ago it began (a year at most); the newest first. The console says what to do, and lets somebody take it on.",
                    _FIRING,
                    names={"_time": "Since", "thing": "Thing", "rule": "Rule", "severity": "Severity", "text": "What"},
                    links={"thing": ("Open alerts in the console", "@console@/alerts/${site}")},
                    widths={"_time": 180, "thing": 200, "rule": 200, "severity": 110},
                    none="nothing is wrong",
                    height=7,
                ),
            ),
        ),
        (
            "Rooms",
            (
                panels.rows(
                    "Rooms",
                    "Hottest and mean inlet and IT power of each room now. A room's name opens its dashboard.",
                    _ROOMS,
                    names={"room": "Room", "hottest": "Hottest inlet", "mean": "Mean inlet", "power": "IT power"},
                    units={"hottest": "celsius", "mean": "celsius", "power": "watt"},
                    coloured={"hottest": panels.INLET},
                    links={
                        "room": (
                            "Open the room",
                            "/d/racktwin-room?${site:queryparam}&var-room=${__value.raw}&${__url_time_range}",
                        )
                    },
                    span=12,
                ),
                panels.lines(
                    "Hottest inlet by room",
                    "The highest inlet temperature of each room. Dashed: the limits of ASHRAE class A2.",
                    flux.grouped_over_time(flux.points("environment", ["temperature"], _INLET), ["room"]),
                    "celsius",
                    name="${__field.labels.room}",
                    steps=panels.INLET,
                    height=9,
                ),
                panels.lines(
                    "IT power by room",
                    "Sum of the racks' active power in each room.",
                    flux.grouped_over_time(flux.points("power", ["power"], _RACK), ["room"], together="sum"),
                    "watt",
                    name="${__field.labels.room}",
                    low=0,
                ),
                panels.lines(
                    "Cooling power by unit",
                    "Active power of each cooling unit.",
                    flux.with_imports(
                        flux.called(
                            flux.over_time(flux.points("power", ["power"], _UNIT), ["thing"]), flux.by_name("cooling")
                        ),
                        "strings",
                    ),
                    "watt",
                    name="${__field.labels.name}",
                    many=True,
                    low=0,
                ),
            ),
        ),
    ),
)
