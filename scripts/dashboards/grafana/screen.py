"""Asks a running Grafana what a browser asks of it when somebody opens a page: variables, panels, annotations.

What Grafana's pages do in the browser is done here: variables' own queries are run and their values filled into the
text of queries, and the time on the screen becomes a step. All else (``v.timeRangeStart`` and the like, the data
source, its token) is Grafana's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

_PLACE: Final = re.compile(r"\$\{(\w+)(?::(regex|queryparam))?\}")
# As Grafana asks: about a thousand points over the screen's width, ten seconds at least (that is the refresh).
_POINTS: Final = 1000
_LEAST_S: Final = 10
_OVER_TIME: Final = frozenset({"timeseries", "state-timeline", "status-history", "heatmap"})
_TIMES: Final = frozenset({"_time", "Time", "time"})
_UNITS_S: Final = {"m": 60, "h": 3600, "d": 86_400}
# Steps that its pages choose among (s): Flux knows no fractions.
_STEPS_S: Final = (10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


class Asks(Protocol):
    """A Grafana."""

    def query(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answers by ``refId``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query gave."""

    page: str
    panel: str
    rows: int
    problem: str = ""
    empty: str = ""
    """What the panel says when there is nothing to show."""


def step_s(since: str, until: str, points: int = _POINTS) -> int:
    """Step between so many points over a screen from ``since`` to ``until`` (`now-3h`, `now+2h`), s."""
    start, stop = (text.removeprefix("now") or "0m" for text in (since, until))
    seconds = [int(text[:-1]) * _UNITS_S[text[-1]] for text in (start, stop)]
    wanted = max(_LEAST_S, (seconds[1] - seconds[0]) / points)
    return next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1])


def interpolate(query: str, values: Mapping[str, str]) -> str:
    """The query as a browser sends it: variables filled in.

    Raises:
        KeyError: it uses a variable that the page does not have.
    """
    return _PLACE.sub(lambda match: values[match[1]], query)


def rows(frames: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records of data frames, labels among their columns. A step of the screen in which there was nothing is none."""
    found = []
    for frame in frames:
        fields, columns = frame["schema"]["fields"], frame["data"]["values"]
        labels = {name: text for field in fields for name, text in (field.get("labels") or {}).items()}
        values = [place for place, field in enumerate(fields) if field.get("type") != "time"] or [*range(len(fields))]
        for record in zip(*columns, strict=True):
            if all(record[place] is None for place in values):
                continue
            found.append({**labels, **{field["name"]: value for field, value in zip(fields, record, strict=True)}})
    return found


def mistimed(frames: list[Mapping[str, Any]]) -> str:
    """What is wrong with the time that curves are drawn over: a panel takes a frame's first column of times."""
    for frame in frames:
        times = [str(field["name"]) for field in frame["schema"]["fields"] if field.get("type") == "time"]
        if times and times[0] not in _TIMES:
            return f"drawn over {times[0]}, not over _time: {', '.join(times)} are times"
    return ""


class Screen:
    """One provisioned dashboard as somebody sees it."""

    def __init__(self, grafana: Asks, board: Mapping[str, Any], site: str, preferred: frozenset[str]) -> None:
        """``board``: as Grafana's API gives it; ``preferred``: values that are chosen where a variable offers them."""
        self._grafana, self._board, self._site, self._preferred = grafana, board, site, preferred
        self._range = {"from": board["time"]["from"], "to": board["time"]["to"]}
        self.values: dict[str, str] = {}

    def answers(self) -> Iterator[Answer]:
        """Variables first, in their order; then panels and annotations with their values."""
        for variable in self._board["templating"]["list"]:
            yield self._choose(variable)
        for panel in self._board["panels"]:
            yield from self._panel(panel)
        for annotation in self._board["annotations"]["list"]:
            if annotation.get("builtIn") != 1:
                yield self._annotation(annotation)

    def _choose(self, variable: Mapping[str, Any]) -> Answer:
        name = variable["name"]
        found, problem = self._ask(variable["datasource"], [{"query": variable["query"], "refId": "A"}])
        values = [str(each["_value"]) for each in found if "_value" in each]
        if name in ("site", "history"):
            self.values[name] = self._site
            if not problem and self._site not in values:
                problem = f"{self._site} is not among {values}"
            elif not problem and name == "site":
                problem = self._strangers(values)
        else:
            chosen = sorted(self._preferred & set(values)) or (values if name == "scenario" else sorted(values))
            self.values[name] = ".*" if variable.get("includeAll") else (chosen or [""])[0]
        return Answer(self._board["title"], f"variable {name}", len(values), problem, "there is none yet")

    def _strangers(self, values: list[str]) -> str:
        """What is offered as a site and is a bucket that belongs to one."""
        wrong = [value for value in values if any(value.startswith(f"{site}_") for site in values)]
        return f"no sites: {', '.join(wrong)}" if wrong else ""

    def _panel(self, panel: Mapping[str, Any]) -> Iterator[Answer]:
        for below in panel.get("panels") or ():
            yield from self._panel(below)
        if panel.get("targets"):
            over_time = panel.get("type") in _OVER_TIME
            said = str(panel.get("fieldConfig", {}).get("defaults", {}).get("noValue") or "")
            for target in panel["targets"]:
                yield self._count(panel, target, said, over_time=over_time)

    def _annotation(self, annotation: Mapping[str, Any]) -> Answer:
        what = f"annotation {annotation['name']}"
        # Its pages send nothing at all for an annotation of Flux that has its query elsewhere.
        target = annotation.get("target") or {}
        if not target.get("query"):
            return Answer(self._board["title"], what, 0, "it has no target with a query, so nothing is ever asked")
        found, problem = self._ask(annotation["datasource"], [target])
        if not problem and found and not {"_time", "text"} <= found[0].keys():
            problem = f"columns {', '.join(found[0])}: expected _time and text"
        return Answer(self._board["title"], what, len(found), problem, "nothing of the kind happened")

    def _count(self, panel: Mapping[str, Any], target: Mapping[str, Any], empty: str, *, over_time: bool) -> Answer:
        frames, problem = self._frames(target["datasource"], [target], panel.get("maxDataPoints") or _POINTS)
        if over_time and not problem:
            problem = mistimed(frames)
        return Answer(self._board["title"], panel["title"], len(rows(frames)), problem, empty)

    def _ask(self, source: Mapping[str, Any], targets: list[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], str]:
        frames, problem = self._frames(source, targets)
        return rows(frames), problem

    def _frames(
        self, source: Mapping[str, Any], targets: list[Mapping[str, Any]], points: int = _POINTS
    ) -> tuple[list[Mapping[str, Any]], str]:
        try:
            queries = [
                {
                    **target,
                    "query": interpolate(target["query"], self.values),
                    "datasource": source,
                    "intervalMs": step_s(self._range["from"], self._range["to"], points) * 1000,
                    "maxDataPoints": points,
                }
                for target in targets
            ]
        except KeyError as error:
            return [], f"the page has no variable {error}"
        results = self._grafana.query({"queries": queries, **self._range})
        problems = [str(each["error"]) for each in results.values() if each.get("error")]
        return [frame for each in results.values() for frame in each.get("frames") or []], "; ".join(problems)
