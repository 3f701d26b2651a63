"""What people do in the console: one function a journey. Each fails with what it missed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from playwright.sync_api import expect

from check_console.browser import Visit
from check_console.links import DITTO_UI, GRAFANA, of_moment, shown
from check_console.proposals import accepted, refused
from check_console.relay import relay
from dashboards.generate import FOLDER
from dashboards.grafana.links import Link, Places, problem
from racktwin.names import thing_id

Journey = Callable[[Visit, str], None]
_MERGE: Final = "application/merge-patch+json"
# What is found wrong with a rack for the time of two journeys.
_CAUSE: Final = "fan: it moves less air than its speed asks for"
# A moment to replay (s ago), and how long the steps of a replay's hour are (ms).
_BEFORE_S: Final = 120
_STEP_MS: Final = 15_000
_DUE: Final[dict[str, object]] = {"state": "due", "score": 0.9, "cause": _CAUSE}


def room(visit: Visit, rack: str) -> None:
    """The room in 3D; a rack found by search shows its sensors."""
    page = visit.page
    visit.open("room")
    canvas = page.get_by_role("img", name=re.compile("three dimensions"))
    canvas.wait_for()
    page.wait_for_function("window.racktwinScene !== undefined && window.racktwinScene.frames.drawn > 0")
    page.keyboard.press("/")
    page.get_by_role("searchbox").fill(rack)
    page.get_by_role("button", name=re.compile(f"^{rack}")).first.click()
    detail = page.get_by_role("region", name=rack)
    expect(detail.get_by_text(re.compile(r"\d+\.\d °C")).first).to_be_visible()
    expect(detail.get_by_role("img", name=re.compile("Inlet temperature"))).to_be_visible()
    expect(detail.get_by_role("button", name="Command").first).to_be_visible()
    page.get_by_text("Show", exact=True).click()
    page.get_by_label("Air flows").check()
    page.get_by_label("Names").check()
    expect(page).to_have_url(re.compile("thing="))
    visit.look("a rack's details")
    for colour in ("Predicted inlet (15 min)", "Relative humidity", "Power", "Outlet minus inlet", "Anomaly score"):
        page.get_by_label("Colour by").select_option(label=colour)
        expect(page.locator(".legend figcaption")).to_have_text(colour)
    drawn = page.evaluate("window.racktwinScene.frames.drawn")
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("drawn => window.racktwinScene.frames.drawn > drawn", arg=drawn)


def plan(visit: Visit, rack: str) -> None:
    """The same room as a plan and as a list, by keyboard."""
    page = visit.page
    visit.open("room", "?shape=plan")
    tile = page.get_by_role("button", name=re.compile(f"^{rack}:"))
    tile.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name=rack)).to_be_visible()
    page.get_by_role("button", name="List").click()
    expect(page.get_by_role("row", name=re.compile(rack))).to_contain_text("°C")


def dashboards(visit: Visit, _rack: str) -> None:
    """Key figures with values; a room's name leads to the room."""
    page = visit.page
    visit.open("dashboards")
    card = page.locator(".card", has_text="Hottest inlet")
    expect(card).to_contain_text(re.compile(r"\d+\.\d °C"))
    expect(page.locator(".card", has_text="IT power")).to_contain_text(re.compile(r"\d+\.\d kW"))
    page.get_by_role("article").first.get_by_role("button").click()
    expect(page).to_have_url(re.compile("/room/"))


def _state(visit: Visit, rack: str, state: str) -> None:
    """What the indices would say of a rack's air; they say it anew within a minute."""
    path = f"/api/2/things/{thing_id(visit.site, 'rack', rack)}/features/indices/properties/ashraeState"
    visit.ditto.request("PUT", path, json=state).raise_for_status()


def replay(visit: Visit, rack: str) -> None:
    """The past is played, and the clock moves; what is shown is of the past, whatever the present says."""
    page = visit.page
    visit.open("replay")
    play = page.get_by_role("button", name="Play", exact=True)
    expect(play).to_be_enabled()
    page.get_by_role("button", name="All history").click()
    expect(play).to_be_enabled()
    page.get_by_role("combobox", name="Speed").select_option("3600")
    shown = page.locator(".timeline output")
    before = shown.inner_text()
    play.click()
    page.wait_for_function("text => document.querySelector('.timeline output').textContent !== text", arg=before)
    expect(page.get_by_role("status").filter(has_text="Replay")).to_be_visible()
    page.get_by_role("button", name="Pause").or_(play).click()
    expect(page).to_have_url(re.compile("at="))
    _the_past_stays(visit, rack)


