"""How good the models that serve are, by what came of their predictions."""

from __future__ import annotations

from typing import Any, Final

from dashboards import flux, panels
from dashboards.frame import Page

# `model` on the site's twin is a model as a whole, `scorecard` its predictions for one thing, sensor and horizon.
_MODEL: Final = "r.feature =~ /^model\\.${model:regex}$/"
_SCORED: Final = "r.feature =~ /^scorecard\\.${model:regex}\\./"
_BY_MODEL: Final = "r.model =~ /^${model:regex}$/"
_SHORT: Final = '  |> map(fn: (r) => ({r with name: strings.trimPrefix(v: r.feature, prefix: "model.")}))'
_NAME: Final = "${__field.labels.name}"
_SOON: Final = "nothing scored yet"
_LATER: Final = "nothing scored yet: a prediction is scored when its time has come"


def _whole(field: str, how: flux.Mean = "mean") -> str:
    return flux.with_imports(
        f"{flux.points('model', [field], _MODEL)}\n  |> {flux.step(how)}\n{_SHORT}\n"
        '  |> group(columns: ["name"])\n  |> keep(columns: ["_time", "_value", "name"])\n  |> sort(columns: ["_time"])',
        "strings",
    )


def _newest(field: str) -> str:
    return flux.together(flux.now("model", [field], _MODEL, within="-30m"), "min")


def _columns(*fields: str) -> str:
    return (
        f"{flux.now('model', fields, _MODEL, within='-30m')}\n{_SHORT}\n  |> group()\n"
        '  |> pivot(rowKey: ["name"], columnKey: ["_field"], valueColumn: "_value")'
    )


_VERDICTS: Final = flux.with_imports(
    f"figures = {_columns('skill', 'coverage', 'mae', 'count')}\n"
    f"words = {_columns('version', 'state', 'reason')}\n"
    "join.inner(left: words, right: figures, on: (l, r) => l.name == r.name,\n"
    "  as: (l, r) => ({name: l.name, version: l.version, state: l.state, reason: l.reason,\n"
    "    skill: r.skill, coverage: r.coverage, mae: r.mae, count: r.count}))",
    "join",
    "strings",
)


# One model errs in kelvin, another in watts.
_OF_POWER: Final = "r.feature =~ /^scorecard\\.[^.]*\\.power\\./"
_OF_ALL_ELSE: Final = "r.feature !~ /^scorecard\\.[^.]*\\.power\\./"


def _by_horizon(field: str, which: str) -> str:
    """Mean over all things, for each model and horizon: parts of the feature's name
    (`scorecard.<model>.<target>.<s>`)."""
    return flux.with_imports(
        f"{flux.points('scorecard', [field], _SCORED, which)}\n"
        # Of all things at once: each is scored as often, and there are many.
        f'  |> group(columns: ["feature"])\n  |> {flux.step()}\n'
        '  |> map(fn: (r) => {\n    parts = strings.split(v: r.feature, t: ".")\n'
        '    return {r with series: parts[1] + ", " + parts[length(arr: parts) - 1] + " s"}\n  })\n'
        '  |> group(columns: ["series", "_time"])\n  |> mean()\n  |> group(columns: ["series"])\n'
        '  |> sort(columns: ["_time"])',
        "strings",
    )


def _errors(title: str, why: str, which: str, unit: str) -> Any:
    return panels.lines(
        title,
        why,
        _by_horizon("mae", which),
        unit,
        name="${__field.labels.series}",
        many=True,
        low=0,
        none=_LATER,
    )


_WORST: Final = flux.with_imports(
    flux.now("scorecard", ["skill", "mae", "coverage"], _SCORED, within="-30m")
    + "\n  |> group()"
    + '\n  |> map(fn: (r) => {\n    parts = strings.split(v: r.feature, t: ".")\n    return {\n'
    + '      thing: strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:"), \n'
    + '      what: strings.trimSuffix(v: strings.trimPrefix(v: r.feature, prefix: "scorecard."),'
    + ' suffix: "." + parts[length(arr: parts) - 1]),\n'
    + "      horizon: parts[length(arr: parts) - 1], _field: r._field, _value: r._value,\n    }\n  })"
    + '\n  |> pivot(rowKey: ["thing", "what", "horizon"], columnKey: ["_field"], valueColumn: "_value")'
    + '\n  |> sort(columns: ["skill"])\n  |> limit(n: 30)',
    "strings",
)
_RATE: Final = (
    flux.points("prediction", ["value"], _BY_MODEL)
    + f'\n  |> group(columns: ["model"])\n  |> {flux.step("count")}'
    + '\n  |> keep(columns: ["_time", "_value", "model"])'
)

