"""What is degrading, what behaves unusually, and what fires."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page

_STATES: Final = 'r.feature == "maintenance" or r.feature == "anomaly" or r.feature == "sensing"'
_WEARS: Final = 'r.feature == "maintenance"'
_LIFE: Final = flux.over_time(flux.points("score", ["remainingUsefulLife"], _WEARS, flux.BY_ROOM), ["thing"])
_FOUND: Final = (
    "remainingUsefulLife",
    "remainingUsefulLifeLow",
    "remainingUsefulLifeHigh",
    "windowFrom",
    "windowTo",
    "because",
)
# What has not expired: milliseconds against nanoseconds.
_HOLDS: Final = (
    "\n  |> filter(fn: (r) => not exists r.expiresAt or float(v: r.expiresAt) > float(v: uint(v: now())) / 1000000.0)"
    '\n  |> drop(columns: ["expiresAt"])'
)
_TABLE: Final = (
    flux.points(
        "score", ["state", "cause", "expiresAt"], _STATES, flux.BY_ROOM, bucket="${site}", start="-30m", stop="now()"
    )
    # Texts and numbers in one table.
    + "\n  |> last()\n  |> toString()\n  |> group()"
    + '\n  |> pivot(rowKey: ["thing", "feature"], columnKey: ["_field"], valueColumn: "_value")'
    + '\n  |> filter(fn: (r) => r.state != "none" and r.state != "normal")'
    + _HOLDS
)
# Words and numbers in one table: Flux groups columns of one type alone.
_MENDED: Final = (
    flux.points(
        "score",
        ["state", "cause", "expiresAt", *_FOUND],
        _WEARS,
        flux.BY_ROOM,
        bucket="${site}",
        start="-30m",
        stop="now()",
    )
    + "\n  |> last()\n  |> toString()\n  |> group()"
    + '\n  |> pivot(rowKey: ["thing", "_time"], columnKey: ["_field"], valueColumn: "_value")'
    + '\n  |> filter(fn: (r) => r.state != "none")'
    + _HOLDS
)
_ALERTS: Final = (
    flux.points("alert", ["text"], flux.BY_ROOM, bucket="${site}_log")
    + '\n  |> group()\n  |> keep(columns: ["_time", "thing", "feature", "_value"])'
    + '\n  |> sort(columns: ["_time"], desc: true)\n  |> limit(n: 200)'
)
_STATE_OVER_TIME: Final = flux.with_imports(
    flux.points("alert", ["state"], flux.BY_ROOM, bucket="${site}_log")
    + '\n  |> map(fn: (r) => ({_time: r._time, _value: r._value, what: strings.trimPrefix(v: r.feature, prefix: "alert.")'
    + ' + " on " + strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:")}))'
    + '\n  |> group(columns: ["what"])\n  |> sort(columns: ["_time"])',
    "strings",
)

PAGE: Final = Page(
    uid="racktwin-maintenance",
    title="Maintenance and alerts",
    description="Things that degrade, behave unusually or have alerts.",
    variables=("rooms",),
    since="now-24h",
    console="/maintenance/${site}",
    sections=(
        (
            "Now",
            (
                panels.rows(
                    "What needs attention",
                    "The newest verdict of each model that is not all well.",
                    _TABLE,
                    names={"thing": "Thing", "feature": "Verdict of", "state": "State", "cause": "Part and reason"},
                    none="all is well, or no model of this kind serves",
                ),
                panels.rows(
                    "What wears out",
                    "Parts that lose what they do: how long they are expected to last, with the interval that holds the truth nine times of ten, what that rests on, and when to mend them.",
                    _MENDED,
                    names={
                        "thing": "Thing",
                        "state": "State",
                        "cause": "Part and reason",
                        "remainingUsefulLife": "Remaining life (h)",
                        "remainingUsefulLifeLow": "At least (h)",
                        "remainingUsefulLifeHigh": "At most (h)",
                        "windowFrom": "Mend from",
                        "windowTo": "Mend until",
                        "because": "Because",
                    },
                    height=7,
                    none="nothing wears out that is known",
                ),
            ),
        ),
        (
            "Over time",
            (
                panels.lines(
                    "Anomaly score",
                    "1 is most unusual.",
                    flux.over_time(
                        flux.points("score", ["score"], 'r.feature == "anomaly"', flux.BY_ROOM), ["thing"], "max"
                    ),
                    "none",
                    name="${__field.labels.thing}",
                    low=0,
                    none="no anomaly model serves: a TwinModel named `anomaly` makes and serves one",
                ),
                panels.lines(
                    "Remaining life",
                    "Expected time until failure, of things for which it is known.",
                    _LIFE,
                    "h",
                    name="${__field.labels.thing}",
                    low=0,
                    none="nothing wears out that is known",
                ),
                panels.history_of_states(
                    "When what fired",
                    "A row for each thing and rule that had an alert in the chosen time.",
                    _STATE_OVER_TIME,
                    height=10,
                    none="no alert began or ended in this time",
                    name="${__field.labels.what}",
                ),
                panels.rows(
                    "Alerts",
                    "Every alert that began or ended in the chosen time, the newest first.",
                    _ALERTS,
                    none="no alert began or ended in this time",
                    names={"_time": "Time", "thing": "Thing", "feature": "Rule", "_value": "What"},
                ),
            ),
        ),
    ),
)
