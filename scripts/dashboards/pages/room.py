"""One room or several: every rack's inlet, indices of the air flow, power."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels, picture
from dashboards.frame import Page

_INLET: Final = 'r.kind == "rack" and r.feature !~ /^environment\\.rear/'
_ROOM_INDEX: Final = 'r.kind == "room" and r.feature == "indices"'
_RACK_INDEX: Final = 'r.kind == "rack" and r.feature == "indices"'


def _index(field: str) -> str:
    return flux.over_time(flux.points("score", [field], _ROOM_INDEX, flux.BY_ROOM), ["room"])


def _latest(field: str) -> str:
    return flux.together(flux.now("score", [field], _ROOM_INDEX, flux.BY_ROOM, within="-10m"), "min")


_HOTTEST_RACKS: Final = flux.with_imports(
    "inlets = "
    + flux.points("environment", ["temperature"], _INLET, flux.BY_ROOM)
    + f"\n  |> {flux.step('max')}\n"
    # More rows than sixty are too thin to be seen.
    + 'hot = inlets\n  |> group(columns: ["thing"])\n  |> max()\n  |> group()\n  |> top(n: 60)'
    + '\n  |> findColumn(fn: (key) => true, column: "thing")\n'
    + "inlets\n  |> filter(fn: (r) => contains(value: r.thing, set: hot))"
    + '\n  |> group(columns: ["thing", "_time"])\n  |> max()\n  |> group(columns: ["thing"])'
    + "\n  |> map(fn: (r) => ({_time: r._time, _value: r._value, "
    + 'rack: strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:rack-")}))'
    + '\n  |> group(columns: ["rack"])\n  |> sort(columns: ["_time"])',
    "strings",
)
_BARS: Final = flux.with_imports(
    flux.now("environment", ["temperature"], _INLET, flux.BY_ROOM)
    + '\n  |> group(columns: ["thing"])\n  |> max()\n  |> group()\n  |> top(n: 20)'
    + '\n  |> map(fn: (r) => ({name: strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:rack-"), _value: r._value}))',
    "strings",
)
_WORST: Final = flux.with_imports(
    flux.points(
        "score",
        ["rciHiContribution", "shi", "beta"],
        _RACK_INDEX,
        flux.BY_ROOM,
        bucket="${site}",
        start="-10m",
        stop="now()",
    )
    + "\n  |> last()\n  |> group()"
    + '\n  |> map(fn: (r) => ({name: strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:rack-"), room: r.room, '
    + "_field: r._field, _value: r._value}))"
    + '\n  |> pivot(rowKey: ["name", "room"], columnKey: ["_field"], valueColumn: "_value")'
    + '\n  |> sort(columns: ["rciHiContribution", "shi"], desc: true)\n  |> limit(n: 50)',
    "strings",
)


def _mean(part: str, source: str, how: flux.Mean = "mean") -> str:
    return (
        f"{source}\n  |> group()\n  |> {how}()"
        f'\n  |> map(fn: (r) => ({{row: "now", part: "{part}", _value: float(v: r._value)}}))'
    )


def _unit(field: str, measurement: str = "cooling") -> str:
    return flux.now(measurement, [field], 'r.kind == "cooling"', flux.BY_ROOM)


# One row: what the air's way through the room is like now.
_AIR: Final = (
    "union(tables: [\n"
    + ",\n".join(
        (
            _mean("supply", _unit("supplyTemperature")),
            _mean("inlet", flux.now("environment", ["temperature"], _INLET, flux.BY_ROOM)),
            _mean("rise", flux.now("cooling", ["deltaT"], 'r.kind == "rack"', flux.BY_ROOM)),
            _mean("return", _unit("returnTemperature")),
            _mean("airflow", _unit("airflow"), "sum"),
            _mean("it", flux.now("power", ["power"], 'r.kind == "rack"', flux.BY_ROOM), "sum"),
            _mean("removed", _unit("heatRemoved", "power"), "sum"),
            _mean("cooling", _unit("power", "power"), "sum"),
        )
    )
    + '])\n  |> group()\n  |> pivot(rowKey: ["row"], columnKey: ["part"], valueColumn: "_value")'
)
_CONSOLE: Final = ("Open the room in the console", "@console@/room/${site}/${room}")

PAGE: Final = Page(
    uid="racktwin-room",
    title="Room",
    description="Racks of a room by inlet temperature, and how well supply air reaches them.",
    variables=("rooms",),
    about=flux.BY_ROOM,
    console="/room/${site}/${room}",
    sections=(
        (
            "Air flow",
            (
                panels.stat(
                    "RCI high",
                    "Rack cooling index: 100 % when no inlet is above the recommended range; 96 and more is good, 90 and less poor (Herrlin 2005).",
                    _latest("rciHi"),
                    "percent",
                    steps=panels.RCI,
                    decimals=1,
                ),
                panels.stat(
                    "RCI low",
                    "The same below the recommended range: less than 100 % means over-cooled inlets.",
                    _latest("rciLo"),
                    "percent",
                    steps=panels.RCI,
                    decimals=1,
                ),
                panels.stat(
                    "RTI",
                    "Return temperature index: 100 % balanced, above it hot air recirculates, below it supply air bypasses the racks.",
                    _latest("rti"),
                    "percent",
                    decimals=0,
                ),
                panels.stat(
                    "SHI",
                    "Supply heat index: the share of heat that supply air takes up before it reaches the racks; 0 is perfect.",
                    _latest("shi"),
                    "percentunit",
                    decimals=2,
                ),
                panels.stat(
                    "IT power",
                    "Sum of the racks' active power in the chosen rooms.",
                    flux.together(flux.now("power", ["power"], 'r.kind == "rack"', flux.BY_ROOM), "sum"),
                    "watt",
                    decimals=1,
                ),
                panels.stat(
                    "Hottest inlet",
                    "The highest temperature at any rack's front in the chosen rooms.",
                    flux.together(flux.now("environment", ["temperature"], _INLET, flux.BY_ROOM), "max"),
                    "celsius",
                    steps=panels.INLET,
                    decimals=1,
                    links=(_CONSOLE,),
                ),
            ),
        ),
        (
            "The air's way",
            (
                picture.drawing(
                    "Air and heat now",
                    "From the cooling units through the racks and back. Air that is much warmer at the inlets than when it was supplied was mixed with "
                    "hot air on its way; a return much cooler than what leaves the racks means that supply air comes back unused.",
                    _AIR,
                    {
                        "supply": ("Supplied by the units", 20, 20),
                        "inlet": ("At the racks' fronts", 260, 20),
                        "rise": ("Warmed by the racks", 500, 20),
                        "return": ("Back at the units", 740, 20),
                        "airflow": ("Air moved", 20, 150),
                        "it": ("IT power", 260, 150),
                        "removed": ("Heat removed", 500, 150),
                        "cooling": ("Cooling power", 740, 150),
                    },
                    units={
                        "supply": "celsius",
                        "inlet": "celsius",
                        "rise": "kelvin",
                        "return": "celsius",
                        "airflow": panels.AIRFLOW,
                        "it": "watt",
                        "removed": "watt",
                        "cooling": "watt",
                    },
                    arrows=(("supply", "inlet"), ("inlet", "rise"), ("rise", "return")),
                    steps={"inlet": panels.INLET},
                ),
            ),
        ),
        (
            "Racks",
            (
                panels.grid_over_time(
                    "Heat map of racks by inlet",
                    "A row for each rack, of the sixty that were hottest: the hotter of its front sensors. Orange leaves what ASHRAE class A2 recommends, red what it allows.",
                    _HOTTEST_RACKS,
                    "celsius",
                    steps=panels.INLET,
                ),
                panels.bars(
                    "Twenty hottest racks now",
                    "The hotter of each rack's front sensors.",
                    _BARS,
                    "celsius",
                    steps=panels.INLET,
                    low=10,
                    height=12,
                ),
                panels.distribution(
                    "Spread of inlet temperatures",
                    "How many inlets are at which temperature. A wide band means that air does not reach all racks alike.",
                    flux.over_time(
                        flux.points("environment", ["temperature"], _INLET, flux.BY_ROOM), ["thing", "feature"], "last"
                    ),
                    "celsius",
                    height=12,
                ),
                panels.rows(
                    "Racks that suffer most",
                    "Contribution to the room's RCI, supply heat index and recirculation of each rack. A rack's name opens its dashboard.",
                    _WORST,
                    names={
                        "name": "Rack",
                        "room": "Room",
                        "rciHiContribution": "RCI contribution",
                        "shi": "SHI",
                        "beta": "β",
                    },
                    units={"rciHiContribution": "percent"},
                    links={
                        "name": (
                            "Open the rack",
                            "/d/racktwin-rack?${site:queryparam}&var-room=${__data.fields.Room}&var-rack=${__value.raw}&${__url_time_range}",
                        )
                    },
                ),
            ),
        ),
        (
            "Over time",
            (
                panels.lines(
                    "RCI", "Rack cooling index, high side.", _index("rciHi"), "percent", name="${__field.labels.room}"
                ),
                panels.lines(
                    "RTI", "Return temperature index.", _index("rti"), "percent", name="${__field.labels.room}"
                ),
                panels.lines(
                    "Relative humidity",
                    "Mean of the front sensors of each room.",
                    flux.grouped_over_time(
                        flux.points("environment", ["relativeHumidity"], _INLET, flux.BY_ROOM),
                        ["room"],
                        together="mean",
                    ),
                    panels.HUMIDITY,
                    name="${__field.labels.room}",
                ),
                panels.lines(
                    "IT power",
                    "Sum of the racks' active power.",
                    flux.grouped_over_time(
                        flux.points("power", ["power"], 'r.kind == "rack"', flux.BY_ROOM), ["room"], together="sum"
                    ),
                    "watt",
                    name="${__field.labels.room}",
                    low=0,
                ),
            ),
        ),
    ),
)
