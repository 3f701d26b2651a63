"""History from simulated plants, for a first model where nothing was recorded yet. Deterministic by seed.

Several plants that differ in their cooling, each with many small rooms: a model that has seen one room has learnt that
room. The model's card says that it was trained on a simulation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.definition import Channel, Definition
from racktwin.simulation import History as Simulated
from racktwin.simulation import Parameters, RackSpec, simulate_history
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

_SOURCES: dict[tuple[str, str], Callable[[Simulated], npt.NDArray[np.float64]]] = {
    ("environment.top", "temperature"): lambda h: h.top_temperature,
    ("environment.bottom", "temperature"): lambda h: h.bottom_temperature,
    ("environment.top", "relativeHumidity"): lambda h: h.top_humidity,
    ("environment.bottom", "relativeHumidity"): lambda h: h.bottom_humidity,
    ("power", "power"): lambda h: h.power,
}


def simulate(
    definition: Definition, seed: int, plants: int = PLANTS, racks: int = RACKS_PER_PLANT, hours: float = HOURS
) -> list[History]:
    """One history per plant: `racks` racks over `hours`.

    Raises:
        HistoryError: the model reads a channel that the simulation does not have.
    """
    return [_plant(definition, seed, number, racks, hours) for number in range(plants)]


def _plant(definition: Definition, seed: int, number: int, racks: int, hours: float) -> History:
    rng = np.random.default_rng([seed, number])
    specs = [_rack(index, float(rng.choice(_CAPACITIES_W))) for index in range(racks)]
    # The first plant is the standard one, which the example site's gateway simulates too.
    parameters = Parameters() if number == 0 else _parameters(rng)
    simulated = simulate_history(
        specs,
        duration_s=hours * 3600,
        # Far from the small seeds that people give a gateway: what is trained on is never what is then served.
        seed=7_000_000 + seed * 1000 + number,
        start_s=_START_S,
        sample_s=float(definition.resolution_s),
        parameters=parameters,
    )
    values = np.stack([_channel(simulated, channel) for channel in definition.channels], axis=2).astype(np.float32)
    return History(
        start_ms=int(_START_S * 1000),
        cell_s=definition.resolution_s,
        things=[f"plant-{number}/{spec.id}" for spec in specs],
        rooms=[f"plant-{number}/{spec.room}" for spec in specs],
        channels=definition.channel_names,
        values=values,
        origin={"kind": "simulated", "plant": number, "seed": seed},
    )


def _parameters(rng: np.random.Generator) -> Parameters:
    """Another plant: set-points, stages and masses within what is usual for air-cooled rooms."""
    return Parameters(
        supply_setpoint=float(rng.uniform(16.0, 21.0)),
        stage=float(rng.uniform(1.6, 3.0)),
        stage_band=float(rng.uniform(0.35, 0.6)),
        supply_time_s=float(rng.uniform(100.0, 200.0)),
        room_time_s=float(rng.uniform(1400.0, 2400.0)),
    )


def _rack(number: int, capacity_w: float) -> RackSpec:
    room, position = divmod(number, _RACKS_PER_ROOM)
    return RackSpec(
        id=f"rack-{number:03d}",
        room=f"room-{room}",
        row=f"row-{room}",
        position=position * _PITCH_M,
        power_capacity_w=capacity_w,
    )


def _channel(simulated: Simulated, channel: Channel) -> npt.NDArray[np.float64]:
    source = _SOURCES.get((channel.feature, channel.property))
    if source is None:
        raise HistoryError(
            f"the simulation has no {channel.feature}/{channel.property}; train on recorded history instead"
        )
    return source(simulated)
