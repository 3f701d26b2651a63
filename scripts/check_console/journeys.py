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
    page.get_by_label("Air flows").check()
    page.get_by_label("Names").check()
    expect(page).to_have_url(re.compile("thing="))


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
    shown = page.locator("output")
    before = shown.inner_text()
    play.click()
    page.wait_for_function("text => document.querySelector('output').textContent !== text", arg=before)
    expect(page.get_by_role("status").filter(has_text="Replay")).to_be_visible()


def whatif(visit: Visit, _rack: str) -> None:
    """A cooling unit fails: the answer comes, with a report; the question stands in the address."""
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
    expect(answer.get_by_role("row")).not_to_have_count(0)
    report = answer.get_by_role("link", name="Report").get_attribute("href")
    assert report is not None
    got = page.request.get(visit.url + report)
    assert got.ok, f"report: {got.status}"
    assert "<svg" in got.text(), "the report has no plots"


def optimise(visit: Visit, _rack: str) -> None:
    """What the optimiser says of the room."""
    page = visit.page
    visit.open("optimise")
    expect(page.get_by_text("Why:")).to_be_visible(timeout=60_000)
    expect(page.locator(".card", has_text="Cooling power now")).to_contain_text("kW")


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
    shown = visit.page.get_by_role("table").or_(visit.page.get_by_text("Nothing needs attention."))
    expect(shown.first).to_be_visible()


def alerts(visit: Visit, _rack: str) -> None:
    """What fires now, and the audit of commands."""
    visit.open("alerts")
    expect(visit.page.get_by_role("heading", name="Alerts")).to_be_visible()
    visit.page.get_by_role("button", name="Audit").click()
    expect(visit.page.get_by_role("heading", name="Commands, last 24 hours")).to_be_visible()


JOURNEYS: Final[tuple[Journey, ...]] = (
    room,
    plan,
    dashboards,
    replay,
    whatif,
    optimise,
    command,
    maintenance,
    alerts,
)
VIEWS: Final = ("room", "dashboards", "replay", "whatif", "optimise", "maintenance", "alerts", "audit")
