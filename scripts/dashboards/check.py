"""`python -m dashboards.check`: a real Grafana with the chart's provisioning, beside a running stack.

It loads the dashboards, the data source, the rules, the contact point and the policies as the chart gives them; every
query of every page goes through it, where its links lead is looked up, and Chromium opens every page. Each alert rule
is provoked (`dashboards.provoke`): Grafana's own scheduler evaluates it and tells a webhook, once that it fires and
once that it is over. The last line on standard output is JSON. Exit code 1 when a query fails, a panel is empty without
saying why or is not drawn, a link leads nowhere, or a rule was not told of once and over once.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from influxdb_client.client.influxdb_client import InfluxDBClient
from playwright.sync_api import Error

from alerting.rules import RULES
from check_charts.tools import CheckError
from check_console import links as console_links
from check_console.browser import program, visit
from dashboards import flux
from dashboards.grafana import browser, health, inbox, links, server
from dashboards.grafana.provision import MissingError
from dashboards.grafana.screen import Answer, Screen, interpolate
from dashboards.grafana.told import Told
from dashboards.pages import PAGES
from dashboards.provoke import warm
from dashboards.provoke.referee import Ask
from dashboards.provoke.run import FAILURES, Outcome, provoke
from dashboards.provoke.stage import Stage
from local_stack import Stack as Running
from local_stack import config
from local_stack.toolchain.artefact import BuildError
from local_stack.toolchain.catalogue import CONSOLE_PAGE
from local_stack.toolchain.grafana import GRAFANA
from racktwin.ditto_client import DittoClient
from racktwin.names import thing_id
from racktwin.settings import DittoSettings

_KINDS: Final = ("annotation ", "variable ")
# Grafana answers before it has read all that it is given, and looks at each rule at a moment of its own.
_SETTLED_S: Final = 60.0


def say(line: str) -> None:
    """Progress, for people."""
    print(line, file=sys.stderr, flush=True)


def _scenario(stage: Stage, ask: Ask) -> None:
    """A scenario to look at, where there is none yet."""
    values = {"site": stage.site}
    if ask(interpolate(flux.SCENARIOS, values)):
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
        "alerts_lingering": outcome.lingering,
        "alerts_repeated": len(outcome.repeated),
        "provoked_at": dict(sorted(entries.items())),
    }


def _said(told: Told, outcome: Outcome, site: str) -> dict[str, Any]:
    """What people were told by Grafana, of the things that faults were made on; and whether it read well."""
    once = {"firing": 0, "resolved": 0}
    for each in outcome.progress:
        rule, thing = each.trial.rule, each.trial.thing(site)
        begins, ends = told.fired(rule, thing), told.cleared(rule, thing)
        once["firing"] += begins == 1
        once["resolved"] += ends == 1
        if (begins, ends) != (1, 1) and not (each.trial.lingers and (begins, ends) == (1, 0)):
            say(f"{rule:<18} {thing}: Grafana told {begins} begins and {ends} ends")
    problems = told.problems()
    for problem in problems:
        say(f"message: {problem}")
    return {
        "notified_firing": once["firing"],
        "notified_resolved": once["resolved"],
        "messages": told.count(),
        "messages_wrong": len(problems),
    }


def _pages(
    grafana: server.Grafana, found: links.Boards, site: str
) -> tuple[list[Answer], list[links.Link], dict[str, Mapping[str, str]]]:
    """Each dashboard as somebody sees it: what its queries gave, its links, and by its uid what the variables are."""
    real = frozenset({str(config.settings()["demo"]["server"])})
    answers, leads = [], []
    chosen: dict[str, Mapping[str, str]] = {}
    for board in (found[page.uid]["dashboard"] for page in PAGES if page.uid in found):
        screen = Screen(grafana, board, site, real)
        answers += list(screen.answers())
        chosen[board["uid"]] = screen.values
        leads += list(links.of_board(board, screen.values))
        for where, tags in links.groups(board):
            listed = grafana.get("/search", type="dash-db", tag=list(tags))
            if len(listed) != len(PAGES):
                leads.append(links.Link(where, "", "", f"lists {len(listed)} dashboards of {len(PAGES)}"))
    for each in answers:
        nothing = f"no data: {each.empty}" if each.empty else "NO DATA"
        state = f"error: {each.problem}" if each.problem else f"{each.rows} rows" if each.rows else nothing
        say(f"{each.page:<24} {each.panel:<38} {state}")
    return answers, leads, chosen


def _links(
    running: Running, grafana: server.Grafana, found: links.Boards, leads: list[links.Link], site: str
) -> dict[str, Any]:
    """Every link followed: into Grafana by its API, to the console by a browser, and the console's own."""
    places = running.endpoints()
    where = links.Places(grafana.url, places["console_url"], console_links.DITTO_UI)
    password = Path(places["console_password_files"]["viewer"]).read_text(encoding="utf-8")
    ditto = DittoClient(DittoSettings(ditto_url=places["ditto_url"], ditto_subject="nginx:operator"))
    axe = CONSOLE_PAGE.folder / "axe.min.js"
    shown = {
        thing_id(site, "rack", "a-r01-03"): "a-r01-03",
        thing_id(site, "cooling", "crah-a1"): "crah-a1",
        thing_id(site, "server", str(config.settings()["demo"]["server"])): str(config.settings()["demo"]["server"]),
    }
    problems = []
    with (
        console_links.console(running, grafana.url, console_links.DITTO_UI) as address,
        visit(address, site, ditto, axe) as seen,
    ):
        seen.sign_in("viewer", password)
        try:
            leads = [*leads, *(links.Link("console", url, url) for url in console_links.shown(seen, shown))]
        except (AssertionError, Error) as error:
            problems.append(f"console: it does not show its links: {' '.join(str(error).splitlines()[:2])}")
        for each in leads:
            if problem := links.problem(each, where, found):
                problems.append(f"{each.where}: {problem}")
        for each in links.to_console(leads, where):
            if problem := console_links.unopened(seen, each.filled.replace(where.console, address, 1)):
                problems.append(f"{each.where}: {problem}")
    for problem in problems:
        say(f"link: {problem}")
    return {"links": len(leads), "links_wrong": len(problems)}


