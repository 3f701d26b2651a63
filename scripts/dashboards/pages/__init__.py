"""The dashboards, one module each."""

from __future__ import annotations

from typing import Final

from dashboards.frame import Page
from dashboards.pages import cooling, fidelity, maintenance, models, pipeline, rack, room, scenarios, server, site

PAGES: Final[tuple[Page, ...]] = (
    site.PAGE,
    room.PAGE,
    rack.PAGE,
    server.PAGE,
    cooling.PAGE,
    maintenance.PAGE,
    models.PAGE,
    fidelity.PAGE,
    pipeline.PAGE,
    scenarios.PAGE,
)
