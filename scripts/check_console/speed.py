"""How fast the page is: first paint, a thousand racks in 3D, the time from a twin's change to the screen."""

from __future__ import annotations

import statistics
import time
from typing import Any, Final

from check_console.browser import Visit
from racktwin.ditto_client import DittoClient
from racktwin.names import thing_id

_THOUSAND: Final = """async () => {
  const scene = window.racktwinScene;
  const racks = [];
  for (let row = 0; row < 20; row++) for (let i = 0; i < 50; i++)
    racks.push({id: `r${row}-${i}`, label: `${i}`, width: 0.6, depth: 1.1, height: 2,
      place: {x: 2 + i * 0.6, y: 2 + row * 2.4, z: 0, yaw: row % 2 ? 1.57 : -1.57}});
  scene.build({width: 34, depth: 52, height: 3.2}, racks, []);
  scene.paint((index, zone) => [(index * 7) % 255, 120, zone * 200], () => [0, 0, 0]);
  return await scene.measure(4000);
}"""
_CHANGES: Final = 25


def first_paint_ms(visit: Visit) -> float:
    """First contentful paint of the signed-in page."""
    visit.open("dashboards")
    entry = visit.page.wait_for_function("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    return float(entry.json_value())


def of_1000_racks(visit: Visit) -> dict[str, Any]:
    """A room of 1,000 racks that turns: frames a second as a person sees them, and what one frame costs the script
    (``js_ms``) and whoever rasters it (``gl_ms``, with every pixel waited for), by which renderer."""
    visit.open("room")
    visit.page.wait_for_function("window.racktwinScene !== undefined && window.racktwinScene.frames.drawn > 0")
    found: dict[str, Any] = visit.page.evaluate(_THOUSAND)
    return found


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
