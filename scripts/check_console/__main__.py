"""`python -m check_console`: every journey, accessibility and speed, on a running stack; the last line is JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from playwright.sync_api import Error

from check_console import speed
from check_console.browser import violations, visit
from check_console.journeys import JOURNEYS, VIEWS
from local_stack import Stack
from local_stack.toolchain.catalogue import CONSOLE_PAGE
from racktwin.ditto_client import DittoClient
from racktwin.settings import DittoSettings


@click.command()
@click.option("--stack", default="demo", show_default=True, help="The local stack whose console is used.")
@click.option("--site", default="berlin", show_default=True)
@click.option("--rack", default="a-r01-03", show_default=True, help="A rack of the site's first room.")
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False), help="Folder for a picture of each view.")
def main(stack: str, site: str, rack: str, pictures: Path | None) -> None:
    """Use the console as people do."""
    places = Stack(stack).endpoints()
    password = Path(places["console_password_files"]["engineer"]).read_text(encoding="utf-8")
    ditto = DittoClient(DittoSettings(ditto_url=places["ditto_url"], ditto_subject="nginx:operator"))
    passed, found = 0, []
    with visit(places["console_url"], site) as seen:
        seen.sign_in("engineer", password)
        for journey in JOURNEYS:
            seen.problems.clear()
            try:
                journey(seen, rack)
                problem = "; ".join(seen.problems)
            except (AssertionError, Error) as error:
                problem = " ".join([*str(error).split("\n")[:4], *seen.problems])
            passed += not problem
            print(f"{'passed' if not problem else 'FAILED':<7} {journey.__name__:<12} {problem}", file=sys.stderr)
        for view in VIEWS:
            seen.open(view)
            seen.page.wait_for_timeout(700)
            if pictures is not None:
                pictures.mkdir(parents=True, exist_ok=True)
                seen.page.screenshot(path=pictures / f"{view}.png")
            found += [f"{view}: {each}" for each in violations(seen.page, CONSOLE_PAGE.folder / "axe.min.js")]
        for each in found:
            print(f"axe     {each}", file=sys.stderr)
        result = {
            "journeys": len(JOURNEYS),
            "passed": passed,
            "axe_violations": len(found),
            "fps_1000_racks": round(speed.fps_of_1000_racks(seen), 1),
            "first_paint_ms": round(speed.first_paint_ms(seen)),
            "ws_event_to_pixel_p95_ms": round(speed.event_to_pixel_p95_ms(seen, ditto, rack)),
        }
    print(json.dumps(result))
    if passed < len(JOURNEYS):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
