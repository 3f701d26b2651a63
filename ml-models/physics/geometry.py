"""What follows from where things stand: ends of rows, neighbours, distances to cooling units. Pure.

Zones are numbered ``0 .. N-1`` for the bottoms and ``N .. 2N-1`` for the tops of the racks. Next:
:mod:`physics.airflow` turns shares into flows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physics.layout import Layout

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Shares of what a zone recirculates that comes straight from an outlet; the rest is room air. From one rack's outlets
# to another's inlets they are symmetric and no row exceeds 1, so no outlet is ever asked for more air than it has.
OWN: Final = 0.45
OWN_OTHER_HEIGHT: Final = 0.10
BESIDE: Final = 0.12
# Two racks of a row stand side by side when no more than this share of a rack's width is between them.
_GAP: Final = 0.6
# Units that a rack feels directly; the others reach it through the plenum.
_NEAREST: Final = 3


@dataclass(frozen=True, slots=True)
class Geometry:
    """Arrays of a room with N racks and M units.

    ``row_end`` (N,) 0, 0.5 or 1; ``farness`` (N,) distance to the nearest unit over its mean, minus 1. ``from_zone``
    and ``share`` (2N, 4): whose outlets a zone's recirculated air comes from: its own rack at this height and at the
    other, and its neighbours' (share 0 where there is none). ``unit`` and ``distance_m`` (N, K): the nearest units.
    """

    racks: int
    units: int
    row_end: Floats
    farness: Floats
    from_zone: Ints
    share: Floats
    unit: Ints
    distance_m: Floats
    volume_m3: float
    floor_m2: float


def geometry(layout: Layout) -> Geometry:
    """The arrays of a room."""
    n, m = len(layout.racks), len(layout.units)
    place = np.array([[rack.x, rack.y] for rack in layout.racks])
    unit_place = np.array([[unit.x, unit.y] for unit in layout.units])
    distance = np.linalg.norm(place[:, None, :] - unit_place[None, :, :], axis=2)
    nearest = distance.min(axis=1)
    beside = _beside(layout)
    row_end = 1.0 - 0.5 * np.array([len(others) for others in beside], dtype=float)
    of, share = _recirculation(n, beside)
    units = np.argsort(distance, axis=1, kind="stable")[:, :_NEAREST]
    return Geometry(
        racks=n,
        units=m,
        row_end=row_end,
        farness=nearest / max(float(nearest.mean()), 0.1) - 1.0,
        from_zone=of,
        share=share,
        unit=units,
        distance_m=np.take_along_axis(distance, units, axis=1),
        volume_m3=layout.width_m * layout.depth_m * layout.height_m,
        floor_m2=layout.width_m * layout.depth_m,
    )


def _beside(layout: Layout) -> list[list[int]]:
    """Of each rack, the racks that touch it at its left and right: same row, same direction, no gap."""
    rows: dict[tuple[str, int], list[tuple[float, float, float, int]]] = {}
    for at, rack in enumerate(layout.racks):
        yaw = np.deg2rad(rack.yaw_deg)
        ahead = rack.x * np.cos(yaw) + rack.y * np.sin(yaw)
        along = -rack.x * np.sin(yaw) + rack.y * np.cos(yaw)
        # Without a name, racks whose fronts are in one line are a row.
        name = rack.row or f"at {round(float(ahead), 1)}"
        rows.setdefault((name, round(rack.yaw_deg) % 360), []).append((float(along), float(ahead), rack.width_m, at))
    beside: list[list[int]] = [[] for _ in layout.racks]
    for members in rows.values():
        members.sort()
        for (along, ahead, width, at), (along_2, ahead_2, width_2, other) in itertools.pairwise(members):
            between = along_2 - along - (width + width_2) / 2.0
            if between <= _GAP * width and abs(ahead_2 - ahead) <= width:
                beside[at].append(other)
                beside[other].append(at)
    return beside


def _recirculation(n: int, beside: list[list[int]]) -> tuple[Ints, Floats]:
    zone = np.arange(2 * n, dtype=np.intp)
    of = np.stack([zone, (zone + n) % (2 * n), zone, zone], axis=1)
    share = np.tile([OWN, OWN_OTHER_HEIGHT, 0.0, 0.0], (2 * n, 1))
    for rack, others in enumerate(beside):
        for column, other in enumerate(others, start=2):
            for level in (0, n):
                of[rack + level, column] = other + level
                share[rack + level, column] = BESIDE
    return of, share