PAGE: Final = Page(
    uid="racktwin-models",
    title="Models",
    description="Scorecards: every prediction is compared with what was measured when its time had come.",
    variables=("model",),
    about='r.feature == "alert.model-drifting"',
    since="now-6h",
    sections=(
        (
            "Now",
            (
                panels.stat(
                    "Skill",
                    "Of the worst model that serves: 1 is perfect, 0 no better than assuming no change. Below 0 the model misleads: train anew or roll back.",
                    _newest("skill"),
                    "none",
                    steps=panels.SKILL,
                    decimals=2,
                    span=6,
                    none=_SOON,
                ),
                panels.stat(
                    "Coverage",
                    "How often the truth was within the stated interval, of the worst model; its card promises 90 % unless it says otherwise.",
                    _newest("coverage"),
                    "percentunit",
                    steps=((None, panels.RED), (0.75, panels.ORANGE), (0.85, panels.GREEN)),
                    decimals=1,
                    span=6,
                    none=_SOON,
                ),
                panels.stat(
                    "Predictions scored",
                    "Since the scorecard began, of the model with the fewest.",
                    _newest("count"),
                    "none",
                    decimals=0,
                    span=6,
                    none=_SOON,
                ),
                panels.stat(
                    "Predictions in the last minute",
                    "Of all chosen models. None: see the model's pod, or run `racktwin doctor`.",
                    flux.together(
                        flux.points("prediction", ["value"], _BY_MODEL, bucket="${site}", start="-1m", stop="now()"),
                        "count",
                    ),
                    "none",
                    span=6,
                    none="none",
                ),
            ),
        ),
        (
            "Models",
            (
                panels.rows(
                    "Verdicts",
                    "Each model that serves: drifting is much worse than its card promised, paused is worse than no prediction at all.",
                    _VERDICTS,
                    names={
                        "name": "Model",
                        "version": "Version",
                        "state": "State",
                        "skill": "Skill",
                        "coverage": "Coverage",
                        "mae": "Mean error",
                        "count": "Scored",
                        "reason": "Why",
                    },
                    units={"coverage": "percentunit", "mae": "none"},
                    coloured={"skill": panels.SKILL},
                    widths={
                        "name": 170,
                        "version": 130,
                        "state": 90,
                        "skill": 80,
                        "coverage": 90,
                        "mae": 100,
                        "count": 90,
                    },
                    height=6,
                    none=_LATER,
                ),
                panels.history_of_states(
                    "Verdicts over time",
                    "When each model drifted or was paused.",
                    _whole("state", "last"),
                    height=5,
                    none=_LATER,
                    name=_NAME,
                ),
            ),
        ),
        (
            "Over time",
            (
                panels.lines(
                    "Skill",
                    "Of late, against assuming no change, by model. What is below -1 is off the scale.",
                    _whole("skill"),
                    "none",
                    name=_NAME,
                    within=(-1, 1),
                    steps=panels.SKILL,
                    none=_LATER,
                ),
                panels.lines(
                    "Coverage",
                    "Share of truths within the stated interval, by model.",
                    _whole("coverage"),
                    "percentunit",
                    name=_NAME,
                    none=_LATER,
                ),
                _errors(
                    "Mean error of temperatures",
                    "Mean absolute error over all things, for each model and time ahead.",
                    _OF_ALL_ELSE,
                    "kelvin",
                ),
                _errors("Mean error of power", "The same of the models that predict power.", _OF_POWER, "watt"),
                panels.lines(
                    "Predictions made",
                    "How many predictions each model issued in each step of the screen.",
                    _RATE,
                    "none",
                    name="${__field.labels.model}",
                    low=0,
                    span=24,
                ),
                panels.rows(
                    "Predicted worst",
                    "Things, sensors and horizons with the lowest skill: what changed there since the training?",
                    _WORST,
                    names={
                        "thing": "Thing",
                        "what": "Model and sensor",
                        "horizon": "Ahead",
                        "skill": "Skill",
                        "mae": "Mean error",
                        "coverage": "Coverage",
                    },
                    units={"horizon": "s", "coverage": "percentunit"},
                    widths={"thing": 200, "horizon": 90, "skill": 90, "mae": 110, "coverage": 100},
                    coloured={"skill": panels.SKILL},
                    none=_LATER,
                ),
            ),
        ),
    ),
)
