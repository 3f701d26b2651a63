"""The dashboards, one module each."""

from __future__ import annotations

from typing import Final

from dashboards.frame import Page
from dashboards.pages import cooling, fidelity, maintenance, rack, room, server, site

PAGES: Final[tuple[Page, ...]] = (
    site.PAGE,
    room.PAGE,
    rack.PAGE,
    server.PAGE,
    cooling.PAGE,
    maintenance.PAGE,
    fidelity.PAGE,
)