def _the_past_stays(visit: Visit, rack: str) -> None:
    """Before history began nothing is known of any rack, though the present knows it all."""
    page = visit.page
    visit.open("replay", f"?shape=list&thing={thing_id(visit.site, 'rack', rack)}")
    row = page.get_by_role("row").filter(has_text=rack)
    detail = page.get_by_role("region", name=rack)
    # The last step of the last hour: as measured, and as recorded.
    slider = page.get_by_role("slider", name="Showing")
    expect(slider).to_be_enabled()
    slider.press("End")
    expect(row).to_contain_text("°C")
    expect(detail).to_contain_text("As it was at")
    expect(detail.get_by_text(re.compile(r"\d+\.\d °C")).first).to_be_visible()
    then = row.inner_text()
    for state in ("allowable", "out"):
        _state(visit, rack, state)
    expect(row).to_have_text(re.compile(re.escape(then.split("\t")[-1]) + "$"))
    assert row.inner_text() == then, f"the present came into the past: {row.inner_text()}, not {then}"
    expect(detail.get_by_role("button", name="Command").first).to_be_disabled()
    visit.look("a list of the past")
    # A month ago, before there was any history: no rack is known, none had an alert, and all are silent.
    long_ago = (datetime.now(tz=UTC) - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M")
    page.get_by_label("From", exact=True).fill(long_ago)
    expect(page.get_by_role("status").filter(has_text="no history")).to_be_visible(timeout=30_000)
    expect(row).not_to_contain_text("°C")
    page.get_by_label("Racks", exact=True).select_option("alerts")
    expect(page.get_by_text("No rack was like that then.")).to_be_visible()
    page.get_by_label("Racks", exact=True).select_option("stale")
    expect(row).to_be_visible()


def whatif(visit: Visit, rack: str) -> None:
    """A scenario by clicking: a rack gets load, a cooling unit fails. The answer comes, side by side with the baseline,
    with a report; the question stands in the address, and the address is copied."""
    page = visit.page
    visit.open("whatif", "?shape=plan")
    page.get_by_role("button", name=re.compile(f"^{rack}:")).click()
    expect(page.get_by_label("What happens")).to_have_value("load")
    expect(page.get_by_role("combobox", name="Of", exact=True)).to_have_value(rack)
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".changes li").first).to_contain_text(f"on {rack}: 5000 W more load")
    page.get_by_role("button", name="Remove").click()
    known = page.get_by_role("article").count()
    page.get_by_role("button", name=re.compile("^cra[ch]")).first.click()
    expect(page.get_by_label("What happens")).to_have_value("unitFails")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".changes li").first).to_contain_text(re.compile("^cooling unit .* fails"))
    expect(page).to_have_url(re.compile("#changes="))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url, f"copied {copied}, not {page.url}"
    page.get_by_role("button", name="As YAML").click()
    expect(page.locator("pre")).to_contain_text("kind: Scenario")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("article")).to_have_count(known + 1)
    answer = page.get_by_role("article").first
    expect(answer).to_contain_text("Done", timeout=90_000)
    expect(page).to_have_url(re.compile("show="))
    # The plans of both cases, two curves, and a row for each rack.
    expect(answer.locator(".pair .plan")).to_have_count(2)
    expect(answer.get_by_role("img", name=re.compile("Hottest inlet: baseline"))).to_be_visible()
    expect(answer.get_by_role("row").filter(has_text=re.compile(r"^[a-z]-r\d+-\d+")).first).to_contain_text(
        re.compile(r"\d (s|min)")
    )
    visit.look("a what-if's answer")
    report = answer.get_by_role("link", name="Report").get_attribute("href")
    assert report is not None
    got = page.request.get(visit.url + report)
    assert got.ok, f"report: {got.status}"
    assert "<svg" in got.text(), "the report has no plots"
    page.reload()
    expect(page.locator(".pair .plan")).to_have_count(2)
    page.get_by_role("article").first.get_by_role("button", name="Use as a start").click()
    page.get_by_role("article").first.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("article")).to_have_count(known)


def optimise(visit: Visit, _rack: str) -> None:
    """What the optimiser says of the room."""
    page = visit.page
    visit.open("optimise")
    expect(page.get_by_text("Why:")).to_be_visible(timeout=60_000)
    expect(page.locator(".card", has_text="State")).to_contain_text(re.compile("proposed|none|applied|infeasible"))


