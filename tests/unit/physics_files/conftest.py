from __future__ import annotations

import pytest
from tests.unit.physics_files import other_hall

from physics.layout import Layout, from_dict
from physics_files import grid, layout_file, readings
from physics_files.grid import Grid


def grid_of(hall: other_hall.Hall) -> Grid:
    place = layout_of(hall)
    return grid.make(readings.collect(hall.long, place, "history.csv"), place)


def layout_of(hall: other_hall.Hall) -> Layout:
    return from_dict(layout_file.normalise(hall.layout))


@pytest.fixture(scope="session")
def hall() -> other_hall.Hall:
    """Thirty hours of a hall that our simulator did not make."""
    return other_hall.make(hours=30.0, seed=2)


@pytest.fixture(scope="session")
def hall_grid(hall: other_hall.Hall) -> Grid:
    return grid_of(hall)
