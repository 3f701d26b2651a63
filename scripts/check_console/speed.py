"""How fast the page is: first paint, a thousand racks in 3D, the time from a twin's change to the screen."""

from __future__ import annotations

import json
import statistics
import time
from typing import Any, Final

from playwright.sync_api import WebSocketRoute

from check_console.browser import Visit
from check_console.thousand import PARTS, ROOM, Thousand
from racktwin.ditto_client import DittoClient
from racktwin.names import thing_id

_MEASURED_MS: Final = 5000
_CHANGES: Final = 25


def first_paint_ms(visit: Visit) -> float:
    """First contentful paint of the signed-in page."""
    visit.open("dashboards")
    entry = visit.page.wait_for_function("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    return float(entry.json_value())


def of_1000_racks(visit: Visit) -> dict[str, Any]:
    """The page with a room of 1,000 racks that all tell new values every second, while the view goes round it.

    ``fps`` and ``frame_p95_ms`` (between two frames) are as a person sees them; ``pixel_ratio`` tells with how many of
    the canvas's pixels in each direction. ``js_ms`` and ``gl_ms`` are what one frame costs the script and whoever
    rasters it, with every pixel waited for; ``renderer`` who that is.
    """
    room = Thousand(visit.site)
    context = visit.page.context
    summary = {"name": visit.site, "display_name": visit.site, "ashrae_class": "A2", "rooms": [ROOM]}
    lines: list[WebSocketRoute] = []

    def follow(line: WebSocketRoute) -> None:
        line.send(json.dumps({"type": "hello", "at": _now_ms(), "state": "live"}))
        lines.append(line)

    with context.new_page() as page:
        page.set_viewport_size(visit.page.viewport_size or {"width": 1440, "height": 900})
        page.route("**/api/v1/sites", lambda route: route.fulfill(json=[summary]))
        page.route(
            f"**/api/v1/sites/{visit.site}/things",
            lambda route: route.fulfill(json={"at": _now_ms(), "feed": "live", "things": room.things(_now_ms())}),
        )
        page.route_web_socket("**/live", follow)
        page.goto(f"{visit.url}/room/{visit.site}")
        page.get_by_text("Live", exact=True).wait_for()
        page.wait_for_function("window.racktwinScene !== undefined && window.racktwinScene.frames.drawn > 0")
        page.evaluate(
            "ms => { window.racktwinScene.measure(ms).then(found => { window.speed = found; }); }", _MEASURED_MS
        )
        sent, began = 0, time.monotonic()
        while (found := page.evaluate("window.speed")) is None:
            if time.monotonic() - began > sent / PARTS:
                lines[-1].send(room.change(sent, _now_ms()))
                sent += 1
            page.wait_for_timeout(40)
        measured: dict[str, Any] = found
        return measured


def _now_ms() -> int:
    return int(time.time() * 1000)


def event_to_pixel_p95_ms(visit: Visit, ditto: DittoClient, rack: str) -> float:
    """From the write of a twin's property until the page has painted it."""
    visit.open("room", "?shape=list")
    page = visit.page
    page.get_by_role("row").filter(has_text=rack).wait_for()
    took = []
    for number in range(_CHANGES):
        wanted = ("recommended", "allowable")[number % 2]
        page.evaluate(
            """([rack, wanted]) => { window.seen = new Promise(done => {
              const look = () => [...document.querySelectorAll('tbody tr')].some(row =>
                row.firstChild.textContent === rack && row.lastChild.textContent === wanted)
                ? requestAnimationFrame(() => done(Date.now())) : requestAnimationFrame(look); look(); }); }""",
            [rack, wanted],
        )
        began = time.time() * 1000
        path = f"/api/2/things/{thing_id(visit.site, 'rack', rack)}/features/indices/properties/ashraeState"
        ditto.request("PUT", path, json=wanted).raise_for_status()
        took.append(float(page.evaluate("window.seen")) - began)
        time.sleep(0.05)
    # The first may find the value there already.
    return statistics.quantiles(took[1:], n=20)[-1]
