"""The room's calibrated parameters, as the twin's fidelity keeps them in InfluxDB; the usual ones where there are none.

Next: `start`.
"""

from __future__ import annotations

import json
from typing import Any

from physics import calibration
from physics.layout import Layout
from physics.parameters import Parameters, from_dict
from racktwin.history import Span
from scenarios.history import Past

# Calibrations are rare, and hold until the next.
_BACK_MS = 400 * 86_400_000


def load(past: Past, layout: Layout, site: str, base_ms: int) -> tuple[Parameters, str]:
    """Parameters and what they are, in words: the newest calibration before the base time that fits the room.

    Raises:
        HistoryUnreadable: InfluxDB does not answer.
    """
    span = Span(site, base_ms - _BACK_MS, base_ms, 0)
    newest: tuple[int, str] | None = None
    for row in past.rows([span], layout.room, {"score": ("parameters",)}, None, kinds=("room",)):
        if newest is None or row.at > newest[0]:
            newest = (row.at, row.value)
    if newest is None:
        return Parameters(), "usual parameters, as the room was never calibrated"
    try:
        return read(json.loads(newest[1]), layout)
    except ValueError as error:
        return Parameters(), f"usual parameters, as the stored calibration does not fit: {error}"


def read(document: Any, layout: Layout) -> tuple[Parameters, str]:
    """Parameters from a stored document. Raises ValueError where it is none, or of another room."""
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what was stored is a value, not an argument
    if "format" in document:
        found = calibration.load(document, layout)
        return found.parameters, f"calibrated, version {found.version}, RMSE {found.rmse_k:.2f} K"
    return from_dict(document), "calibrated"