def _oldest(visit: Visit) -> int:
    """When history begins (epoch ms): of a stack that was just begun, a moment ago."""
    oldest: int = visit.page.request.get(f"{visit.url}/api/v1/sites/{visit.site}/extent").json()["oldest"]
    return oldest


def elsewhere(visit: Visit, rack: str) -> None:
    """A console that knows a Grafana and a Ditto UI leads there: to dashboards that there are, with the place and time
    that one looks at, and to the thing. `make check-dashboards` follows the same links in a real Grafana."""
    boards = {
        board["uid"]: {"dashboard": board}
        for board in (json.loads(path.read_text(encoding="utf-8")) for path in (FOLDER / "dashboards").glob("*.json"))
    }
    unit = sorted(str(each["thingId"]) for each in visit.ditto.search('like(thingId,"*:cooling-*")', fields="thingId"))[
        0
    ]
    things = {thing_id(visit.site, "rack", rack): rack, unit: unit.split("cooling-", 1)[1]}
    places = Places(GRAFANA, visit.url, DITTO_UI)
    with visit.linked() as address, visit.at(address):
        addresses = shown(visit, things)
        moment = max(int((time.time() - _BEFORE_S) * 1000), _oldest(visit))
        since, until = of_moment(visit, thing_id(visit.site, "rack", rack), rack, moment)
    middle = (since + until) // 2
    assert 0 <= middle - moment <= _STEP_MS, f"the link's time is around {middle}, not {moment} (epoch ms)"
    problems = [said for each in addresses if (said := problem(Link("console", each, each), places, boards))]
    assert not problems, "; ".join(problems)
    of_rack = [each for each in addresses if each.startswith(f"{GRAFANA}/d/racktwin-rack?")]
    assert any(f"var-rack={rack}&" in f"{each}&" and "from=" in each for each in of_rack), f"no link to {rack}"
    assert f"{DITTO_UI}/?filter={quote(thing_id(visit.site, 'rack', rack), safe='')}" in addresses, (
        "no link to the twin"
    )


def placement(visit: Visit, _rack: str) -> None:
    """Free places for a new rack, ranked, on the plan."""
    page = visit.page
    visit.open("optimise")
    page.get_by_label("It draws").fill("5")
    page.get_by_role("button", name="Find places").click()
    expect(page.get_by_text("free places fit")).to_be_visible(timeout=60_000)
    spots = page.locator(".plan .spot")
    expect(spots.first).to_be_visible()
    spots.last.click()
    expect(page.locator(".placement tr.chosen")).to_have_count(1)
    visit.look("free places")


def command(visit: Visit, _rack: str) -> None:
    """A wish to a cooling unit gets the guard's answer."""
    page = visit.page
    visit.open("room", "?shape=plan")
    page.get_by_role("button", name=re.compile("^cra[ch]")).first.click()
    page.get_by_role("button", name="Command").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("Fan speed")).fill("101")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_contain_text("fan_speed")
    visit.look("the command dialog")
    visit.problems.clear()
    dialog.get_by_label(re.compile("Fan speed")).fill("")
    dialog.get_by_label(re.compile("Set-point")).fill("49")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_text(re.compile("^refused"))).to_be_visible(timeout=30_000)


def _find(visit: Visit, rack: str, **properties: object) -> None:
    """Say of a rack what the upkeep would have found, as it would."""
    path = f"/api/2/things/{thing_id(visit.site, 'rack', rack)}/features/maintenance"
    body = {"properties": properties}
    visit.ditto.request("PATCH", path, json=body, headers={"Content-Type": _MERGE}).raise_for_status()


def maintenance(visit: Visit, rack: str) -> None:
    """What is degrading: how long it lasts, by what evidence, and when to mend it; the rack's details say it too."""
    page = visit.page
    visit.open("maintenance")
    expect(page.get_by_role("heading", name="What is degrading")).to_be_visible()
    window = {"from": "2030-01-02T03:00:00+00:00", "to": "2030-01-02T05:00:00+00:00"}
    evidence = {"lo": 20.0, "hi": 70.0, "loss": 0.3, "window": window}
    _find(visit, rack, **_DUE, remainingUsefulLife=40.0, evidence=evidence)
    card = page.get_by_role("article").filter(has_text=rack).filter(has_text=_CAUSE).first
    expect(card).to_contain_text("40 h (20 h – 2.9 d)")
    expect(card).to_contain_text(re.compile("Suggested window: .*2030.* – .*2030"))
    card.get_by_text("Evidence").click()
    expect(card.get_by_text("loss", exact=True)).to_be_visible()
    visit.look("a finding")
    card.get_by_role("button", name=rack).click()
    expect(page.get_by_role("region", name=rack)).to_contain_text(_CAUSE)


