"""History from simulated plants, for a first model where nothing was recorded yet. Deterministic by seed.

Several plants that differ in their racks, each of many small rooms with hidden parameters of their own: a model that
has seen one room has learnt that room. The model's card says that it was trained on a simulation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from models.definition import Channel, Definition
from physics import layout, season
from physics.faults import Fault
from physics.hidden import Nature
from physics.history import History as PlantHistory
from physics.history import record
from physics.laws import dew_point
from physics.plant import Plant
from physics.recording import from_history
from physics.servers import Halves, Servers
from training import expected
from training.expected import Measured
from training.history import History, HistoryError

PLANTS = 8
RACKS_PER_PLANT = 50
HOURS = 36.0
# For a first model at once: a quarter of the simulation's time. Its card says so, and the next training replaces it.
QUICK_PLANTS = 5
QUICK_HOURS = 12.0
# Racks of one room feel the same cooling, so many small rooms teach more than few large ones.
_RACKS_PER_ROOM = 5
_PITCH_M = 0.6
_CAPACITIES_W = (4000.0, 6000.0, 8000.0, 12000.0)
# Any moment does: loads know the time of day alone, and the season of each room is drawn.
START_S = 1_767_225_600.0

# Of the dew point outside, between its mean and midsummer's: with what coils condense, dew points of 0 to 16 °C inside.
SEASON_DEW_K: Final = 10.0

_SOURCES: Final = {
    ("environment.top", "temperature"): "top_temperature",
    ("environment.bottom", "temperature"): "bottom_temperature",
    ("environment.top", "relativeHumidity"): "top_humidity",
    ("environment.bottom", "relativeHumidity"): "bottom_humidity",
    ("power", "power"): "power",
    ("cooling", "airflow"): "airflow",
    ("cooling", "deltaT"): "delta_t",
}
# What ingest derives from a sensor's temperature and humidity.
_DEW_POINTS: Final = {"environment.top": "top", "environment.bottom": "bottom"}
# What a server's own sensors resolve.
_CPU_NOISE_K = 0.3
_CPU_STEP_K = 0.5
_SERVER_POWER_NOISE = 0.005  # relative
_LOAD_NOISE_PERCENT = 0.5
_OF_SERVERS: Final = ("processor", "power", "utilisation")
_MINUTE_S = 60


def channel_values(recorded: PlantHistory, channel: Channel) -> npt.NDArray[np.float64]:
    """One channel of a plant's history, [cells, rooms, racks].

    Raises:
        HistoryError: the simulation does not have it.
    """
    if channel.feature == expected.FEATURE:
        # Filled where a room's twin follows it.
        return np.full_like(recorded["power"], np.nan)
    name = _SOURCES.get((channel.feature, channel.property))
    if name is not None:
        return recorded[name]
    place = _DEW_POINTS.get(channel.feature)
    if place is not None and channel.property == "dewPoint":
        return np.asarray(dew_point(recorded[f"{place}_temperature"], recorded[f"{place}_humidity"]))
    raise HistoryError(f"the simulation has no {channel.feature}/{channel.property}; train on recorded history instead")


@dataclass(frozen=True)
class Simulation:
    """How much to simulate: at least `racks` racks in each plant, over `hours`."""

    plants: int = PLANTS
    hours: float = HOURS
    racks: int = RACKS_PER_PLANT


USUAL = Simulation()


@dataclass(frozen=True)
class Recorded:
    """What one plant's sensors said, and its faults: every model takes its channels from it (:func:`history_of`).

    `servers`: of one in the upper half of each rack (:mod:`physics.servers`) what it does, [cells, rooms, racks] by the
    names of its fields; None where nobody asked for servers.
    """

    number: int
    seed: int
    cell_s: int
    place: layout.Layout
    readings: PlantHistory
    faults: list[Fault]
    servers: dict[str, npt.NDArray[np.float64]] | None = None


def simulate(definition: Definition, seed: int, much: Simulation = USUAL) -> list[History]:
    """One history per plant.

    Raises:
        HistoryError: the model reads a channel that the simulation does not have.
    """
    servers, cell_s = definition.kinds == ["server"], definition.resolution_s
    return [history_of(run(seed, n, much, cell_s, servers=servers), definition) for n in range(much.plants)]


def run(seed: int, number: int, much: Simulation, cell_s: int, *, servers: bool) -> Recorded:
    """Run one plant and record it, in cells of so many seconds."""
    rng = np.random.default_rng([seed, number])
    rooms = -(-much.racks // _RACKS_PER_ROOM)
    place = layout.assumed(
        f"plant-{number}",
        [(f"rack-{k}", "row", k * _PITCH_M, float(rng.choice(_CAPACITIES_W))) for k in range(_RACKS_PER_ROOM)],
    )
    # Far from the small seeds that people give a gateway: what is trained on is never what is then served.
    seeds = [7_000_000 + seed * 100_000 + number * 1000 + room for room in range(rooms)]
    nature, faults = _nature(rng, number), _faults(rng, place, much.hours)
    # Air and loads of the plants are the same all year round (`physics.season`), so this is for dew points alone.
    days = season.days(rooms, np.random.default_rng([seed, number, 23]))
    nature = replace(nature, season_dew_k=SEASON_DEW_K, season_ahead_days=days)
    plant = Plant(place, seeds, start_s=START_S, nature=nature, faults=faults)
    lots = np.random.default_rng([seed, number, 22]) if servers else None
    readings, found = watch(plant, much.hours, cell_s, lots)
    return Recorded(number, seed, cell_s, place, readings, faults, found)


def watch(
    plant: Plant, hours: float, cell_s: int, servers: np.random.Generator | None
) -> tuple[PlantHistory, dict[str, npt.NDArray[np.float64]] | None]:
    """What a plant's sensors say, in cells of so many seconds, and, given their lots, what the first server
    of each rack does (:class:`Recorded`)."""
    seen: list[Servers] = []
    capacity_w = np.array([rack.power_capacity_w for rack in plant.layout.racks])
    halves = None if servers is None else Halves(capacity_w, plant.hidden, servers)

    def look(now: Plant, since_s: float) -> None:
        if halves is not None and since_s:
            seen.append(halves.step(now.time_s, float(cell_s), now.truth()))

    readings = record(plant, hours * 3600, float(cell_s), each=look)
    # `look` comes before each sample, so it lacks the last.
    look(plant, hours * 3600)
    if halves is None:
        return readings, None
    return readings, {name: np.stack([getattr(now, name)[:, :, 0] for now in seen]) for name in _OF_SERVERS}


def history_of(recorded: Recorded, definition: Definition) -> History:
    """A model's channels of a plant's recording.

    Raises:
        HistoryError: the model reads a channel that the simulation does not have.
    """
    if definition.kinds == ["server"]:
        values = _servers(definition, recorded)
    else:
        values = np.stack([channel_values(recorded.readings, channel) for channel in definition.channels], axis=3)
    cells, rooms, racks, channels = values.shape
    number = recorded.number
    rooms_named = [f"plant-{number}/room-{room}" for room in range(rooms)]
    follows = bool(expected.columns(definition))
    return History(
        start_ms=int(START_S * 1000),
        cell_s=recorded.cell_s,
        things=[f"plant-{number}/room-{room}/{rack}" for room in range(rooms) for rack in recorded.place.rack_ids],
        rooms=[f"plant-{number}/room-{room}" for room in range(rooms) for _ in recorded.place.racks],
        channels=definition.channel_names,
        values=values.astype(np.float32).reshape(cells, rooms * racks, channels),
        origin={"kind": "simulated", "plant": number, "seed": recorded.seed},
        measured=rooms_of(recorded.readings, recorded.place, recorded.cell_s, rooms_named) if follows else {},
    )


def rooms_of(recorded: PlantHistory, place: layout.Layout, cell_s: int, names: list[str]) -> dict[str, Measured]:
    """What a twin is told of each of a plant's rooms, a moment a minute; things are counted room by room."""
    minute = slice(_MINUTE_S // cell_s - 1, None, _MINUTE_S // cell_s)
    thinned = PlantHistory(recorded.time_s[minute], {name: values[minute] for name, values in recorded.columns.items()})
    racks = len(place.racks)
    return {
        name: Measured(place, from_history(thinned, room), list(range(room * racks, (room + 1) * racks)))
        for room, name in enumerate(names)
    }


def _nature(rng: np.random.Generator, number: int) -> Nature:
    """How a plant's cooling and sensors behave; the first is the usual one. Intervals that were only ever set on one
    kind of plant are too narrow on the next."""
    drawn = rng.uniform(size=4)
    if number == 0:
        return Nature()
    return Nature(
        hunting=0.1 + 0.6 * drawn[0],
        supply_drift=0.15 + 0.45 * drawn[1],
        temperature_noise=0.02 + 0.06 * drawn[2],
        recirculation_drift=0.03 + 0.09 * drawn[3],
    )


def _faults(rng: np.random.Generator, place: layout.Layout, hours: float) -> list[Fault]:
    """Some things go wrong in every plant: a rack's fan, a cooling unit for an hour, in the course of days."""
    found = []
    for begin_h in np.arange(6.0, hours - 2.0, 12.0):
        start = START_S + 3600.0 * (float(begin_h) + float(rng.uniform(0.0, 6.0)))
        if rng.random() < 0.5:
            rack = place.rack_ids[int(rng.integers(len(place.racks)))]
            found.append(Fault("rack-fan-degrades", rack, float(rng.uniform(0.2, 0.5)), start, start + 7200.0, 900.0))
        else:
            unit = place.unit_ids[int(rng.integers(len(place.units)))]
            size = float(rng.uniform(0.1, 0.4))
            found.append(Fault("unit-fan-degrades", unit, size, start, start + 5400.0, 1800.0))
    return found


def _servers(definition: Definition, recorded: Recorded) -> npt.NDArray[np.float64]:
    """Channels of one server in the upper half of each rack, [cells, rooms, racks, channels]."""
    if recorded.servers is None:
        raise HistoryError("the plants were recorded without their servers")
    rng = np.random.default_rng([recorded.seed, recorded.number, 21])
    processor, power, load = (recorded.servers[name] for name in _OF_SERVERS)

    def noise() -> npt.NDArray[np.float64]:
        return rng.standard_normal(power.shape)

    percent = np.asarray(np.clip(100.0 * load + _LOAD_NOISE_PERCENT * noise(), 0.0, 100.0))
    made: dict[tuple[str, str], npt.NDArray[np.float64]] = {
        ("thermal", "cpuTemperature"): np.round((processor + _CPU_NOISE_K * noise()) / _CPU_STEP_K) * _CPU_STEP_K,
        ("thermal", "inletTemperature"): recorded.readings["top_temperature"],
        ("cpu", "utilization"): percent.round(1),
        ("power", "power"): np.round(power * (1.0 + _SERVER_POWER_NOISE * noise())),
    }
    missing = [c for c in definition.channels if (c.feature, c.property) not in made]
    if missing:
        raise HistoryError(f"the simulation has no {missing[0].feature}/{missing[0].property} of servers")
    return np.stack([made[(c.feature, c.property)] for c in definition.channels], axis=3)
