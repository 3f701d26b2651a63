"""Flux queries of panels: text, with Grafana's variables left in.

Pure. A query reads ``${history}`` (the site's bucket, or one of its thinned ones) over the time on the screen, or
``${site}`` (full rate) where it shows the present. A page has those variables that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from grafana_foundation_sdk.cog import variants

DATASOURCE: Final = {"type": "influxdb", "uid": "racktwin"}

# How each variable narrows a query down.
BY_ROOM: Final = "r.room =~ /^${room:regex}$/"
BY_RACK: Final = 'r.thing == "racktwin.${site}:rack-${rack}"'
BY_SERVER: Final = 'r.thing == "racktwin.${site}:server-${server}"'
BY_UNIT: Final = "r.thing =~ /^racktwin\\.${site}:cooling-${unit:regex}$/"

# Of the scenario that is looked at.
BY_SCENARIO: Final = 'r.scenario == "${scenario}"'

Mean = Literal["mean", "max", "min", "last", "sum", "count"]
# Of nothing there is no mean and no sum, which is a gap, and a count of 0; a maximum has no row for it.
_EMPTY: Final = ("mean", "sum", "count")


@dataclass(frozen=True, slots=True)
class Query(variants.Dataquery):
    """One query of a panel, in the form that Grafana keeps."""

    flux: str
    ref: str = "A"

    def build(self) -> Query:
        return self

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref, "query": self.flux, "datasource": DATASOURCE}


def points(
    measurement: str,
    fields: Sequence[str],
    *where: str,
    bucket: str = "${history}",
    start: str = "v.timeRangeStart",
    stop: str = "v.timeRangeStop",
) -> str:
    """The raw points of some fields; ``where`` are Flux conditions on ``r``."""
    wanted = " or ".join(f'r._field == "{name}"' for name in fields)
    conditions = "".join(f"\n  |> filter(fn: (r) => {each})" for each in where)
    return (
        f'from(bucket: "{bucket}")\n  |> range(start: {start}, stop: {stop})\n'
        f'  |> filter(fn: (r) => r._measurement == "{measurement}" and ({wanted})){conditions}'
    )


def over_time(source: str, by: Sequence[str], how: Mean = "mean") -> str:
    """One value per step of the screen, and series named by the columns ``by``."""
    columns = ", ".join(f'"{name}"' for name in ("_time", "_value", *by))
    return f"{source}\n  |> {step(how)}\n  |> keep(columns: [{columns}])"


def step(how: Mean = "mean") -> str:
    """Values of each step of the screen in one."""
    return f"aggregateWindow(every: v.windowPeriod, fn: {how}, createEmpty: {str(how in _EMPTY).lower()})"


def called(source: str, expression: str, column: str = "name") -> str:
    """Series by another name: an expression on ``r``, whose imports the query has."""
    return (
        f"{source}\n  |> map(fn: (r) => ({{_time: r._time, _value: r._value, {column}: {expression}}}))\n"
        f'  |> group(columns: ["{column}"])\n  |> sort(columns: ["_time"])'
    )


def grouped_over_time(source: str, by: Sequence[str], each: Mean = "mean", together: Mean = "max") -> str:
    """First one value per series and step, then the series of a group in one: the hottest inlet of each room, say.

    A whole query: its imports go before it."""
    columns = ", ".join(f'"{name}"' for name in by)
    apart = ", ".join(filter(None, (columns, '"_time"')))
    in_one = _TOGETHER.get(together, f"  |> {together}()")
    return with_imports(
        f"{source}\n  |> {step(each)}\n  |> group(columns: [{apart}])\n{in_one}\n"
        f"  |> group(columns: [{columns}])\n"
        f'  |> keep(columns: ["_time", "_value"{", " + columns if columns else ""}])\n  |> sort(columns: ["_time"])',
        "internal/debug",
    )


def _extreme(than: str) -> str:
    """What is most of a table, and nothing of one without values: Flux' own would have no row."""
    return (
        "  |> reduce(identity: {n: 0, most: 0.0}, fn: (r, accumulator) => ({\n"
        "    n: if exists r._value then accumulator.n + 1 else accumulator.n,\n"
        f"    most: if exists r._value and (accumulator.n == 0 or r._value {than} accumulator.most) then r._value\n"
        "      else accumulator.most}))\n"
        '  |> map(fn: (r) => ({r with _value: if r.n > 0 then r.most else debug.null(type: "float")}))'
    )


