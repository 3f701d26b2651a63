"""Cooling units: what they deliver, what they use, what they were told."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page

_UNIT: Final = "${__field.labels.name}"


def _of(measurement: str, field: str) -> str:
    series = flux.over_time(flux.points(measurement, [field], 'r.kind == "cooling"', flux.BY_UNIT), ["thing"])
    return flux.with_imports(flux.called(series, flux.by_name("cooling")), "strings")


_NOW: Final = flux.with_imports(
    'import "strings"\n'
    + "union(tables: [\n"
    + ",\n".join(
        flux.now(measurement, fields, 'r.kind == "cooling"', flux.BY_UNIT, within="-10m")
        + " |> map(fn: (r) => ({thing: r.thing, room: r.room, _field: r._field, _value: float(v: r._value)}))"
        for measurement, fields in (
            ("cooling", ["supplyTemperature", "returnTemperature", "setpoint", "fanSpeed", "airflow"]),
            ("power", ["power", "heatRemoved", "cop"]),
        )
    )
    + "])\n  |> group()\n"
    + '  |> map(fn: (r) => ({r with name: strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:cooling-")}))\n'
    + '  |> pivot(rowKey: ["name", "room"], columnKey: ["_field"], valueColumn: "_value")'
)

PAGE: Final = Page(
    uid="racktwin-cooling",
    title="Cooling units",
    about=flux.BY_UNIT,
    description="Supply and return air, fans, heat removed and efficiency of the cooling units.",
    variables=("unit",),
    sections=(
        (
            "Now",
            (
                panels.rows(
                    "Units",
                    "Each unit's newest values. A supply well above its set-point: the unit is at its limit or has failed.",
                    _NOW,
                    names={
                        "name": "Unit",
                        "room": "Room",
                        "setpoint": "Set-point",
                        "supplyTemperature": "Supply",
                        "returnTemperature": "Return",
                        "fanSpeed": "Fans",
                        "heatRemoved": "Heat removed",
                        "power": "Power",
                        "cop": "CoP",
                        "airflow": "Air",
                    },
                    units={
                        "setpoint": "celsius",
                        "supplyTemperature": "celsius",
                        "returnTemperature": "celsius",
                        "fanSpeed": "percent",
                        "heatRemoved": "watt",
                        "power": "watt",
                        "airflow": panels.AIRFLOW,
                    },
                ),
            ),
        ),
        (
            "Air",
            (
                panels.lines(
                    "Supply",
                    "Temperature of the air that each unit delivers.",
                    _of("cooling", "supplyTemperature"),
                    "celsius",
                    name=_UNIT,
                    many=True,
                ),
                panels.lines(
                    "Return",
                    "Temperature of the air that comes back.",
                    _of("cooling", "returnTemperature"),
                    "celsius",
                    name=_UNIT,
                    many=True,
                ),
                panels.lines(
                    "Set-point",
                    "What the supply is told to be.",
                    _of("cooling", "setpoint"),
                    "celsius",
                    name=_UNIT,
                    many=True,
                ),
                panels.lines(
                    "Fans",
                    "Fan speed as a share of full speed.",
                    _of("cooling", "fanSpeed"),
                    "percent",
                    name=_UNIT,
                    many=True,
                    low=0,
                ),
            ),
        ),
        (
            "Heat and power",
            (
                panels.lines(
                    "Heat removed",
                    "What each unit carries away.",
                    _of("power", "heatRemoved"),
                    "watt",
                    name=_UNIT,
                    many=True,
                    low=0,
                ),
                panels.lines(
                    "Power", "What each unit uses.", _of("power", "power"), "watt", name=_UNIT, many=True, low=0
                ),
                panels.lines(
                    "Coefficient of performance",
                    "Heat removed over power used.",
                    _of("power", "cop"),
                    "none",
                    name=_UNIT,
                    many=True,
                    low=0,
                ),
            ),
        ),
    ),
)
