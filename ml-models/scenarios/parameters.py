"""The room's calibrated parameters, as the operator found them on the room's twin; the usual ones where there are none.

Pure. Next: `start`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from physics import calibration
from physics.layout import Layout
from physics.parameters import Parameters


def choose(stored: Mapping[str, Any] | None, layout: Layout) -> tuple[Parameters, str]:
    """Parameters and what they are, in words; a calibration of another room, or of other racks, is not used."""
    if stored is None:
        return Parameters(), "usual parameters, as the room was not calibrated yet"
    try:
        found = calibration.load(stored, layout)
    except (ValueError, TypeError) as error:
        return Parameters(), f"usual parameters, as the calibration on the twin does not fit: {error}"
    return found.parameters, f"calibrated, version {found.version}, RMSE {found.rmse_k:.2f} K"
