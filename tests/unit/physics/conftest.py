"""Rooms that the tests of physics share."""

from __future__ import annotations

import numpy as np
import pytest

from physics.layout import Layout, RackPlace, UnitPlace


def room(rows: int = 2, per_row: int = 5, *, units: int = 2, containment: str = "none", spare: float = 1.3) -> Layout:
    """Rows of racks front to front, with units at their ends that carry all heat away ``spare`` times."""
    racks = tuple(
        RackPlace(
            f"r{row}-{at}",
            2.0 + 0.6 * at,
            2.4 + 2.4 * row,
            yaw_deg=90.0 if row % 2 == 0 else 270.0,
            row=f"r{row}",
            power_capacity_w=8000.0 + 1000.0 * (at % 3),
        )
        for row in range(rows)
        for at in range(per_row)
    )
    heat = 0.9 * sum(rack.power_capacity_w for rack in racks)
    width, depth = 4.0 + 0.6 * per_row, 2.4 * rows + 2.4
    cooling = tuple(
        UnitPlace(
            f"u{k}",
            0.6 if k % 2 == 0 else width - 0.6,
            depth * (k // 2 + 0.5) / max(1, (units + 1) // 2),
            capacity_w=spare * heat / units,
            airflow_m3s=spare * heat / units * 0.065 / 1000.0,
            fan_power_w=spare * heat / units * 0.04,
            setpoint_c=19.0,
        )
        for k in range(units)
    )
    return Layout("hall", width, depth, 3.2, racks, cooling, containment)  # type: ignore[arg-type]


@pytest.fixture
def hall() -> Layout:
    """Two rows of five racks, two cooling units."""
    return room()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(1)
