"""Follows every link: of dashboards, of their panels, of alerts' messages, of the console.

A link into Grafana must name a provisioned dashboard and variables that it has; one to the console must be an address
that it opens and keeps (`check_console.links` has the browser for that); one to the Ditto UI must ask by the parameter
that the UI of Ditto 3.6 and newer reads, ``filter``. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

Boards = Mapping[str, Mapping[str, Any]]
"""Dashboards as Grafana's API gives them, by uid."""

_PLACE: Final = re.compile(r"\$\{(\w+)((?:\.\w+)*)(?::(\w+))?\}")
# What Grafana fills in by itself, wherever a link stands.
_OWN: Final = frozenset({"__url_time_range", "__all_variables", "__value", "__data", "__field", "__series"})
_TIMES: Final = frozenset({"from", "to"})
# `filter` is an RQL filter, or simply the id of a thing.
DITTO_UI_ASKS: Final = frozenset({"filter", "primaryEnvironmentName"})


@dataclass(frozen=True, slots=True)
class Places:
    """Where Grafana, the console and the Ditto UI are."""

    grafana: str
    console: str
    ditto_ui: str


@dataclass(frozen=True, slots=True)
class Link:
    """One link: where it stands, its address as provisioned, and what a click on it leads to."""

    where: str
    url: str
    filled: str
    problem: str = ""


def of_board(board: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Link]:
    """Links of a dashboard and of its panels, filled with its variables' values."""
    title, known = board["title"], {each["name"] for each in board["templating"]["list"]}
    for link in board.get("links") or ():
        if link["type"] == "link":
            yield _filled(f"{title}: {link['title']}", link["url"], known, values)
    for panel in board["panels"]:
        for url in _urls(panel):
            yield _filled(f"{title}: {panel['title']}", url, known, values)


def groups(board: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(link, tags) of its lists of dashboards."""
    for link in board.get("links") or ():
        if link["type"] == "dashboards":
            yield f"{board['title']}: {link['title']}", tuple(link["tags"])


def problem(link: Link, places: Places, boards: Boards) -> str:
    """Why a link into Grafana or to the Ditto UI leads nowhere; empty where it does not, or leads to the console."""
    if link.problem:
        return link.problem
    if link.filled.startswith(places.console):
        return ""
    if link.filled.startswith(places.ditto_ui):
        strange = {name for name, _ in _asked(link.filled)} - DITTO_UI_ASKS
        return f"the Ditto UI does not read {', '.join(sorted(strange))}" if strange else ""
    return _in_grafana(link.filled.removeprefix(places.grafana), boards)


def to_console(links: Collection[Link], places: Places) -> list[Link]:
    """Those that lead to the console."""
    return [link for link in links if link.filled.startswith(places.console)]


def _in_grafana(address: str, boards: Boards) -> str:
    parts = urlsplit(address)
    path = [part for part in parts.path.split("/") if part]
    if parts.netloc or len(path) < 2 or path[0] != "d":
        return f"{address} is no dashboard, and neither the console nor the Ditto UI"
    if path[1] not in boards:
        return f"there is no dashboard {path[1]}"
    known = {f"var-{each['name']}" for each in boards[path[1]]["dashboard"]["templating"]["list"]}
    strange = {name for name, _ in _asked(address)} - known - _TIMES
    empty = {name for name, value in _asked(address) if value == ""}
    if strange:
        return f"dashboard {path[1]} has no {', '.join(sorted(strange))}"
    return f"{', '.join(sorted(empty))} without a value" if empty else ""


def _asked(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address).query, keep_blank_values=True)


def _urls(part: Any) -> Iterator[str]:
    """Addresses of links anywhere in a panel."""
    if isinstance(part, Mapping):
        if isinstance(part.get("url"), str) and "title" in part:
            yield part["url"]
        for name, below in part.items():
            if name != "targets":
                yield from _urls(below)
    elif isinstance(part, list):
        for below in part:
            yield from _urls(below)


def _filled(where: str, url: str, known: Collection[str], values: Mapping[str, str]) -> Link:
    """As Grafana fills it in on a click; its own places become one value each."""
    strange = sorted({match[1] for match in _PLACE.finditer(url)} - set(known) - _OWN)
    if strange:
        return Link(where, url, url, f"the page has no variable {', '.join(strange)}")

    def fill(match: re.Match[str]) -> str:
        name, form = match[1], match[3]
        if name == "__url_time_range":
            return "from=now-1h&to=now"
        if name in _OWN:
            return "value"
        return f"var-{name}={values[name]}" if form == "queryparam" else values[name]

    return Link(where, url, _PLACE.sub(fill, url))
