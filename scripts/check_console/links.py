"""The console's links to Grafana and to the Ditto UI, and links of others to the console, in a browser.

A console of its own beside the stack's, which knows neither: the same page, users and twins at another address, for as
long as it is looked at.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import requests
from playwright.sync_api import Error, Page, expect

from check_console.browser import Visit
from local_stack import Stack
from local_stack.instance import LOOPBACK
from racktwin.ports import free_ports

# Addresses for a console whose links nobody follows.
GRAFANA: Final = "https://grafana.invalid"
DITTO_UI: Final = "https://ditto-ui.invalid/ui"
_READY_S: Final = 60.0


class NoConsoleError(Exception):
    """A second console does not start; the text says where its log is."""


@contextmanager
def console(stack: Stack, grafana: str, ditto_ui: str) -> Iterator[str]:
    """The address of a console that knows where Grafana and the Ditto UI are.

    Raises:
        NoConsoleError: it does not answer in time.
    """
    port, health = free_ports(2)
    log = stack.instance.logs / "console-links.log"
    environment = {
        **os.environ,
        **stack.env_for("console"),
        "RACKTWIN_CONSOLE_PORT": str(port),
        "RACKTWIN_HEALTH_PORT": str(health),
        "RACKTWIN_CONSOLE_GRAFANA_URL": grafana,
        "RACKTWIN_CONSOLE_DITTO_UI_URL": ditto_ui,
    }
    with log.open("wb") as output:
        # It ends with this process, however that ends.
        command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "console"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            _await(process, f"http://{LOOPBACK}:{health}/readyz", str(log))
            yield f"http://{LOOPBACK}:{port}"
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(process: subprocess.Popen[bytes], url: str, log: str) -> None:
    until = time.monotonic() + _READY_S
    with requests.Session() as session:
        session.trust_env = False
        while time.monotonic() < until and process.poll() is None:
            try:
                if session.get(url, timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.3)
    raise NoConsoleError(f"a console with links does not start; see {log}")


def shown(visit: Visit, things: dict[str, str]) -> list[str]:
    """Addresses that it leads to: from its dashboards' view, and from the details of things (id -> name)."""
    page = visit.page
    found = []
    for thing, name in things.items():
        visit.open("dashboards", f"?thing={thing}")
        expect(page.locator(".links a").first).to_be_visible()
        found += _addresses(page, "main .links a, .links a")
        visit.open("room", f"?shape=plan&thing={thing}")
        region = page.get_by_role("region", name=name)
        expect(region.locator(".links a")).to_have_count(2)
        found += [str(each.get_attribute("href")) for each in region.locator(".links a").all()]
    return list(dict.fromkeys(found))


def of_moment(visit: Visit, thing: str, name: str, moment: int) -> tuple[int, int]:
    """From when until when (epoch ms) the link to Grafana leads beside a thing's details, in a replay of a moment."""
    visit.open("replay", f"?at={moment}&thing={thing}")
    link = visit.page.get_by_role("region", name=name).locator(".links a").first
    expect(link).to_have_attribute("href", re.compile("[?&]from="))
    asked = dict(parse_qsl(urlsplit(str(link.get_attribute("href"))).query))
    return int(asked["from"]), int(asked["to"])


def _addresses(page: Page, places: str) -> list[str]:
    return [str(each.get_attribute("href")) for each in page.locator(places).all()]


def unopened(visit: Visit, address: str) -> str:
    """Why the console does not open an address of its own as it stands; empty where it does.

    What it understands stays in the address, all else vanishes from it.
    """
    page = visit.page
    asked = urlsplit(address)
    view = "/".join([part for part in asked.path.split("/") if part][:2])
    thing = dict(parse_qsl(asked.query)).get("thing")
    try:
        page.goto(address)
        page.get_by_text("Live", exact=True).or_(page.locator(".feed.past")).wait_for()
        expect(page).to_have_url(re.compile(f"^[^?]*/{re.escape(view)}([/?#]|$)"))
        if thing:
            name = thing.split(":", 1)[-1].split("-", 1)[-1]
            expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()
    except (AssertionError, Error) as error:
        return f"the console does not open {address}: {' '.join(str(error).splitlines()[:2])}"
    kept = dict(parse_qsl(urlsplit(page.url).query))
    lost = [f"{name}={value}" for name, value in parse_qsl(asked.query) if kept.get(name) != value]
    return f"the console does not keep {', '.join(lost)}" if lost else ""
