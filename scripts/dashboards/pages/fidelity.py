"""How well the room model fits the rooms."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page

_ROOM: Final = 'r.feature == "fidelity" and r.kind == "room"'
_RACK: Final = 'r.feature == "fidelity" and r.kind == "rack"'


def _newest(field: str) -> str:
    return flux.together(flux.now("score", [field], _ROOM, flux.BY_ROOM, within="-30m"), "mean")


def _over_time(field: str) -> str:
    return flux.over_time(flux.points("score", [field], _ROOM, flux.BY_ROOM), ["room"])


_WORST: Final = flux.with_imports(
    flux.points(
        "score",
        ["rmse", "bias", "forecastRmse", "skill"],
        _RACK,
        flux.BY_ROOM,
        bucket="${site}",
        start="-30m",
        stop="now()",
    )
    + "\n  |> last()\n  |> group()"
    + f"\n  |> map(fn: (r) => ({{name: {flux.by_name('rack')}, room: r.room, _field: r._field, _value: r._value}}))"
    + '\n  |> pivot(rowKey: ["name", "room"], columnKey: ["_field"], valueColumn: "_value")'
    + '\n  |> sort(columns: ["rmse"], desc: true)\n  |> limit(n: 50)',
    "strings",
)

_NONE: Final = (
    "no fidelity yet: a room's first comes minutes after its first readings, its skill a quarter of an hour later"
)
_NOT_YET: Final = "not known yet"

PAGE: Final = Page(
    uid="racktwin-fidelity",
    title="Fidelity",
    about='r.feature == "alert.fidelity-worse"',
    description="How far to trust the room model: its error against what was measured, and against assuming no change.",
    variables=("rooms",),
    sections=(
        (
            "Now",
            (
                panels.stat(
                    "RMSE",
                    "Root mean square error of the room model at the racks' inlets.",
                    _newest("rmse"),
                    "kelvin",
                    decimals=2,
                    span=8,
                    none=_NOT_YET,
                ),
                panels.stat(
                    "Bias",
                    "Mean error, model minus measurement.",
                    _newest("bias"),
                    "kelvin",
                    decimals=2,
                    span=8,
                    none=_NOT_YET,
                ),
                panels.stat(
                    "Skill",
                    "1 is perfect, 0 no better than assuming no change; below 0 the model misleads: recalibrate.",
                    _newest("skill"),
                    "none",
                    steps=panels.SKILL,
                    decimals=2,
                    span=8,
                    none=_NOT_YET,
                ),
            ),
        ),
        (
            "Over time",
            (
                panels.lines(
                    "RMSE",
                    "Root mean square error by room.",
                    _over_time("rmse"),
                    "kelvin",
                    name="${__field.labels.room}",
                    low=0,
                    none=_NONE,
                ),
                panels.lines(
                    "Skill",
                    "By room, against assuming no change: 0 is no better. What is below -1 is off the scale.",
                    _over_time("skill"),
                    "none",
                    within=(-1, 1),
                    steps=panels.SKILL,
                    name="${__field.labels.room}",
                    none=_NONE,
                ),
                panels.rows(
                    "Racks that fit worst",
                    "A rack that stands out was changed in reality: blanking panels, cables, load that the model does not know.",
                    _WORST,
                    names={
                        "name": "Rack",
                        "room": "Room",
                        "rmse": "RMSE",
                        "bias": "Bias",
                        "forecastRmse": "RMSE, 15 min ahead",
                        "skill": "Skill",
                    },
                    units={"rmse": "kelvin", "bias": "kelvin", "forecastRmse": "kelvin"},
                    coloured={"skill": panels.SKILL},
                    none=_NONE,
                ),
            ),
        ),
    ),
)
