"""One rack: its air at top and bottom, what is predicted for it, its power."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page
from physics.ashrae import CLASSES

# Limits as series: they are those of the rack's class, which a panel's own thresholds cannot follow.
_LIMITS: Final = {
    "temperature": {
        "allowable, low": "allowable_low",
        "recommended, low": "recommended_low",
        "recommended, high": "recommended_high",
        "allowable, high": "allowable_high",
    },
    "relativeHumidity": {"allowable, low": "allowable_humidity_low", "allowable, high": "allowable_humidity_high"},
    "dewPoint": {
        "allowable, low": "allowable_dew_low",
        "recommended, low": "recommended_dew_low",
        "recommended, high": "recommended_dew_high",
        "allowable, high": "allowable_dew_high",
    },
}
_USUAL_CLASS: Final = "A2"


def _air(field: str) -> str:
    """Every sensor, and the limits of the class that the rack was last judged by."""
    limits = _LIMITS[field]
    parts = [
        "measured = "
        + flux.called(
            flux.over_time(flux.points("environment", [field], flux.BY_RACK), ["feature"]),
            'strings.trimPrefix(v: r.feature, prefix: "environment.")',
            "feature",
        ),
        "judged = "
        + flux.points(
            "score",
            ["ashraeClass"],
            flux.BY_RACK,
            'r.feature == "indices"',
            bucket="${site}",
            start="-1d",
            stop="now()",
        )
        + '\n  |> last()\n  |> findColumn(fn: (key) => true, column: "_value")',
        f'class = if length(arr: judged) > 0 then judged[0] else "{_USUAL_CLASS}"',
        'limit = (name, of) => measured\n  |> filter(fn: (r) => r.feature == "top")\n'
        "  |> map(fn: (r) => ({_time: r._time, feature: name, _value: dict.get(dict: of, key: class, default: 0.0)}))\n"
        '  |> group(columns: ["feature"])',
    ]
    drawn = []
    for name, attribute in limits.items():
        pairs = ", ".join(f'{{key: "{each}", value: {getattr(CLASSES[each], attribute):.1f}}}' for each in CLASSES)
        drawn.append(f'limit(name: "{name}", of: dict.fromList(pairs: [{pairs}]))')
    parts.append(f"union(tables: [measured, {', '.join(drawn)}])")
    return flux.with_imports("\n".join(parts), "dict", "strings")


_SENSORS: Final = {"top": panels.BLUE, "bottom": panels.GREEN}
_COLOURS: Final = {
    name: panels.RED if "allowable" in name else panels.ORANGE
    for name in ("allowable, low", "recommended, low", "recommended, high", "allowable, high")
}


def _newest(feature: str, field: str = "temperature") -> str:
    return flux.together(flux.now("environment", [field], flux.BY_RACK, f'r.feature == "{feature}"'), "last")


def _prediction(place: str, horizon: str) -> str:
    """Predictions of one sensor at the times they speak of, beside what was measured."""
    shift = f"{horizon}s"
    interval = "\n".join(
        (
            flux.points(
                "prediction",
                ["value", "lo", "hi"],
                flux.BY_RACK,
                f'r.target == "environment.{place}/temperature"',
                f'r.horizon == "{horizon}"',
            ),
            '  |> filter(fn: (r) => r.model == "inlet-temperature")',
            f"  |> {flux.step()}",
            f"  |> timeShift(duration: {shift})",
            '  |> map(fn: (r) => ({r with _field: if r._field == "value" then "predicted" else r._field}))',
            '  |> keep(columns: ["_time", "_value", "_field"])',
        )
    )
    measured = "\n".join(
        (
            flux.points("environment", ["temperature"], flux.BY_RACK, f'r.feature == "environment.{place}"'),
            f"  |> {flux.step()}",
            '  |> map(fn: (r) => ({r with _field: "measured"}))',
            '  |> keep(columns: ["_time", "_value", "_field"])',
        )
    )
    return f'predicted = {interval}\nmeasured = {measured}\nunion(tables: [predicted, measured]) |> group(columns: ["_field"]) |> sort(columns: ["_time"])'


_SKILL: Final = flux.with_imports(
    flux.points("scorecard", ["skill"], flux.BY_RACK)
    + f"\n  |> {flux.step()}"
    + '\n  |> map(fn: (r) => ({r with what: strings.replaceAll(v: strings.trimPrefix(v: r.feature, prefix: "scorecard."),'
    + ' t: "environment.", u: "") + " s"}))'
    + '\n  |> group(columns: ["what"])\n  |> keep(columns: ["_time", "_value", "what"])\n  |> sort(columns: ["_time"])',
    "strings",
)

PAGE: Final = Page(
    uid="racktwin-rack",
    title="Rack",
    description="A rack's inlets against their limits, predictions with their intervals, dew point, power.",
    variables=("room", "rack"),
    about=flux.BY_RACK,
    # As far as the predictions reach.
    until="now+15m",
    console="/room/${site}/${room}?thing=racktwin.${site}:rack-${rack}",
    ditto_ui="/?filter=racktwin.${site}:rack-${rack}",
    sections=(
        (
            "Now",
            (
                panels.stat(
                    "Top inlet",
                    "Air at the front, top. Whether that is too warm for the rack's class: see ASHRAE state.",
                    _newest("environment.top"),
                    "celsius",
                    decimals=1,
                ),
                panels.stat(
                    "Bottom inlet",
                    "Air at the front, bottom. Whether that is too warm for the rack's class: see ASHRAE state.",
                    _newest("environment.bottom"),
                    "celsius",
                    decimals=1,
                ),
                panels.stat(
                    "Humidity at the top",
                    "Relative humidity at the front, top.",
                    _newest("environment.top", "relativeHumidity"),
                    panels.HUMIDITY,
                    decimals=0,
                ),
                panels.stat(
                    "Dew point",
                    "Of the air at the top. Top and bottom share it, because heating does not change moisture: where they differ, a sensor "
                    "is wrong or water leaks.",
                    _newest("environment.top", "dewPoint"),
                    "celsius",
                    decimals=1,
                ),
                panels.stat(
                    "Power",
                    "Active power of the rack.",
                    flux.together(flux.now("power", ["power"], flux.BY_RACK), "last"),
                    "watt",
                    decimals=1,
                ),
                panels.stat(
                    "Outlet minus inlet",
                    "Temperature rise through the rack.",
                    flux.together(flux.now("cooling", ["deltaT"], flux.BY_RACK), "last"),
                    "kelvin",
                    decimals=1,
                ),
            ),
        ),
        (
            "Air",
            (
                panels.lines(
                    "Temperature",
                    "Every sensor of the rack. Dashed: the limits of its ASHRAE class.",
                    _air("temperature"),
                    "celsius",
                    name="${__field.labels.feature}",
                    limits=_COLOURS,
                    colours=_SENSORS,
                    many=True,
                ),
                panels.lines(
                    "Relative humidity",
                    "Every sensor of the rack. Dashed: what its ASHRAE class allows.",
                    _air("relativeHumidity"),
                    panels.HUMIDITY,
                    name="${__field.labels.feature}",
                    limits=_COLOURS,
                    colours=_SENSORS,
                    many=True,
                ),
                panels.lines(
                    "Dew point",
                    "One line when all is well: sensors whose dew points part are wrong, or water leaks. Dashed: the limits of its "
                    "ASHRAE class.",
                    _air("dewPoint"),
                    "celsius",
                    name="${__field.labels.feature}",
                    limits=_COLOURS,
                    colours=_SENSORS,
                    many=True,
                ),
                panels.history_of_states(
                    "ASHRAE state",
                    "Whether the inlets are within the recommended or the allowable range of the rack's class.",
                    flux.over_time(
                        flux.points("score", ["ashraeState"], flux.BY_RACK, 'r.feature == "indices"'), ["thing"], "last"
                    ),
                    name="inlets",
                    span=12,
                ),
            ),
        ),
        (
            "Predicted",
            (
                panels.lines(
                    "Top inlet, 15 minutes ahead",
                    "What was measured and what the model had said 15 minutes before, with its interval. The part to the right, where nothing is measured, has not happened yet.",
                    _prediction("top", "900"),
                    "celsius",
                    name="${__field.labels._field}",
                    band=("lo", "hi"),
                    dashed=("predicted",),
                    colours={"measured": panels.BLUE, "predicted": panels.ORANGE},
                ),
                panels.lines(
                    "Bottom inlet, 15 minutes ahead",
                    "The same at the bottom.",
                    _prediction("bottom", "900"),
                    "celsius",
                    name="${__field.labels._field}",
                    band=("lo", "hi"),
                    dashed=("predicted",),
                    colours={"measured": panels.BLUE, "predicted": panels.ORANGE},
                ),
            ),
        ),
        (
            "Scores",
            (
                panels.lines(
                    "How good the predictions were",
                    "Skill by sensor and time ahead: 1 is perfect, 0 no better than assuming no change. What is below -1 is off the scale.",
                    _SKILL,
                    "none",
                    name="${__field.labels.what}",
                    many=True,
                    within=(-1, 1),
                    steps=panels.SKILL,
                    none="nothing scored yet: a prediction is scored when its time has come",
                ),
                panels.lines(
                    "How unusual it behaves, and how urgent its maintenance is",
                    "Of the models that judge the rack, its parts and its sensors; 1 is most.",
                    flux.over_time(flux.points("score", ["score"], flux.BY_RACK), ["feature"], "max"),
                    "none",
                    name="${__field.labels.feature}",
                    low=0,
                    none="no model judges this rack: a TwinModel that detects does",
                ),
            ),
        ),
        (
            "Power and cooling",
            (
                panels.lines(
                    "Power",
                    "Active power of the rack, and of each feed where it is measured.",
                    flux.over_time(flux.points("power", ["power", "powerA", "powerB"], flux.BY_RACK), ["_field"]),
                    "watt",
                    name="${__field.labels._field}",
                    low=0,
                ),
                panels.lines(
                    "Outlet minus inlet",
                    "Temperature rise through the rack; it falls when fans speed up and rises when the air path is blocked.",
                    flux.over_time(flux.points("cooling", ["deltaT"], flux.BY_RACK), ["_field"]),
                    "kelvin",
                    name="${__field.labels._field}",
                ),
            ),
        ),
    ),
)
