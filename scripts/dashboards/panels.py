"""Panels in Grafana's form, each with a description: what one sees and when to act.

Thin: choice of panel type, unit, thresholds and span by name, so that pages read as what they show. Next: `frame`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    statetimeline,
    statushistory,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from dashboards.flux import DATASOURCE, Query

Steps = Sequence[tuple[float | None, str]]

# Colours that people with the common colour-vision deficiencies tell apart (Okabe and Ito's set).
BLUE: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
ORANGE: Final = "#E69F00"
RED: Final = "#D55E00"
GREY: Final = "#8e8e8e"

# Inlet temperature of many racks, °C: ASHRAE TC 9.9 class A2, 2021: recommended 18 to 27 (so are A1, A3 and A4),
# allowable 10 to 35. A rack's own page has the limits of its class.
INLET: Final[Steps] = ((None, RED), (10, BLUE), (18, GREEN), (27, ORANGE), (35, RED))
# Rack cooling index, %: Herrlin 2005.
RCI: Final[Steps] = ((None, RED), (91, ORANGE), (96, GREEN))
SKILL: Final[Steps] = ((None, RED), (0, ORANGE), (0.3, GREEN))
PLAIN: Final[Steps] = ((None, BLUE),)

# Units that Grafana has by another name than people.
HUMIDITY: Final = "suffix: % RH"
AIRFLOW: Final = "suffix: m³/s"
RATE: Final = "suffix: /s"
# A line is not drawn through what nobody knows: a gap longer than the coarsest history's step (ms).
_UNKNOWN_MS: Final = 20 * 60_000
# Cells in a row of a grid: Grafana draws none at all where they would be too narrow.
_CELLS: Final = 48
# Beside a panel: a name, and two figures of it where they are told.
_LEGEND_WIDTH: Final = 320

STATES: Final[Mapping[str, str]] = {
    "recommended": GREEN,
    "allowable": ORANGE,
    "out": RED,
    "normal": GREEN,
    "none": GREEN,
    "suspect": ORANGE,
    "planned": ORANGE,
    "anomalous": RED,
    "due": RED,
    "good": GREEN,
    "stale": GREY,
    "estimated": BLUE,
    "faulty": RED,
    "accepted": GREEN,
    "requested": BLUE,
    "refused": ORANGE,
    "timedOut": RED,
    "well": GREEN,
    "drifting": ORANGE,
    "paused": RED,
    "firing": RED,
    "cleared": GREEN,
    "acknowledged": BLUE,
}


def source() -> DataSourceRef:
    """The site's InfluxDB."""
    return DataSourceRef(type_val=DATASOURCE["type"], uid=DATASOURCE["uid"])


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Colours from values on."""
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in steps])
    )


def coloured_by(mode: FieldColorModeId) -> dashboard.FieldColor:
    """How values get their colours."""
    return dashboard.FieldColor().mode(mode)


def _state_mappings() -> list[Any]:
    return [ValueMap(options={text: ValueMappingResult(text=text, color=colour) for text, colour in STATES.items()})]


def panel_of(panel: Any, title: str, description: str, flux: Sequence[str], *, span: int, height: int) -> Any:
    """A panel with what all have: title, description, queries, place."""
    panel = panel.title(title).description(description).datasource(source()).span(span).height(height)
    for index, query in enumerate(flux):
        panel = panel.with_target(Query(query, chr(ord("A") + index)))
    return panel


def stat(
    title: str,
    description: str,
    flux: str,
    unit: str,
    *,
    steps: Steps = PLAIN,
    decimals: int | None = None,
    span: int = 4,
    none: str = "nothing reported of late: see Pipeline health",
    links: Sequence[tuple[str, str]] = (),
) -> Any:
    """One number. ``none`` says what its absence means; ``links`` are titles and addresses."""
    panel = panel_of(stats.Panel(), title, description, [flux], span=span, height=4).unit(unit).no_value(none)
    panel = panel.thresholds(thresholds(steps)).color_scheme(coloured_by(FieldColorModeId.THRESHOLDS))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    if links:
        panel = panel.data_links([dashboard.DashboardLink(name).url(url) for name, url in links])
    return panel if decimals is None else panel.decimals(decimals)


_DASHES: Final = DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [6, 6]})
# Drawn, and not in the legend.
_UNTOLD: Final = DynamicConfigValue(id_val="custom.hideFrom", value={"legend": True, "tooltip": False, "viz": False})


def lines(
    title: str,
    description: str,
    flux: str | Sequence[str],
    unit: str,
    *,
    name: str | None = None,
    steps: Steps | None = None,
    band: tuple[str, str] | None = None,
    dashed: Sequence[str] = (),
    limits: Mapping[str, str] | None = None,
    colours: Mapping[str, str] | None = None,
    low: float | None = None,
    within: tuple[float, float] | None = None,
    many: bool = False,
    stepped: bool = False,
    span: int = 12,
    height: int = 8,
    links: Sequence[tuple[str, str]] = (),
    none: str = "",
) -> Any:
    """Series over time.

    ``name`` is a display name with labels, ``steps`` draw limits, ``band`` names the series that bound an interval
    (lower, upper), ``dashed`` are series that did not happen yet or are set by hand, ``limits`` (name -> colour) are
    dashed and not told in the legend, ``colours`` are of others; ``within`` is all of the axis that is shown; of
    ``many`` series the legend stands beside them, highest first; ``stepped`` values hold until the next.
    """
    queries = [flux] if isinstance(flux, str) else list(flux)
    panel = panel_of(timeseries.Panel(), title, description, queries, span=span, height=height).unit(unit)
    # A single value between two gaps is a point.
    panel = panel.show_points(VisibilityMode.AUTO).point_size(3).span_nulls(_UNKNOWN_MS).fill_opacity(0).line_width(1)
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.TABLE).show_legend(True)
    # The highest of what has bounds says little, and names need the room.
    legend = legend.calcs(["lastNotNull"] if many and within else ["lastNotNull", "max"])
    if many:
        legend = legend.placement(LegendPlacement.RIGHT).width(_LEGEND_WIDTH).sort_by("Last *").sort_desc(True)
    else:
        legend = legend.placement(LegendPlacement.BOTTOM)
    panel = panel.legend(legend)
    if stepped:
        panel = panel.line_interpolation(LineInterpolation.STEP_AFTER)
    if within is not None:
        panel = panel.min(within[0]).max(within[1])
    if name is not None:
        panel = panel.display_name(name)
    if links:
        panel = panel.data_links([dashboard.DashboardLink(title).url(url) for title, url in links])
    if none:
        panel = panel.no_value(none)
    if low is not None:
        panel = panel.axis_soft_min(low)
    if steps is not None:
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(thresholds(steps)).thresholds_style(style)
    if band is not None:
        low_name, high_name = band
        hidden = [DynamicConfigValue(id_val="custom.lineWidth", value=0), _UNTOLD]
        panel = panel.override_by_name(low_name, hidden)
        panel = panel.override_by_name(
            high_name,
            [
                *hidden,
                DynamicConfigValue(id_val="custom.fillBelowTo", value=low_name),
                DynamicConfigValue(id_val="custom.fillOpacity", value=18),
            ],
        )
    for each in dashed:
        panel = panel.override_by_name(each, [_DASHES])
    for each, colour in (limits or {}).items():
        panel = panel.override_by_name(each, [_DASHES, _UNTOLD, _always(colour)])
    for each, colour in (colours or {}).items():
        panel = panel.override_by_name(each, [_always(colour)])
    return panel


def _always(colour: str) -> DynamicConfigValue:
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def bars(
    title: str, description: str, flux: str, unit: str, *, steps: Steps, low: float, span: int = 12, height: int = 8
) -> Any:
    """One bar for each row of a table with ``name`` and ``_value``, from ``low`` on."""
    panel = panel_of(bargauge.Panel(), title, description, [flux], span=span, height=height).unit(unit)
    panel = panel.thresholds(thresholds(steps)).color_scheme(coloured_by(FieldColorModeId.THRESHOLDS))
    # Names stand before the bars, where they have room.
    panel = panel.orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC).min(low)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(True))


def history_of_states(
    title: str, description: str, flux: str, *, span: int = 24, height: int = 8, none: str = "", name: str | None = None
) -> Any:
    """What state each thing was in, over time."""
    panel = panel_of(statetimeline.Panel(), title, description, [flux], span=span, height=height)
    if none:
        panel = panel.no_value(none)
    if name is not None:
        panel = panel.display_name(name)
    return panel.mappings(_state_mappings()).merge_values(True).show_value(VisibilityMode.AUTO)


def grid_over_time(
    title: str,
    description: str,
    flux: str,
    unit: str,
    *,
    steps: Steps,
    span: int = 24,
    height: int = 14,
    none: str = "",
) -> Any:
    """A row for each thing, a cell for each step of time (`v.windowPeriod`), coloured by its value."""
    panel = panel_of(statushistory.Panel(), title, description, [flux], span=span, height=height).unit(unit)
    panel = panel.max_data_points(_CELLS).show_value(VisibilityMode.NEVER)
    if none:
        panel = panel.no_value(none)
    return panel.thresholds(thresholds(steps)).color_scheme(coloured_by(FieldColorModeId.THRESHOLDS)).row_height(0.95)


def distribution(title: str, description: str, flux: str, unit: str, *, span: int = 12, height: int = 8) -> Any:
    """How the values of many things are spread, over time."""
    return panel_of(heatmap.Panel(), title, description, [flux], span=span, height=height).unit(unit).calculate(True)


def rows(
    title: str,
    description: str,
    flux: str,
    *,
    names: Mapping[str, str],
    units: Mapping[str, str] | None = None,
    coloured: Mapping[str, Steps] | None = None,
    links: Mapping[str, tuple[str, str]] | None = None,
    widths: Mapping[str, int] | None = None,
    span: int = 24,
    height: int = 9,
    none: str = "",
) -> Any:
    """A table. ``names`` gives the columns in their order with their titles; all others are left out. ``links`` gives
    for a column the link's title and address, ``widths`` how wide one is (pixels); the others share what is left."""
    # Left out by the query: not every Grafana can.
    kept = f"{flux}\n  |> keep(columns: [{', '.join(json.dumps(column) for column in names)}])"
    panel = panel_of(table.Panel(), title, description, [kept], span=span, height=height)
    panel = panel.with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={
                "indexByName": {column: index for index, column in enumerate(names)},
                "renameByName": dict(names),
            },
        )
    )
    panel = panel.mappings(_state_mappings())
    if none:
        # What a cell lacks is not what the whole table lacks.
        panel = panel.no_value(none).override_by_regexp(".*", [DynamicConfigValue(id_val="noValue", value="–")])
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(names[column], [DynamicConfigValue(id_val="unit", value=unit)])
    for column, width in (widths or {}).items():
        panel = panel.override_by_name(names[column], [DynamicConfigValue(id_val="custom.width", value=width)])
    for column, steps in (coloured or {}).items():
        values = [
            DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
            DynamicConfigValue(
                id_val="thresholds",
                value={"mode": "absolute", "steps": [{"value": at, "color": colour} for at, colour in steps]},
            ),
        ]
        panel = panel.override_by_name(names[column], values)
    for column, (link_title, url) in (links or {}).items():
        link = DashboardLink(title=link_title, url=url)
        panel = panel.with_override(
            MatcherConfig(id_val="byName", options=names[column]), [DynamicConfigValue(id_val="links", value=[link])]
        )
    return panel
