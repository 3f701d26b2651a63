"""What all dashboards share: variables, links to each other, the console and the Ditto UI, annotations.

Next: `generate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog import builder as cogbuilder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationTarget,
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards import flux
from dashboards.panels import source

Variable = Literal["room", "rooms", "rack", "server", "unit", "model", "scenario"]
TAG: Final = "racktwin"
# The chart writes the two addresses in when it is rendered, for only it knows them.
CONSOLE: Final = "@console@"
DITTO_UI: Final = "@ditto-ui@"


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard: rows of panels under headings."""

    uid: str
    title: str
    description: str
    sections: tuple[tuple[str, tuple[Any, ...]], ...]
    variables: tuple[Variable, ...] = ()
    since: str = "now-3h"
    until: str = "now"
    refresh: str = "30s"
    annotations: tuple[str, ...] = field(default=("commands", "alerts", "experiments", "scenarios"))
    # Which alerts are told of in the graphs: a Flux condition.
    about: str = "true"
    # Where in the console the same is seen: path and query below the console's address.
    console: str = "/room/${site}"
    # The same in the Ditto UI, which takes a thing's id as a filter.
    ditto_ui: str = ""


# A site is what has a log: other buckets (its thinned ones, scenarios, another's) are none.
_SITES: Final = (
    'import "strings"\nbuckets()\n  |> filter(fn: (r) => r.name =~ /_log$/)\n'
    '  |> map(fn: (r) => ({_value: strings.trimSuffix(v: r.name, suffix: "_log")}))'
)
_HISTORIES: Final = (
    'buckets()\n  |> filter(fn: (r) => r.name =~ /^${site}(_1m|_15m)?$/)\n  |> keep(columns: ["name"])\n'
    '  |> rename(columns: {name: "_value"})\n  |> sort(columns: ["_value"])'
)

# One frame with a time and a text: Grafana takes the first of each, and columns that are alike in a table for labels.
_ONE_FRAME: Final = '\n  |> group()\n  |> keep(columns: ["_time", "text"])'
_ANNOTATIONS: Final = {
    # What was commanded, and what became of it.
    "commands": (
        "Commands",
        "blue",
        'from(bucket: "${site}_log") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n'
        '  |> filter(fn: (r) => r._measurement == "command" and r._field == "who")\n'
        '  |> map(fn: (r) => ({_time: r._time, text: r.thing + ": " + r.event + ", asked by " + r._value}))',
    ),
    "alerts": (
        "Alerts",
        "red",
        'from(bucket: "${site}_log") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n'
        '  |> filter(fn: (r) => r._measurement == "alert" and (r._field == "firing" or r._field == "text"))\n'
        "  |> filter(fn: (r) => @about@)\n"
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
        "  |> filter(fn: (r) => exists r.firing and r.firing > 0.5)\n"
        # In a storm a graph would be hidden by them: what begins in a sixtieth of the screen is one mark.
        "  |> group()\n  |> window(every: duration(v: (int(v: v.timeRangeStop) - int(v: v.timeRangeStart)) / 60))\n"
        '  |> reduce(identity: {n: 0, at: 0, text: ""}, fn: (r, accumulator) => ({\n'
        "    n: accumulator.n + 1, at: if accumulator.n == 0 then int(v: r._time) else accumulator.at,\n"
        '    text: if accumulator.n == 0 then r.text else if accumulator.n < 5 then accumulator.text + "; " + r.text\n'
        "      else accumulator.text}))\n"
        "  |> map(fn: (r) => ({_time: time(v: r.at),\n"
        '    text: if r.n > 5 then r.text + "; and " + string(v: r.n - 5) + " more" else r.text}))',
    ),
    # Deliberate loads on servers.
    "experiments": (
        "Experiments",
        "purple",
        'from(bucket: "${site}_log") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n'
        '  |> filter(fn: (r) => r._measurement == "score" and r.feature == "experiment" and r._field == "annotation")\n'
        '  |> map(fn: (r) => ({_time: r._time, text: r.thing + ": " + r._value}))',
    ),
    # What-ifs, at the moment that they start from.
    "scenarios": (
        "Scenarios",
        "orange",
        flux.of_scenarios()
        + "\n  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)"
        + '\n  |> filter(fn: (r) => r._measurement == "scenario_result" and r._field == "summary")'
        + '\n  |> map(fn: (r) => ({_time: r._time, text: "scenario " + r.scenario}))',
    ),
}


class Asked(AnnotationTarget):
    """An annotation's query, in the form in which a data source of queries gets it."""

    def __init__(self, query: str) -> None:
        super().__init__()
        self._query = query

    def to_json(self) -> dict[str, object]:
        """What Grafana keeps."""
        return {"refId": "Anno", "query": self._query, "datasource": flux.DATASOURCE}


@dataclass(frozen=True, slots=True)
class _Asking(cogbuilder.Builder[AnnotationTarget]):
    query: str

    def build(self) -> AnnotationTarget:
        return Asked(self.query)


def _query_variable(name: str, label: str, query: str, *, many: bool = False) -> dashboard.QueryVariable:
    variable = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(source())
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )
    if many:
        variable = variable.multi(True).include_all(True).all_value(".*")
        variable = variable.current(VariableOption(selected=True, text="All", value="$__all"))
    return variable


def _variables(page: Page) -> list[Any]:
    known = {
        "room": _query_variable("room", "Room", flux.tag_values("room")),
        "rooms": _query_variable("room", "Room", flux.tag_values("room"), many=True),
        "rack": _query_variable("rack", "Rack", flux.short_names("rack", flux.BY_ROOM)),
        "server": _query_variable("server", "Server", flux.short_names("server")),
        "unit": _query_variable("unit", "Cooling unit", flux.short_names("cooling"), many=True),
        "model": _query_variable("model", "Model", flux.tag_values("model"), many=True),
        "scenario": _query_variable("scenario", "Scenario", flux.SCENARIOS),
    }
    history = _query_variable("history", "History", _HISTORIES)
    return [_query_variable("site", "Site", _SITES), history, *(known[name] for name in page.variables)]


def _link(title: str, url: str, tooltip: str, *, keep: bool = False) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .url(url)
        .tooltip(tooltip)
        .target_blank(True)
        .keep_time(keep)
        .include_vars(keep)
    )


def build(page: Page) -> Dashboard:
    """The page in Grafana's form."""
    board = (
        dashboard.Dashboard(page.title)
        .uid(page.uid)
        .description(page.description)
        .tags([TAG])
        .time(page.since, page.until)
        .refresh(page.refresh)
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            dashboard.DashboardLink("Racktwin")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
        .link(_link("Console", CONSOLE + page.console, "The same in the console: 3D, replay, what-if"))
        .link(_link("Ditto UI", DITTO_UI + page.ditto_ui, "Things and policies as they are now"))
    )
    for variable in _variables(page):
        board = board.with_variable(variable)
    for name in page.annotations:
        title, colour, query = _ANNOTATIONS[name]
        board = board.annotation(
            dashboard.AnnotationQuery()
            .name(title)
            .datasource(source())
            .enable(True)
            .icon_color(colour)
            .target(_Asking(query.replace("@about@", page.about) + _ONE_FRAME))
        )
    for heading, panels in page.sections:
        board = board.with_row(dashboard.Row(heading))
        for panel in panels:
            board = board.with_panel(panel)
    return board.build()


HIDDEN: Final = VariableHide.HIDE_VARIABLE
