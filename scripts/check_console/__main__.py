"""`python -m check_console`: every journey, accessibility and speed, on a running stack; the last line is JSON."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from check_console import fuzz, links
from check_console.browser import visit
from check_console.figures import figures
from check_console.journeys import JOURNEYS
from check_console.pages import every_page
from check_console.trying import tried
from local_stack import Stack
from local_stack.toolchain.catalogue import CONSOLE_PAGE
from racktwin.ditto_client import DittoClient
from racktwin.names import thing_id
from racktwin.settings import DittoSettings


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


@click.command()
@click.option("--stack", default="demo", show_default=True, help="The local stack whose console is used.")
@click.option("--site", default="berlin", show_default=True)
@click.option(
    "--rack", help="A rack of the site's first room; by default the first of its row that needs no maintenance."
)
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False), help="Folder for a picture of each view.")
def main(stack: str, site: str, rack: str | None, pictures: Path | None) -> None:
    """Use the console as people do."""
    axe = CONSOLE_PAGE.folder / "axe.min.js"
    if not axe.exists():
        raise click.ClickException("no page was built of these sources yet: make demo-stop demo")
    running = Stack(stack)
    places = running.endpoints()
    password = read_password(places, "engineer")
    ditto = DittoClient(DittoSettings(ditto_url=places["ditto_url"], ditto_subject="nginx:operator"))
    rack = rack or _well(ditto, site)
    with visit(places["console_url"], site, ditto, axe) as seen:
        seen.sign_in("engineer", password)
        seen.linked = lambda: links.console(running, links.GRAFANA, links.DITTO_UI)
        passed = sum(tried(seen, journey.__name__, partial(journey, seen, rack)) for journey in JOURNEYS)
        drawn = list(every_page(seen, pictures))
        requests, failures = fuzz.run(places["console_url"], read_password(places, "viewer"))
        for each in failures:
            print(f"fuzz    {each}", file=sys.stderr)
        for each in seen.violations:
            print(f"axe     {each}", file=sys.stderr)
        speed = figures(seen, ditto, rack)
        result = {
            "journeys": len(JOURNEYS),
            "passed": passed,
            "axe_violations": len(seen.violations),
            **speed,
            "pages": len(drawn),
            "pages_wrong": drawn.count(False),
            "fuzzed_requests": requests,
            "fuzz_failures": len(failures),
        }
    print(json.dumps(result))
    if passed < len(JOURNEYS) or seen.violations or failures or not all(drawn) or None in speed.values():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
