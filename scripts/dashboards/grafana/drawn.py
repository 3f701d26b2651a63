"""What people see on a dashboard: judges each panel by what its page shows of it.

Queries that answer are not yet a picture: Grafana's pages refuse what they cannot draw, in words that no API tells.
Pure; next: `browser` opens the pages and reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# In the words of Grafana 10's own panels.
_REFUSALS: Final = re.compile(
    r"No data|No data found in response|No data in response|No data\.\.\.|Data does not have .*|Data is missing .*"
    r"|Cannot visualize data|Too many points to visualize .*|Unable to .*|Panel plugin not found.*"
    r"|An unexpected error .*|Failed to .*|.* plugin is not supported.*|.*out of bounds.*"
)
# Of a table that has columns and no row, below the columns' titles.
_EMPTY_TABLE: Final = re.compile(r"(?:^|\s)No data$")
# These two look for a time in what is there, and never say our own text where nothing is.
_TIMELINES: Final = ("state-timeline", "status-history")
_OF_NOTHING: Final = re.compile(r"No data.*|Data does not have a time field")


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as it was provisioned."""

    title: str
    kind: str
    says: str = ""
    """Our own words for that there is nothing to show."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A panel as the page shows it."""

    title: str
    text: str = ""
    """All words and numbers below its title."""
    shapes: int = 0
    """Pictures and rows of tables."""
    error: str = ""
    """Of an error what the panel says, or where the sign of one is."""
    loading: bool = False


def of_board(board: Mapping[str, Any]) -> list[Panel]:
    """Its panels from the top left to the bottom right, titles of rows among them."""
    placed = sorted(board["panels"], key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))
    return [
        Panel(
            panel.get("title", ""),
            panel["type"],
            str(panel.get("fieldConfig", {}).get("defaults", {}).get("noValue") or ""),
        )
        for panel in placed
    ]


def height(board: Mapping[str, Any]) -> int:
    """Pixels that a window needs so that all its panels are in sight, and thereby drawn."""
    lines = max((panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"]), default=0)
    # A line is 30 pixels and 8 between lines; above them is at most the bar of variables.
    return int(lines) * 38 + 200


def problem(panel: Panel, seen: Seen, rows: int) -> str:
    """Why the panel is not drawn, empty where it is. ``rows``: how many its query gave."""
    text = " ".join(seen.text.split())
    if seen.title != panel.title:
        return f"in its place is {seen.title!r}"
    if panel.kind == "row":
        return ""
    if seen.loading:
        return "still loading"
    if seen.error:
        return f"shows an error: {' '.join(seen.error.split())[:120]}"
    if panel.says and text == panel.says:
        return ""
    if panel.kind in _TIMELINES and not rows and _OF_NOTHING.fullmatch(text):
        return ""
    if (not seen.shapes and _REFUSALS.fullmatch(text)) or (panel.kind == "table" and _EMPTY_TABLE.search(text)):
        return f"says: {text[-120:]}"
    return "" if seen.shapes or text else "draws nothing"


def problems(board: Mapping[str, Any], page: Sequence[Seen], rows: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(panel's title, why it is not drawn) of a whole page. ``rows`` by panels' titles."""
    panels = of_board(board)
    if len(page) != len(panels):
        yield "", f"shows {len(page)} panels of {len(panels)}"
    for panel, seen in zip(panels, page, strict=False):
        if wrong := problem(panel, seen, rows.get(panel.title, 0)):
            yield panel.title, wrong