_TOGETHER: Final = {"max": _extreme(">"), "min": _extreme("<")}


def now(measurement: str, fields: Sequence[str], *where: str, within: str = "-2m") -> str:
    """The newest value of each series, if it is not older than ``within``."""
    source = points(measurement, fields, *where, bucket="${site}", start=within, stop="now()")
    return f"{source}\n  |> last()"


def together(source: str, how: Mean) -> str:
    """All series in one number."""
    return f'{source}\n  |> group()\n  |> {how}()\n  |> keep(columns: ["_value"])'


def by_name(kind: str) -> str:
    """The thing's name without site and kind, as an expression on ``r``; the query imports ``strings``."""
    return f'strings.trimPrefix(v: r.thing, prefix: "racktwin.${{site}}:{kind}-")'


# The thing's name with its kind, without its site; the query imports ``strings``.
OF_ANY_KIND: Final = 'strings.trimPrefix(v: r.thing, prefix: "racktwin.${site}:")'


def with_imports(flux: str, *packages: str) -> str:
    """The query with its imports before it."""
    return "".join(f'import "{package}"\n' for package in packages) + flux


def tag_values(tag: str, *where: str, bucket: str = "${site}", since: str = "-24h") -> str:
    """The values of a tag, for a variable."""
    condition = " and ".join(where) or "true"
    return (
        'import "influxdata/influxdb/schema"\n'
        f'schema.tagValues(bucket: "{bucket}", tag: "{tag}", predicate: (r) => {condition}, start: {since})'
    )


def short_names(kind: str, *where: str) -> str:
    """Names of the things of a kind, without site and kind, for a variable."""
    tags = tag_values("thing", f'r.kind == "{kind}"', *where)
    first, second = tags.split("\n", 1)
    return (
        f'import "strings"\n{first}\n{second}\n'
        f'  |> map(fn: (r) => ({{_value: strings.trimPrefix(v: r._value, prefix: "racktwin.${{site}}:{kind}-")}}))'
    )


def of_scenarios() -> str:
    """The bucket of the site's scenarios, or the site's own, which has none, while no scenario has made it."""
    return (
        'found = buckets() |> filter(fn: (r) => r.name == "${site}_scenarios")'
        ' |> findColumn(fn: (key) => true, column: "name")\n'
        'from(bucket: if length(arr: found) > 0 then found[0] else "${site}")'
    )


# The newest scenarios with a result, for a variable.
SCENARIOS: Final = (
    f"{of_scenarios()}\n  |> range(start: -30d, stop: 30d)\n"
    '  |> filter(fn: (r) => r._measurement == "scenario_result" and r._field == "summary")\n'
    '  |> group()\n  |> sort(columns: ["_time"], desc: true)\n  |> distinct(column: "scenario")\n'
    '  |> keep(columns: ["_value"])'
)


def points_of_scenario(measurement: str, fields: Sequence[str], *where: str) -> str:
    """The raw points of the chosen scenario, of all its cases, over the time on the screen."""
    wanted = " or ".join(f'r._field == "{name}"' for name in fields)
    conditions = "".join(f"\n  |> filter(fn: (r) => {each})" for each in (BY_SCENARIO, *where))
    return (
        f"{of_scenarios()}\n  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n"
        f'  |> filter(fn: (r) => r._measurement == "{measurement}" and ({wanted})){conditions}'
    )
