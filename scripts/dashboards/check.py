"""`python -m dashboards.check`: on a running stack, provokes each alert rule and runs each query of pages and rules.

Variables are filled in as Grafana would: their own queries are run, the first value is chosen (or all, where a page
says so). Alert rules: see `dashboards.provoke`. The last line on standard output is JSON. Exit code 1 when a query
fails, a panel is empty without saying why, or a rule was not seen to fire once and to clear once.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from alerting.rules import RULES
from dashboards import alerts, flux
from dashboards.frame import build
from dashboards.pages import PAGES
from dashboards.provoke.run import FAILURES, Outcome, provoke
from dashboards.provoke.stage import Stage
from local_stack import Stack as Running
from local_stack import config

ANNOTATION: Final = "annotation "
ALERTS: Final = "Alert rules"
_PLACE: Final = re.compile(r"\$\{(\w+)(?::(regex|queryparam))?\}")
# As Grafana asks: about a thousand points over the screen's width, ten seconds at least.
_POINTS: Final = 1000
_LEAST_S: Final = 10
_UNITS_S: Final = {"m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query gave."""

    page: str
    panel: str
    rows: int
    problem: str = ""
    empty: str = ""
    """What the panel says when there is nothing to show."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The time on the screen, as Flux has it."""

    start: str = "-1h"
    stop: str = "now()"
    step: str = "10s"

    @classmethod
    def of(cls, since: str, until: str) -> Screen:
        """From a page's own times, `now-3h` and `now+2h`."""
        start, stop = (text.removeprefix("now") or "0m" for text in (since, until))
        seconds = [int(text[:-1]) * _UNITS_S[text[-1]] for text in (start, stop)]
        step = max(_LEAST_S, (seconds[1] - seconds[0]) // _POINTS)
        return cls(start, stop.removeprefix("+") if seconds[1] else "now()", f"{step}s")


_SCREEN: Final = Screen()


def interpolate(query: str, values: Mapping[str, str], screen: Screen = _SCREEN) -> str:
    """The query as Grafana sends it: variables and the screen's time filled in.

    Raises:
        KeyError: it uses a variable that the page does not have.
    """
    start, stop, step = screen.start, screen.stop, screen.step
    query = query.replace("v.timeRangeStart", start).replace("v.timeRangeStop", stop).replace("v.windowPeriod", step)
    return _PLACE.sub(lambda match: values[match[1]], query)


class Checker:
    """Runs queries of pages against one InfluxDB."""

    def __init__(self, client: InfluxDBClient, site: str) -> None:
        self._api = client.query_api()
        self._site = site

    def variables(self, board: Any) -> dict[str, str]:
        """Variable -> value, each by its own query with those before it filled in."""
        values: dict[str, str] = {}
        for variable in board.templating.list_val:
            found = [
                str(record["_value"])
                for each in self._api.query(interpolate(variable.query, values))
                for record in each.records
            ]
            if variable.name in ("site", "history"):
                values[variable.name] = self._site
                if self._site not in found:
                    raise click.ClickException(f"variable {variable.name}: {self._site} is not among {found}")
            else:
                # Scenarios come the newest first; the server that is this machine is the one that is real.
                real = [name for name in found if name == config.settings()["demo"]["server"]]
                chosen = found if variable.name == "scenario" else real or sorted(found)
                values[variable.name] = ".*" if variable.include_all else (chosen or [""])[0]
        return values

    def answers(self) -> Iterator[Answer]:
        """One for each query of a panel, annotation or alert rule."""
        for page in PAGES:
            board: Any = build(page)
            values, screen = self.variables(board), Screen.of(page.since, page.until)
            for panel in board.panels or ():
                if not getattr(panel, "targets", None):
                    continue
                said = (panel.field_config and panel.field_config.defaults.no_value) or ""
                for target in panel.targets:
                    asked = self._ask(page.title, panel.title, interpolate(target.flux, values, screen))
                    yield replace(asked, empty=said)
            for annotation in board.annotations.list_val:
                asked_for = interpolate(annotation.expr, values, screen)
                yield self._ask(page.title, f"{ANNOTATION}{annotation.name}", asked_for)
        for rule in RULES:
            yield self._ask(ALERTS, rule.title, alerts.query(rule).replace(alerts.SITE, self._site))

    def ask(self, flux: str) -> list[Mapping[str, Any]]:
        """The records that a query gives."""
        return [record.values for each in self._api.query(flux) for record in each.records]

    def _ask(self, page: str, panel: str, flux: str) -> Answer:
        try:
            return Answer(page, panel, len(self.ask(flux)))
        except ApiException as error:
            return Answer(page, panel, 0, str(json.loads(error.body).get("message", error.body)))


def say(line: str) -> None:
    """Progress, for people."""
    print(line, file=sys.stderr, flush=True)


def _scenario(stage: Stage, checker: Checker) -> None:
    """A scenario to look at, where there is none yet."""
    values = {"site": stage.site}
    if checker.ask(interpolate(flux.SCENARIOS, values)):
        return
    say("scenario: a what-if, so that there is one to compare")
    done = stage.racktwin(
        "whatif", "--site", stage.site, "--room", "hall-a", "--unit-fails", "crah-a1", "--name", "alerts-check"
    )
    if done.returncode != 0:
        say(f"scenario: {(done.stderr or done.stdout).strip()[-300:]}")


def _told(outcome: Outcome) -> dict[str, Any]:
    """What came of the rules, on standard error and as figures."""
    for each in outcome.progress:
        trial = each.trial
        times = (
            f"fired after {each.fired_s:.0f} s, clear after {each.cleared_s:.0f} s" if each.cleared_s else each.state
        )
        say(f"{trial.rule:<18} {trial.entry:<7} {times}{f'; PROBLEM: {each.problem}' if each.problem else ''}")
    say(
        f"alerts on other things by the same faults: {outcome.others}; "
        f"begun more than once: {', '.join(outcome.repeated) or 'none'}"
    )
    entries = Counter(each.trial.entry for each in outcome.progress)
    return {
        "alerts": outcome.alerts,
        "alerts_fired": outcome.fired,
        "alerts_cleared": outcome.cleared,
        "alerts_repeated": len(outcome.repeated),
        "provoked_at": dict(sorted(entries.items())),
    }


@click.command()
@click.option("--stack", default="demo", show_default=True, help="The local stack that is looked at, and disturbed.")
@click.option("--site", default="berlin", show_default=True)
@click.option("--alerts/--no-alerts", "provoked", default=True, help="Provoke every alert rule (5 min), or only query.")
@click.option("--patience", default=360.0, show_default=True, help="Longest time for all alerts to fire and clear (s).")
def main(stack: str, site: str, provoked: bool, patience: float) -> None:
    """Provoke every alert rule; run every query of every dashboard and rule."""
    running = Running(stack)
    places = running.endpoints()
    token = Path(places["influx_token_file"]).read_text(encoding="utf-8").strip()
    with InfluxDBClient(url=places["influx_url"], token=token, org=places["influx_org"], timeout=60_000) as client:
        checker, stage = Checker(client, site), Stage(running, site)
        outcome = None
        if provoked:
            _scenario(stage, checker)
            try:
                outcome = provoke(stage, checker.ask, say, patience_s=patience)
            except FAILURES as error:
                raise click.ClickException(str(error)) from error
        answers = list(checker.answers())
    for each in answers:
        nothing = f"no data: {each.empty}" if each.empty else "NO DATA"
        state = f"error: {each.problem}" if each.problem else f"{each.rows} rows" if each.rows else nothing
        say(f"{each.page:<24} {each.panel:<38} {state}")
    panels = [each for each in answers if each.page != ALERTS and not each.panel.startswith(ANNOTATION)]
    errors = sum(1 for each in answers if each.problem)
    unexplained = sum(1 for each in panels if not (each.rows or each.empty or each.problem))
    figures: dict[str, Any] = {
        "dashboards": len(PAGES),
        "panels": len(panels),
        "panels_with_data": sum(1 for each in panels if each.rows),
        "panels_empty_without_reason": unexplained,
        "errors": errors,
    }
    if outcome is not None:
        figures |= _told(outcome)
    print(json.dumps(figures))
    seen = outcome is None or outcome.fired == outcome.cleared == outcome.alerts
    if errors or unexplained or not seen:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
