"""Chromium, driven by Playwright, signed in to a stack's console."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import click
from playwright.sync_api import Page, expect, sync_playwright

from racktwin.ditto_client import DittoClient

_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
# As people's browsers run without a graphics card: WebGL is computed by SwiftShader, the page itself by the processor.
# `--use-angle=swiftshader` would have SwiftShader compose the whole page as well, which costs more than the room does.
_ARGUMENTS: Final = ("--no-sandbox", "--enable-unsafe-swiftshader")


def program() -> str:
    """The browser.

    Raises:
        ClickException: there is none.
    """
    for name in _PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    raise click.ClickException("Chromium is missing: apt-get install chromium")


class Visit:
    """A page of the console, and what went wrong on it."""

    def __init__(self, page: Page, url: str, site: str, ditto: DittoClient, axe: Path) -> None:
        """``ditto``: where a journey writes what a process would have found; ``axe``: the script that looks for what
        keeps people out."""
        self.page, self.url, self.site, self.ditto, self._axe = page, url, site, ditto, axe
        self.problems: list[str] = []
        # Whatever axe found, with where.
        self.violations: list[str] = []
        # Starts another console with the same users, which knows where Grafana and the Ditto UI are; its address.
        self.linked: Callable[[], AbstractContextManager[str]] = lambda: nullcontext(url)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("response", self._response)

    def _response(self, response: Any) -> None:
        # 401 is how the page learns that nobody is signed in yet.
        if response.status >= 400 and not (response.status == 401 and response.url.endswith("/api/v1/session")):
            self.problems.append(f"{response.status} {response.url}")

    def sign_in(self, user: str, password: str) -> None:
        """Sign in, and wait until the first view is there."""
        self.page.goto(self.url)
        self.page.get_by_label("Name").wait_for()
        self.look("the sign-in page")
        self.page.get_by_label("Name").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.get_by_role("navigation").wait_for()

    @contextmanager
    def at(self, url: str) -> Iterator[None]:
        """The same session at another console, for a while."""
        before, self.url = self.url, url
        try:
            yield
        finally:
            self.url = before

    def look(self, what: str) -> None:
        """Let axe look at the page as it stands."""
        self.violations += [f"{what}: {each}" for each in _violations(self.page, self._axe)]

    def says(self) -> str:
        """Where the page stands and what it tells, for whoever asks why something is missing on it."""
        told = self.page.locator("[role=status], [role=alert], .timeline output").all_inner_texts()
        return f"at {self.page.url}, which says: {' | '.join(each for each in told if each) or 'nothing'}"

    def open(self, view: str, rest: str = "") -> None:
        """Go to a view by its address."""
        self.page.goto(f"{self.url}/{view}/{self.site}{rest}")
        self.page.get_by_role("navigation").wait_for()
        self.page.get_by_text("Live", exact=True).or_(self.page.locator(".feed.past")).wait_for()


@contextmanager
def visit(url: str, site: str, ditto: DittoClient, axe: Path) -> Iterator[Visit]:
    """A browser at the console."""
    # A busy machine, and WebGL by software: what comes, comes late.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=list(_ARGUMENTS))
        # A context of its own: a second page shares the session.
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(20_000)
        try:
            yield Visit(page, url, site, ditto, axe)
        finally:
            browser.close()


def _violations(page: Page, axe: Path) -> list[str]:
    """What axe finds on the page, in WCAG 2.1 A and AA."""
    # The page's own policy forbids scripts from elsewhere; this one comes through the browser's debugger.
    page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found["violations"]]
