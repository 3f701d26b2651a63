"""Every view on every screen: drawn without an error, looked at by axe, and kept as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from check_console.browser import Visit
from check_console.journeys import VIEWS
from check_console.trying import tried

# Theme, width, height: a desk at night, a tablet in the room, a phone.
_SCREENS: Final = (("dark", 1440, 900), ("light", 820, 1180), ("dark", 390, 844))


def every_page(seen: Visit, pictures: Path | None) -> Iterator[bool]:
    """Whether each went well. ``pictures``: the folder for them."""
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
    for theme, width, height in _SCREENS:
        seen.page.set_viewport_size({"width": width, "height": height})
        for view in VIEWS:
            name = f"{view}-{theme}-{width}"
            picture = None if pictures is None else pictures / f"{name}.png"
            yield tried(seen, name, partial(_look, seen, name, view, theme, picture))
    seen.page.set_viewport_size({"width": _SCREENS[0][1], "height": _SCREENS[0][2]})


def _look(seen: Visit, name: str, view: str, theme: str, picture: Path | None) -> None:
    seen.open(view)
    if seen.page.evaluate("localStorage.getItem('racktwin-theme')") != theme:
        seen.page.evaluate("theme => localStorage.setItem('racktwin-theme', theme)", theme)
        seen.open(view)
    seen.page.wait_for_timeout(500)
    if picture is not None:
        seen.page.screenshot(path=picture)
    seen.look(name)
