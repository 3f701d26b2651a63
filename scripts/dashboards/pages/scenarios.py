"""A what-if beside its baseline: temperatures, air, power. Never live values: all is read from the scenarios' bucket."""

from __future__ import annotations

from typing import Any, Final

from dashboards import flux, panels
from dashboards.frame import Page

_INLET: Final = 'r.kind == "rack" and r.feature !~ /^environment\\.rear/'
_UNITS: Final = 'r.kind == "cooling"'
_NONE: Final = "no such scenario within the chosen time; `racktwin whatif` or the console makes one"


def _cases(measurement: str, field: str, where: str, together: flux.Mean) -> str:
    """One line for each case: first one value per series and step, then all series of the case in one."""
    return flux.grouped_over_time(
        flux.points_of_scenario(measurement, [field], where), ["case"], each="mean", together=together
    )


_HOTTEST: Final = (
    flux.points_of_scenario("environment", ["temperature"], _INLET)
    + '\n  |> group(columns: ["thing", "row", "room", "case"])\n  |> max()\n  |> group()'
)
_BESIDE: Final = flux.with_imports(
    # The bucket is looked up in a statement of its own, before the query.
    f"{_HOTTEST}\n".replace("\nfrom(", "\nhottest = from(", 1)
    + 'baseline = hottest |> filter(fn: (r) => r.case == "baseline")\n'
    "  |> map(fn: (r) => ({thing: r.thing, room: r.room, baseline: r._value}))\n"
    'changed = hottest |> filter(fn: (r) => r.case != "baseline")\n'
    "  |> map(fn: (r) => ({thing: r.thing, case: r.case, value: r._value}))\n"
    "join.inner(left: changed, right: baseline, on: (l, r) => l.thing == r.thing, as: (l, r) => ({\n"
    '    rack: strings.trimPrefix(v: l.thing, prefix: "racktwin.${site}:rack-"), room: r.room, case: l.case,\n'
    "    baseline: r.baseline, scenario: l.value, difference: l.value - r.baseline}))\n"
    '  |> sort(columns: ["scenario"], desc: true)\n  |> limit(n: 200)',
    "join",
    "strings",
)
_HEAT_MAP: Final = flux.with_imports(
    flux.points_of_scenario("environment", ["temperature"], _INLET, 'r.case != "baseline"')
    + f"\n  |> {flux.step('max')}"
    + '\n  |> group(columns: ["thing", "_time"])\n  |> max()\n  |> group(columns: ["thing"])'
    + "\n  |> map(fn: (r) => ({_time: r._time, _value: r._value, "
    + 'rack: strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:rack-")}))'
    + '\n  |> group(columns: ["rack"])\n  |> sort(columns: ["_time"])',
    "strings",
)


def _highest(case: str) -> str:
    return (
        flux.points_of_scenario("environment", ["temperature"], _INLET, case)
        + '\n  |> group()\n  |> max()\n  |> keep(columns: ["_value"])'
    )


def _peak(title: str, why: str, case: str) -> Any:
    return panels.stat(
        title, why, _highest(case), "celsius", steps=panels.INLET, decimals=1, span=12, none="no such scenario"
    )


def _beside(title: str, why: str, query: str, unit: str, **more: Any) -> Any:
    """A line for each case."""
    return panels.lines(title, why, query, unit, name="${__field.labels.case}", none=_NONE, **more)


PAGE: Final = Page(
    uid="racktwin-scenarios",
    title="Scenario compare",
    description="A what-if of the room model beside what it expects otherwise. Computed, not measured.",
    variables=("scenario",),
    since="now-1h",
    until="now+2h",
    console="/whatif/${site}",
    sections=(
        (
            "Peaks",
            (
                _peak(
                    "Hottest inlet, baseline",
                    "The highest temperature at any rack's front if nothing is changed.",
                    'r.case == "baseline"',
                ),
                _peak(
                    "Hottest inlet, scenario",
                    "The same with the scenario's changes, over all of its cases. Red: a rack leaves what its class allows.",
                    'r.case != "baseline"',
                ),
            ),
        ),
        (
            "Beside each other",
            (
                _beside(
                    "Hottest inlet",
                    "Of all racks, for the baseline and each case. Dashed: the limits of ASHRAE class A2.",
                    _cases("environment", "temperature", _INLET, "max"),
                    "celsius",
                    steps=panels.INLET,
                ),
                _beside(
                    "Mean inlet",
                    "Of all racks, for the baseline and each case.",
                    _cases("environment", "temperature", _INLET, "mean"),
                    "celsius",
                ),
                _beside(
                    "Hottest supply air",
                    "Of all cooling units: one that fails gives the air back as warm as it took it.",
                    _cases("cooling", "supplyTemperature", _UNITS, "max"),
                    "celsius",
                ),
                _beside(
                    "Air moved",
                    "Volume flow of all cooling units together.",
                    _cases("cooling", "airflow", _UNITS, "sum"),
                    panels.AIRFLOW,
                    low=0,
                ),
                _beside(
                    "Cooling power",
                    "Of all cooling units together.",
                    _cases("power", "power", _UNITS, "sum"),
                    "watt",
                    low=0,
                ),
                _beside(
                    "IT power",
                    "Of all racks together.",
                    _cases("power", "power", 'r.kind == "rack"', "sum"),
                    "watt",
                    low=0,
                ),
            ),
        ),
        (
            "Racks",
            (
                panels.grid_over_time(
                    "Inlets with the scenario's changes",
                    "A row for each rack: the hotter of its front sensors, over all cases. Orange leaves what ASHRAE class A2 recommends, red what it allows.",
                    _HEAT_MAP,
                    "celsius",
                    steps=panels.INLET,
                    none=_NONE,
                ),
                panels.rows(
                    "Highest inlet of each rack",
                    "With the changes and without, the hottest first.",
                    _BESIDE,
                    names={
                        "rack": "Rack",
                        "room": "Room",
                        "case": "Case",
                        "baseline": "Baseline",
                        "scenario": "Scenario",
                        "difference": "Difference",
                    },
                    units={"baseline": "celsius", "scenario": "celsius", "difference": "kelvin"},
                    coloured={"scenario": panels.INLET},
                    none=_NONE,
                ),
            ),
        ),
    ),
)
