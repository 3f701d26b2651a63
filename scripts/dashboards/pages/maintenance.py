"""What is degrading, what behaves unusually, and what fires."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page

_STATES: Final = 'r.feature == "maintenance" or r.feature == "anomaly" or r.feature == "sensing"'
_WEARS: Final = 'r.feature == "maintenance"'
_LIFE: Final = flux.with_imports(
    flux.called(
        flux.over_time(flux.points("score", ["remainingUsefulLife"], _WEARS, flux.BY_ROOM), ["thing"]),
        flux.OF_ANY_KIND,
    ),
    "strings",
)
_UNUSUAL: Final = flux.with_imports(
    flux.called(
        flux.over_time(flux.points("score", ["score"], 'r.feature == "anomaly"', flux.BY_ROOM), ["thing"], "max"),
        flux.OF_ANY_KIND,
    ),
    "strings",
)
_SHORT: Final = f"\n  |> map(fn: (r) => ({{r with thing: {flux.OF_ANY_KIND}}}))"
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
_TABLE: Final = flux.with_imports(
    flux.points(
        "score", ["state", "cause", "expiresAt"], _STATES, flux.BY_ROOM, bucket="${site}", start="-30m", stop="now()"
    )
    # Texts and numbers in one table.
    + "\n  |> last()\n  |> toString()\n  |> group()"
    + '\n  |> pivot(rowKey: ["thing", "feature"], columnKey: ["_field"], valueColumn: "_value")'
    + '\n  |> filter(fn: (r) => r.state != "none" and r.state != "normal")'
    + _HOLDS
    + _SHORT,
    "strings",
)
# Words and numbers in one table: Flux groups columns of one type alone.
_MENDED: Final = flux.with_imports(
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
    + _SHORT,
    "strings",
)
_ALERTS: Final = flux.with_imports(
    flux.points("alert", ["text"], flux.BY_ROOM, bucket="${site}_log")
    + "\n  |> group()\n  |> map(fn: (r) => ({_time: r._time, _value: r._value,"
    + f' thing: {flux.OF_ANY_KIND}, feature: strings.trimPrefix(v: r.feature, prefix: "alert.")}}))'
    + '\n  |> sort(columns: ["_time"], desc: true)\n  |> limit(n: 200)',
    "strings",
)
# Every alert that begins is one more and every one that ends one less; what is open at the left edge began before.
_OPEN: Final = flux.with_imports(
    flux.points(
        "alert", ["firing"], flux.BY_ROOM, bucket="${site}_log", start="date.sub(d: 30d, from: v.timeRangeStart)"
    )
    + "\n  |> map(fn: (r) => ({_time: r._time, _value: if r._value > 0.5 then 1 else -1,"
    + ' rule: strings.trimPrefix(v: r.feature, prefix: "alert.")}))'
    + '\n  |> group(columns: ["rule"])\n  |> sort(columns: ["_time"])\n  |> cumulativeSum()'
    + "\n  |> filter(fn: (r) => r._time >= v.timeRangeStart)",
    "date",
    "strings",
)

PAGE: Final = Page(
    uid="racktwin-maintenance",
    title="Maintenance and alerts",
    about=flux.BY_ROOM,
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
                    widths={"thing": 220, "feature": 130, "state": 110},
                    height=7,
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
                    widths={
                        "thing": 200,
                        "state": 90,
                        "remainingUsefulLife": 140,
                        "remainingUsefulLifeLow": 110,
                        "remainingUsefulLifeHigh": 110,
                        "windowFrom": 220,
                        "windowTo": 220,
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
                    _UNUSUAL,
                    "none",
                    name="${__field.labels.name}",
                    many=True,
                    within=(0, 1),
                    none="no anomaly model serves: a TwinModel named `anomaly` makes and serves one",
                ),
                panels.lines(
                    "Remaining life",
                    "Expected time until failure, of things for which it is known.",
                    _LIFE,
                    "h",
                    name="${__field.labels.name}",
                    many=True,
                    low=0,
                    none="nothing wears out that is known",
                ),
                panels.lines(
                    "Open alerts",
                    "How many alerts of each rule were open at once, of those that began within the thirty days before.",
                    _OPEN,
                    "none",
                    name="${__field.labels.rule}",
                    many=True,
                    stepped=True,
                    low=0,
                    span=24,
                    none="no alert began or ended in this time",
                ),
                panels.rows(
                    "Alerts",
                    "Every alert that began or ended in the chosen time, the newest first.",
                    _ALERTS,
                    none="no alert began or ended in this time",
                    names={"_time": "Time", "thing": "Thing", "feature": "Rule", "_value": "What"},
                    widths={"_time": 180, "thing": 200, "feature": 190},
                ),
            ),
        ),
    ),
)