def alerts(visit: Visit, rack: str) -> None:
    """What fires is acknowledged, and replayed from where it began; it stands on the replay's time line."""
    try:
        _an_alert(visit, rack)
    finally:
        _find(visit, rack, state="none", score=0.0, cause="", remainingUsefulLife=None, evidence={})


def _an_alert(visit: Visit, rack: str) -> None:
    page = visit.page
    visit.open("alerts")
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    expect(page.get_by_role("heading", name="Last 24 hours")).to_be_visible()
    # Again: the upkeep itself may have looked since, and found nothing.
    _find(visit, rack, **_DUE)
    alert = page.get_by_role("listitem").filter(has_text=rack).filter(has_text=_CAUSE)
    # It waits a minute before it fires.
    expect(alert).to_be_visible(timeout=150_000)
    alert.get_by_role("button", name="Acknowledge").click()
    expect(alert.get_by_text("Acknowledged by engineer")).to_be_visible()
    alert.get_by_role("button", name="Replay from here").click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_enabled()
    # Others may have had the same, and this one before.
    told = re.compile(f"^Jump to the alert at .*{re.escape(rack)}.*{re.escape(_CAUSE)}")
    mark = page.get_by_role("button", name=told).last
    expect(mark).to_be_visible()
    mark.press("Enter")
    # It was open then: its sign is there, and the racks with alerts are those of then.
    detail = page.get_by_role("region", name=rack)
    sign = detail.locator("p.alert", has_text=_CAUSE)
    expect(sign).to_be_visible()
    expect(detail.get_by_role("button", name="Acknowledge")).to_have_count(0)
    page.get_by_role("button", name="List", exact=True).click()
    page.get_by_label("Racks", exact=True).select_option("alerts")
    expect(page.get_by_role("row").filter(has_text=rack)).to_be_visible()
    # A step before it was not.
    page.get_by_role("slider", name="Showing").press("ArrowLeft")
    expect(sign).to_have_count(0)
    page.get_by_role("slider", name="Showing").press("ArrowRight")
    expect(sign).to_be_visible()
    page.get_by_label("Racks", exact=True).select_option("all")
    page.get_by_role("button", name="3D", exact=True).click()
    visit.look("a replay")


def audit(visit: Visit, _rack: str) -> None:
    """Who did what: the command and the what-if of before are there."""
    page = visit.page
    visit.open("audit")
    expect(page.get_by_role("heading", name="Who did what")).to_be_visible()
    for event in ("scenario asked", "refused"):
        page.get_by_label("Only with").fill(event)
        expect(page.get_by_role("row").filter(has_text="engineer").filter(has_text=event).first).to_be_visible()


def lost(visit: Visit, _rack: str) -> None:
    """The connection breaks, told of or not: the page says so, and comes back by itself."""
    page = visit.page
    says = page.get_by_role("alert").filter(has_text="Reconnecting")
    visit.open("room", "?shape=plan")
    page.context.set_offline(True)
    try:
        expect(says).to_be_visible()
    finally:
        page.context.set_offline(False)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    with relay(visit.url) as way, visit.at(way.url):
        visit.open("room", "?shape=plan")
        with way.cut():
            expect(says).to_be_visible()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
    visit.problems.clear()


def touch(visit: Visit, rack: str) -> None:
    """On a phone: the plan by finger, the rack's values below it, nothing wider than the screen."""
    page = visit.page
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    try:
        visit.open("room", "?shape=plan")
        page.get_by_role("button", name=re.compile(f"^{rack}:")).click()
        expect(page.get_by_role("region", name=rack)).to_be_visible()
        for view in VIEWS:
            visit.open(view)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{view} is {wide} px too wide for a phone"
    finally:
        if before is not None:
            page.set_viewport_size(before)


JOURNEYS: Final[tuple[Journey, ...]] = (
    room,
    plan,
    dashboards,
    replay,
    whatif,
    optimise,
    accepted,
    refused,
    elsewhere,
    placement,
    command,
    maintenance,
    alerts,
    audit,
    lost,
    touch,
)
VIEWS: Final = ("room", "dashboards", "replay", "whatif", "optimise", "maintenance", "alerts", "audit")
