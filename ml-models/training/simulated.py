"""History from simulated plants, for a first model where nothing was recorded yet. Deterministic by seed.

Several plants that differ in their racks, each of many small rooms with hidden parameters of their own: a model that
has seen one room has learnt that room. The model's card says that it was trained on a simulation.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.definition import Definition
from physics import layout
from physics.history import record
from physics.plant import Plant
from training.history import History, HistoryError

PLANTS = 4
RACKS_PER_PLANT = 100
HOURS = 36.0
# Racks of one room feel the same cooling, so many small rooms teach more than few large ones.
_RACKS_PER_ROOM = 5
_PITCH_M = 0.6
_CAPACITIES_W = (4000.0, 6000.0, 8000.0, 12000.0)
# Any moment does: the plants know the time of day, not the calendar.
_START_S = 1_767_225_600.0

_SOURCES: Final = {
    ("environment.top", "temperature"): "top_temperature",
    ("environment.bottom", "temperature"): "bottom_temperature",
    ("environment.top", "relativeHumidity"): "top_humidity",
    ("environment.bottom", "relativeHumidity"): "bottom_humidity",
    ("power", "power"): "power",
    ("cooling", "airflow"): "airflow",
    ("cooling", "deltaT"): "delta_t",
}


def simulate(
    definition: Definition, seed: int, plants: int = PLANTS, racks: int = RACKS_PER_PLANT, hours: float = HOURS
) -> list[History]:
    """One history per plant: at least `racks` racks over `hours`.

    Raises:
        HistoryError: the model reads a channel that the simulation does not have.
    """
    return [_plant(definition, seed, number, racks, hours) for number in range(plants)]


def _plant(definition: Definition, seed: int, number: int, racks: int, hours: float) -> History:
    columns = []
    for channel in definition.channels:
        name = _SOURCES.get((channel.feature, channel.property))
        if name is None:
            raise HistoryError(
                f"the simulation has no {channel.feature}/{channel.property}; train on recorded history instead"
            )
        columns.append(name)
    rng = np.random.default_rng([seed, number])
    rooms = -(-racks // _RACKS_PER_ROOM)
    place = layout.assumed(
        f"plant-{number}",
        [(f"rack-{k}", "row", k * _PITCH_M, float(rng.choice(_CAPACITIES_W))) for k in range(_RACKS_PER_ROOM)],
    )
    # Far from the small seeds that people give a gateway: what is trained on is never what is then served.
    seeds = [7_000_000 + seed * 100_000 + number * 1000 + room for room in range(rooms)]
    recorded = record(Plant(place, seeds, start_s=_START_S), hours * 3600, float(definition.resolution_s))
    values = np.stack([recorded[name] for name in columns], axis=3).astype(np.float32)
    cells = values.shape[0]
    return History(
        start_ms=int(_START_S * 1000),
        cell_s=definition.resolution_s,
        things=[f"plant-{number}/room-{room}/{rack}" for room in range(rooms) for rack in place.rack_ids],
        rooms=[f"plant-{number}/room-{room}" for room in range(rooms) for _ in place.racks],
        channels=definition.channel_names,
        values=values.reshape(cells, rooms * len(place.racks), len(columns)),
        origin={"kind": "simulated", "plant": number, "seed": seed},
    )
