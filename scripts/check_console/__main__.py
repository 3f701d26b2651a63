"""`python -m check_console`: every journey, accessibility and speed, on a running stack; the last line is JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Error

from check_console import fuzz, links, speed
from check_console.browser import visit
from check_console.journeys import JOURNEYS, VIEWS
from local_stack import Stack
from local_stack.toolchain.catalogue import CONSOLE_PAGE
from racktwin.ditto_client import DittoClient
from racktwin.names import thing_id
from racktwin.settings import DittoSettings

# Theme, width, height: a desk at night, a tablet in the room, a phone.
SCREENS = (("dark", 1440, 900), ("light", 820, 1180), ("dark", 390, 844))


def read_password(places: dict[str, Any], role: str) -> str:
    """The generated password of the user who is called as its role."""
    return Path(places["console_password_files"][role]).read_text(encoding="utf-8")


def _well(ditto: DittoClient, site: str) -> str:
    """The alert of a check of just now is over after a while only: another rack, then."""
    for name in (f"a-r01-{at:02d}" for at in range(3, 11)):
        features = (ditto.get_thing(thing_id(site, "rack", name)) or {}).get("features") or {}
        open_now = ((features.get("alerts") or {}).get("properties") or {}).get("open") or {}
        if features and "maintenance-due" not in open_now:
            return name
    raise click.ClickException("every rack of row a-r01 is due for maintenance: wait a while, or give --rack")


def _missed(error: Exception) -> str:
    """What was expected of what, without the picture of the whole page that comes with it."""
    told = str(error).split("Aria snapshot:")[0]
    return " ".join(line.strip() for line in told.splitlines() if line.strip() and line.strip() != "Call log:")


@click.command()
@click.option("--stack", default="demo", show_default=True, help="The local stack whose console is used.")
@click.option("--site", default="berlin", show_default=True)
@click.option(
    "--rack", help="A rack of the site's first room; by default the first of its row that needs no maintenance."
)
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False), help="Folder for a picture of each view.")
def main(stack: str, site: str, rack: str | None, pictures: Path | None) -> None:
    """Use the console as people do."""
    running = Stack(stack)
    places = running.endpoints()
    password = read_password(places, "engineer")
    ditto = DittoClient(DittoSettings(ditto_url=places["ditto_url"], ditto_subject="nginx:operator"))
    rack, passed = rack or _well(ditto, site), 0
    with visit(places["console_url"], site, ditto, CONSOLE_PAGE.folder / "axe.min.js") as seen:
        seen.sign_in("engineer", password)
        seen.linked = lambda: links.console(running, links.GRAFANA, links.DITTO_UI)
        for journey in JOURNEYS:
            seen.problems.clear()
            try:
                journey(seen, rack)
                problem = "; ".join(seen.problems)
            except (AssertionError, Error) as error:
                problem = "; ".join([_missed(error), seen.says(), *seen.problems])
            passed += not problem
            print(f"{'passed' if not problem else 'FAILED':<7} {journey.__name__:<12} {problem}", file=sys.stderr)
        for theme, width, height in SCREENS:
            seen.page.set_viewport_size({"width": width, "height": height})
            seen.page.evaluate("theme => localStorage.setItem('racktwin-theme', theme)", theme)
            for view in VIEWS:
                seen.open(view)
                seen.page.wait_for_timeout(500)
                if pictures is not None:
                    pictures.mkdir(parents=True, exist_ok=True)
                    seen.page.screenshot(path=pictures / f"{view}-{theme}-{width}.png")
                seen.look(f"{view}, {theme}, {width} px")
        seen.page.set_viewport_size({"width": SCREENS[0][1], "height": SCREENS[0][2]})
        requests, failures = fuzz.run(places["console_url"], read_password(places, "viewer"))
        for each in failures:
            print(f"fuzz    {each}", file=sys.stderr)
        found = seen.violations
        for each in found:
            print(f"axe     {each}", file=sys.stderr)
        thousand = speed.of_1000_racks(seen)
        result = {
            "journeys": len(JOURNEYS),
            "passed": passed,
            "axe_violations": len(found),
            "fps_1000_racks": round(thousand["fps"], 1),
            "first_paint_ms": round(speed.first_paint_ms(seen)),
            "ws_event_to_pixel_p95_ms": round(speed.event_to_pixel_p95_ms(seen, ditto, rack)),
            "frame_p95_ms_1000_racks": round(thousand["frame_p95_ms"], 1),
            "js_ms_per_frame_1000_racks": round(thousand["js_ms"], 2),
            "gl_ms_per_frame_1000_racks": round(thousand["gl_ms"], 1),
            "canvas": f"{thousand['width']}x{thousand['height']}",
            "pixel_ratio_while_moving": thousand["pixel_ratio"],
            "renderer": "software" if "SwiftShader" in thousand["renderer"] else thousand["renderer"],
            "fuzzed_requests": requests,
            "fuzz_failures": len(failures),
        }
    print(json.dumps(result))
    if passed < len(JOURNEYS) or found or failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
