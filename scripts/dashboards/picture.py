"""A picture with numbers in it: a canvas of parts and arrows between them. Next: `frame`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import canvas, common
from grafana_foundation_sdk.models.canvas import HorizontalConstraint, VerticalConstraint
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId

from dashboards.panels import GREY, PLAIN, Steps, coloured_by, panel_of, thresholds


def drawing(
    title: str,
    description: str,
    flux: str,
    parts: Mapping[str, tuple[str, int, int]],
    *,
    units: Mapping[str, str],
    arrows: Sequence[tuple[str, str]] = (),
    steps: Mapping[str, Steps] | None = None,
    span: int = 24,
    height: int = 9,
) -> Any:
    """A picture with a number in each of its parts. The query gives one row with a column for each part.

    ``parts``: column -> label, and where it stands (pixels from the left and the top); ``arrows`` lead from part to
    part. A part has the colour of its thresholds.
    """
    panel = panel_of(canvas.Panel(), title, description, [flux], span=span, height=height)
    panel = panel.inline_editing(False).show_advanced_types(False).pan_zoom(False).infinite_pan(False)
    elements = []
    for column, (label, left, top) in parts.items():
        connections = [_arrow(f"{target} value") for source_name, target in arrows if source_name == column]
        text = {"text": {"mode": "fixed", "fixed": label}, "size": 13, "color": {"fixed": "text"}}
        value = {"text": {"mode": "field", "field": column}, "size": 24, "color": {"field": column, "fixed": "text"}}
        elements.append(_element(f"{column} label", "text", text, (left, top, 170, 24)))
        elements.append(
            _element(f"{column} value", "metric-value", value, (left, top + 24, 170, 44)).connections(connections)
        )
    panel = panel.root(canvas.CanvasOptionsRoot().name("picture").elements(elements))
    panel = panel.color_scheme(coloured_by(FieldColorModeId.THRESHOLDS)).thresholds(thresholds(PLAIN))
    for column, unit in units.items():
        values = [DynamicConfigValue(id_val="unit", value=unit), DynamicConfigValue(id_val="decimals", value=1)]
        if steps and column in steps:
            marks = [{"value": at, "color": mark} for at, mark in steps[column]]
            values.append(DynamicConfigValue(id_val="thresholds", value={"mode": "absolute", "steps": marks}))
        panel = panel.override_by_name(column, values)
    return panel


def _element(name: str, kind: str, config: Mapping[str, Any], place: tuple[int, int, int, int]) -> Any:
    left, top, width, height = place
    return (
        canvas.CanvasElementOptions()
        .name(name)
        .type(kind)
        .config({**config, "align": "center", "valign": "middle"})
        .constraint(canvas.Constraint().horizontal(HorizontalConstraint.LEFT).vertical(VerticalConstraint.TOP))
        .placement(canvas.Placement().left(left).top(top).width(width).height(height).rotation(0))
    )


def _arrow(target: str) -> Any:
    """From the right edge of its part to the left edge of the target."""
    return (
        canvas.CanvasConnection()
        .source(canvas.ConnectionCoordinates().x(1).y(0))
        .target(canvas.ConnectionCoordinates().x(-1).y(0))
        .target_name(target)
        .color(common.ColorDimensionConfig().fixed(GREY))
        .size(common.ScaleDimensionConfig().fixed(2).min(1).max(10))
    )
