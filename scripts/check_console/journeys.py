"""What people do in the console: one function a journey. Each fails with what it missed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from playwright.sync_api import expect

from check_console.browser import Visit

Journey = Callable[[Visit, str], None]


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


def replay(visit: Visit, _rack: str) -> None:
    """The past is played, and the clock moves."""
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


def whatif(visit: Visit, _rack: str) -> None:
    """A cooling unit fails: the answer comes, side by side with the baseline, with a report; the question stands in the
    address."""
    page = visit.page
    visit.open("whatif")
    known = page.get_by_role("article").count()
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".changes code").first).to_contain_text("fails true")
    expect(page).to_have_url(re.compile("#changes="))
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
    accept = page.get_by_role("button", name="Accept")
    if accept.is_visible():
        page.get_by_placeholder("Why not (for the audit)").fill("checked by a robot")
        page.get_by_role("button", name="Refuse").click()
        expect(page.get_by_text("The last one was left by engineer")).to_be_visible()
        expect(page.get_by_text("checked by a robot")).to_be_visible()


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
    visit.problems.clear()
    dialog.get_by_label(re.compile("Fan speed")).fill("")
    dialog.get_by_label(re.compile("Set-point")).fill("49")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_text(re.compile("^refused"))).to_be_visible(timeout=30_000)


def maintenance(visit: Visit, _rack: str) -> None:
    """What is degrading, or that nothing is."""
    visit.open("maintenance")
    expect(visit.page.get_by_role("heading", name="What is degrading")).to_be_visible()
    shown = visit.page.get_by_role("article").or_(visit.page.get_by_text(re.compile("Nothing needs|No model looks")))
    expect(shown.first).to_be_visible()


def alerts(visit: Visit, _rack: str) -> None:
    """What fires now and fired before; what fires is acknowledged."""
    page = visit.page
    visit.open("alerts")
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    expect(page.get_by_role("heading", name="Last 24 hours")).to_be_visible()
    expect(page.locator(".alert").first.or_(page.get_by_text("No alerts: everything"))).to_be_visible()
    waiting = page.get_by_role("button", name="Acknowledge")
    if waiting.count() > 0:
        known = waiting.count()
        waiting.first.click()
        expect(page.get_by_text("Acknowledged by engineer").first).to_be_visible()
        expect(waiting).not_to_have_count(known)


def audit(visit: Visit, _rack: str) -> None:
    """Who did what: the command and the what-if of before are there."""
    page = visit.page
    visit.open("audit")
    expect(page.get_by_role("heading", name="Who did what")).to_be_visible()
    for event in ("scenario asked", "refused"):
        page.get_by_label("Only with").fill(event)
        expect(page.get_by_role("row").filter(has_text="engineer").filter(has_text=event).first).to_be_visible()


def lost(visit: Visit, _rack: str) -> None:
    """The connection breaks: the page says so, and comes back by itself."""
    page = visit.page
    visit.open("room", "?shape=plan")
    page.context.set_offline(True)
    page.evaluate("window.racktwinDisconnect()")
    expect(page.get_by_role("alert").filter(has_text="Reconnecting")).to_be_visible()
    visit.problems.clear()
    page.context.set_offline(False)
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
    placement,
    command,
    maintenance,
    alerts,
    audit,
    lost,
    touch,
)
VIEWS: Final = ("room", "dashboards", "replay", "whatif", "optimise", "maintenance", "alerts", "audit")