def _settled(look: Callable[[], list[str]]) -> list[str]:
    """What is wrong, after Grafana had its time to read its files and to look at each rule once."""
    until = time.monotonic() + _SETTLED_S
    while True:
        try:
            problems = look()
        except server.GrafanaError as error:
            problems = [str(error)]
        if not problems or time.monotonic() > until:
            return problems
        time.sleep(1.0)


@click.command()
@click.option("--stack", default="demo", show_default=True, help="The local stack that is looked at, and disturbed.")
@click.option("--site", default="berlin", show_default=True)
@click.option(
    "--alerts/--no-alerts", "provoked", default=True, help="Provoke every alert rule (20 min), or only query."
)
@click.option(
    "--patience", default=1500.0, show_default=True, help="Longest time for all alerts to fire and clear (s)."
)
def main(stack: str, site: str, provoked: bool, patience: float) -> None:
    """Let a real Grafana load what the chart gives its own; run queries, look at pages, follow links, provoke rules."""
    running = Running(stack)
    places = running.endpoints()
    token = Path(places["influx_token_file"]).read_text(encoding="utf-8").strip()
    figures: dict[str, Any] = {"grafana": f"{GRAFANA.release}, built from {GRAFANA.version.split('-')[-1]}"}
    try:
        program()
        server.build()
        with (
            InfluxDBClient(url=places["influx_url"], token=token, org=places["influx_org"], timeout=60_000) as client,
            inbox.listening() as box,
            server.running(running, site, box.url) as grafana,
        ):
            ask, told = _asking(client), Told(box)

            def trials(stage: Stage) -> Outcome:
                warm.wait(ask, site, say)
                _scenario(stage, ask)
                return provoke(stage, ask, say, patience_s=patience, told=told)

            figures |= _checked(running, grafana, told, site, trials if provoked else None)
    except (*FAILURES, BuildError, CheckError, MissingError, server.GrafanaError) as error:
        raise click.ClickException(str(error)) from error
    print(json.dumps(figures))
    panels = ("panels_empty_without_reason", "panels_not_drawn")
    wrong = ("errors", *panels, "rules_unwell", "links_wrong", "messages_wrong")
    # Of a lingering one the begin alone is waited for.
    ended = len(RULES) - figures.get("alerts_lingering", 0)
    once = {
        "alerts_fired": len(RULES),
        "notified_firing": len(RULES),
        "alerts_cleared": ended,
        "notified_resolved": ended,
    }
    if any(figures.get(name) for name in wrong) or any(
        figures.get(name, count) < count for name, count in once.items()
    ):
        raise SystemExit(1)


def _asking(client: InfluxDBClient) -> Ask:
    """What the run itself asks InfluxDB for: what alerting wrote."""
    api = client.query_api()
    return lambda query: [record.values for each in api.query(query) for record in each.records]


def _checked(
    running: Running, grafana: server.Grafana, told: Told, site: str, trials: Callable[[Stage], Outcome] | None
) -> dict[str, Any]:
    """All figures; ``trials`` makes the faults, None: none are made."""
    stage = Stage(running, site)
    uids, titles = [page.uid for page in PAGES], [rule.title for rule in RULES]

    def unwell() -> list[str]:
        return list(health.unwell(health.rules(grafana), titles))

    wrong = _settled(lambda: list(health.unlike(grafana, health.boards(grafana), uids)))
    found, ill = health.boards(grafana), _settled(unwell)
    say(f"Grafana: {len(found)} dashboards, {len(RULES) - len(ill)} rules evaluated")
    of_alerts: dict[str, Any] = {}
    if trials is not None:
        outcome = trials(stage)
        of_alerts = _told(outcome) | _said(told, outcome, site)
        ill = _settled(unwell)
    answers, leads, chosen = _pages(grafana, found, site)
    pictures = running.instance.data("grafana") / "pictures"
    of_pages = browser.look(grafana, found, chosen, answers, pictures=pictures, say=say)
    for each in (*wrong, *ill):
        say(f"Grafana: {each}")
    of_links = _links(running, grafana, found, [*leads, *(links.Link("alert", url, url) for url in told.links())], site)
    panels = [each for each in answers if not each.panel.startswith(_KINDS)]
    return {
        "dashboards": len(found),
        "panels": len(panels),
        "panels_with_data": sum(1 for each in panels if each.rows),
        "panels_empty_without_reason": sum(1 for each in panels if not (each.rows or each.empty or each.problem)),
        "variables_and_annotations": len(answers) - len(panels),
        "errors": len(wrong) + sum(1 for each in answers if each.problem),
        "rules_unwell": len(ill),
        **of_pages,
        **of_links,
        **of_alerts,
    }


if __name__ == "__main__":
    main()
