"""Who fires, seen twice: in the history that alerting writes, and by Grafana's own rules, evaluated without Grafana.
Pure but for the queries, which are passed in.

A Grafana rule is evaluated as its provisioning says: the query, `reduce` to each series' last value, `threshold`.
Next: `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from racktwin.history import log_bucket

# A Flux query -> its records.
Ask = Callable[[str], list[Mapping[str, Any]]]
_REDUCERS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "last": lambda values: values[-1],
    "max": max,
    "min": min,
    "mean": lambda values: sum(values) / len(values),
}


class UnknownRule(Exception):
    """A Grafana rule has a form that is not understood here."""


def firing(rule: Mapping[str, Any], site: str, ask: Ask) -> set[str]:
    """Things that a provisioned Grafana rule fires for.

    Raises:
        UnknownRule: it has another form than query, reduce, threshold.
    """
    nodes = {node["refId"]: node for node in rule["data"]}
    threshold = nodes[rule["condition"]]["model"]
    reduce = nodes[threshold["expression"]]["model"]
    query = nodes[reduce["expression"]]["model"]
    if (reduce["type"], threshold["type"]) != ("reduce", "threshold") or reduce["reducer"] not in _REDUCERS:
        raise UnknownRule(f"rule {rule['uid']}: expected a query, a reduction and a threshold")
    evaluator = threshold["conditions"][0]["evaluator"]
    if evaluator["type"] != "gt":
        raise UnknownRule(f"rule {rule['uid']}: evaluator {evaluator['type']!r}: expected gt")
    series: dict[str, list[tuple[Any, float]]] = {}
    for record in ask(query["query"].replace("@site@", site)):
        series.setdefault(str(record["thing"]), []).append((record["_time"], float(record["_value"])))
    found = set()
    for thing, points in series.items():
        values = [value for _, value in sorted(points, key=lambda point: point[0])]
        if _REDUCERS[reduce["reducer"]](values) > evaluator["params"][0]:
            found.add(thing)
    return found


@dataclass(slots=True)
class Course:
    """How one rule went for one thing: begins and ends, as often as they were seen."""

    fired: int = 0
    cleared: int = 0
    fires: bool = False

    def see(self, fires: bool) -> None:
        """One look."""
        if fires and not self.fires:
            self.fired += 1
        if self.fires and not fires:
            self.cleared += 1
        self.fires = fires


@dataclass(slots=True)
class Referee:
    """Keeps count over a run."""

    site: str
    rules: Mapping[str, Mapping[str, Any]]
    """Grafana's rules by the name of ours."""
    _courses: dict[tuple[str, str], Course] = field(default_factory=dict)

    def look(self, ask: Ask, names: Iterable[str]) -> None:
        """Evaluate Grafana's rules of these names once."""
        for name in names:
            now = firing(self.rules[name], self.site, ask)
            known = {thing for rule, thing in self._courses if rule == name}
            for thing in now | known:
                self._courses.setdefault((name, thing), Course()).see(thing in now)

    def forget(self) -> None:
        """Count from now on."""
        self._courses.clear()

    def course(self, rule: str, thing: str) -> Course:
        """What Grafana's rule did for a thing."""
        return self._courses.get((rule, thing), Course())


def history(site: str, since_ms: int, ask: Ask) -> dict[tuple[str, str], Course]:
    """(rule, thing) -> what alerting wrote since then: each begin and each end is one point."""
    flux = (
        f'from(bucket: "{log_bucket(site)}")\n  |> range(start: time(v: {since_ms * 1_000_000}))\n'
        '  |> filter(fn: (r) => r._measurement == "alert" and r._field == "firing")\n'
        '  |> keep(columns: ["_time", "_value", "thing", "feature"])'
    )
    found: dict[tuple[str, str], Course] = {}
    for record in sorted(ask(flux), key=lambda each: each["_time"]):
        course = found.setdefault((str(record["feature"]).removeprefix("alert."), str(record["thing"])), Course())
        fires = float(record["_value"]) > 0.5
        course.fired += int(fires)
        course.cleared += int(not fires)
        course.fires = fires
    return found
