"""Places for racks whose inventory has none: rows in pairs that face each other across a cold aisle. Pure.

NetBox and CSV files seldom know where a rack stands in its room, and a Rack must say it. What is placed here is an
assumption, and the plan says so; a place that a rack has already is never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inventory.labels import natural

# Metres: from the wall to the first rack, between two fronts, between two backs.
_MARGIN: Final = 1.2
_COLD_AISLE: Final = 1.2
_HOT_AISLE: Final = 1.0
_DEPTH: Final = 1.2
_WIDTH: Final = 0.6
_ROOM_HEIGHT: Final = 3.0
_CEILING: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A rack as the layout needs it; `position` None where nobody knows it."""

    name: str
    row: str
    width_m: float
    position: Mapping[str, float] | None


def place(racks: Iterable[Standing]) -> dict[str, dict[str, float]]:
    """Places (xM, yM, yawDeg) of those racks of one room that have none, by name.

    A rack of a row that stands already joins its end; other rows come after the last one.
    """
    rows: dict[str, list[Standing]] = {}
    for rack in racks:
        rows.setdefault(rack.row, []).append(rack)
    standing = [rack.position for row in rows.values() for rack in row if rack.position is not None]
    found: dict[str, dict[str, float]] = {}
    next_y = max((position["yM"] + _DEPTH / 2 for position in standing), default=0.0)
    fresh = 0
    for row in sorted(rows, key=natural):
        known = [rack for rack in rows[row] if rack.position is not None]
        new = sorted((rack for rack in rows[row] if rack.position is None), key=lambda rack: natural(rack.name))
        if not new:
            continue
        if known:
            last = max(known, key=lambda rack: rack.position["xM"] if rack.position else 0.0)
            assert last.position is not None
            y, yaw = last.position["yM"], last.position.get("yawDeg", 90.0)
            x = last.position["xM"] + last.width_m / 2
        else:
            # The first row of a pair looks at the second.
            faces_up = fresh % 2 == 0
            gap = _MARGIN if next_y == 0 else (_HOT_AISLE if faces_up else _COLD_AISLE)
            y, yaw, x = next_y + gap + _DEPTH / 2, 90.0 if faces_up else 270.0, _MARGIN
            next_y = y + _DEPTH / 2
            fresh += 1
        for rack in new:
            found[rack.name] = {
                "xM": round(min(x + rack.width_m / 2, _CEILING), 3),
                "yM": round(min(y, _CEILING), 3),
                "yawDeg": yaw,
            }
            x += rack.width_m
    return found


def room_size(positions: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Width, depth and height (m) of a room that these racks fit into, for a room of which nothing is known."""
    places = list(positions)
    width = max((p["xM"] for p in places), default=4.0) + _WIDTH / 2 + _MARGIN
    depth = max((p["yM"] for p in places), default=4.0) + _DEPTH / 2 + _MARGIN
    return {"widthM": round(width, 2), "depthM": round(depth, 2), "heightM": _ROOM_HEIGHT}


def width_of(spec: Mapping[str, Any]) -> float:
    """A rack's outer width in metres."""
    return float(spec.get("outerWidthMm") or _WIDTH * 1000) / 1000
