"""Opens every page of a running Grafana in Chromium, and keeps a picture of each.

The window is as tall as the page, since Grafana draws only what is in sight, and a page is read when it asks for
nothing any more. What was seen is judged by `drawn`.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from playwright.sync_api import Error, Page, TimeoutError, sync_playwright

from check_console.browser import program
from dashboards.grafana import drawn
from dashboards.grafana.screen import Answer
from dashboards.grafana.server import Grafana, GrafanaError
from dashboards.pages import PAGES

_WIDTH: Final = 1600
_DEADLINE_MS: Final = 120_000
# Variables ask before panels do, and panels begin to be drawn when their answers are there: for so long nothing must
# have moved.
_CALM_MS: Final = 1500
# Counts what the page has asked for and not got yet.
_COUNT: Final = """(() => {
  const plain = window.fetch;
  window.racktwinAsked = 0;
  window.fetch = (...given) => {
    window.racktwinAsked += 1;
    return plain.apply(window, given).finally(() => { window.racktwinAsked -= 1; });
  };
})()"""
_READ: Final = """() => {
  const place = (item) => {
    const box = item.getBoundingClientRect();
    return [Math.round(box.top), Math.round(box.left)];
  };
  const items = [...document.querySelectorAll('.react-grid-item[data-panelid]')].map((item) => [place(item), item]);
  items.sort(([one], [other]) => one[0] - other[0] || one[1] - other[1]);
  return items.map(([, item]) => {
    const panel = item.querySelector('[data-testid^="data-testid Panel header"]');
    const sign = item.querySelector('[aria-label="Panel status"]');
    const alert = item.querySelector('[role="alert"], [data-testid^="data-testid Alert"]');
    const shown = panel ? panel.lastElementChild : null;
    const heading = item.querySelector('h6');
    return {
      title: heading ? heading.innerText : panel ? '' : item.innerText.trim(),
      text: shown ? shown.innerText : '',
      shapes: shown ? shown.querySelectorAll('canvas, svg, img, [role="row"]').length : 0,
      error: alert ? alert.innerText : sign ? 'the sign beside its title' : '',
      loading: !!item.querySelector('[aria-label="Panel loading bar"]'),
    };
  });
}"""
_CALM: Final = f"""(wanted) => {{
  const seen = ({_READ})();
  const state = JSON.stringify(seen);
  const settled = seen.length >= wanted && !window.racktwinAsked && !seen.some((each) => each.loading);
  if (!settled || state !== window.racktwinState) {{
    window.racktwinState = state;
    window.racktwinSince = performance.now();
  }}
  return settled && performance.now() - window.racktwinSince > {_CALM_MS};
}}"""


def address(url: str, board: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """A page without bars around it, with its variables' values."""
    every = {each["name"] for each in board["templating"]["list"] if each.get("includeAll")}
    chosen = {f"var-{name}": "$__all" if name in every else value for name, value in values.items()}
    # A page that asks again while it is read is never calm.
    return f"{url}/d/{board['uid']}?kiosk&{urlencode({'orgId': 1, 'refresh': '1d', **chosen})}"


def look(
    grafana: Grafana,
    boards: Mapping[str, Mapping[str, Any]],
    chosen: Mapping[str, Mapping[str, str]],
    answers: Sequence[Answer],
    *,
    pictures: Path,
    say: Callable[[str], None],
) -> dict[str, int]:
    """How many pages and panels are drawn, and how many panels are not; each of those is said.

    Args:
        boards: dashboards by uid, as Grafana's API gives them.
        chosen: values of each one's variables.
        answers: what their queries gave.
        pictures: a folder for what was seen.

    Raises:
        GrafanaError: it lets nobody in, or the browser fails.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    pages = panels = undrawn = 0
    try:
        with _opened(grafana) as page:
            for uid in (page_.uid for page_ in PAGES if page_.uid in boards):
                board = boards[uid]["dashboard"]
                rows = Counter[str]()
                for each in answers:
                    if each.page == board["title"]:
                        rows[each.panel] += each.rows
                seen = _seen(page, address(grafana.url, board, chosen[uid]), board)
                page.screenshot(path=pictures / f"{uid}.png")
                wrong = list(drawn.problems(board, seen, rows))
                for title, why in wrong:
                    say(f"page: {board['title']}: {title or 'the page'}: {why}")
                pages += 1
                panels += sum(1 for each in drawn.of_board(board) if each.kind != "row")
                undrawn += len(wrong)
    except Error as error:
        raise GrafanaError(f"Chromium at Grafana's pages: {' '.join(str(error).splitlines()[:2])}") from error
    say(f"pictures of the pages: {pictures}")
    return {"pages_drawn": pages, "panels_drawn": max(0, panels - undrawn), "panels_not_drawn": undrawn}


@contextlib.contextmanager
def _opened(grafana: Grafana) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        try:
            # Its certificate is of an authority that the stack made for itself.
            context = browser.new_context(ignore_https_errors=True, viewport={"width": _WIDTH, "height": 1000})
            user, password = grafana.credentials
            answer = context.request.post(f"{grafana.url}/login", data={"user": user, "password": password})
            if not answer.ok:
                raise GrafanaError(f"signing in: {answer.status} {answer.text()[:200]}")
            page = context.new_page()
            page.set_default_timeout(_DEADLINE_MS)
            page.add_init_script(_COUNT)
            yield page
        finally:
            browser.close()


def _seen(page: Page, url: str, board: Mapping[str, Any]) -> list[drawn.Seen]:
    """Its panels once they are all there, or as they are when that takes too long."""
    page.set_viewport_size({"width": _WIDTH, "height": drawn.height(board)})
    page.goto(url)
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(_CALM, arg=len(board["panels"]), polling=250)
    return [drawn.Seen(**each) for each in page.evaluate(_READ)]
