"""History from simulated plants that break, with what was broken when: for models that detect. Deterministic by seed.

Each plant is many rooms of one layout, each at another time of year; in the course of it racks get faults, one after
another, each with rest before it. Labels say what a window should be found to be; the first minutes of a fault and the
time after it, when nobody could say, belong to neither. Next: `training.detecting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.definition import Definition
from physics import layout, season
from physics.faults import Fault, Kind
from physics.hidden import Nature
from physics.history import History as PlantHistory
from physics.history import record
from physics.plant import Plant
from training.history import History
from training.simulated import SEASON_DEW_K, START_S, Recorded, history_of

NORMAL, UNCERTAIN = "", "?"
# What a fault of the plant is found to be.
FOUND_AS: Final[dict[Kind, str]] = {
    "blanking-missing": "inlet-hot",
    "rack-fan-degrades": "broken",
    "sensor-sticks": "stuck",
    "sensor-drifts": "drift",
}
# Least and most of each fault's magnitude; a smaller one is within what rooms do by themselves.
_MAGNITUDES: Final[dict[Kind, tuple[float, float]]] = {
    "blanking-missing": (0.15, 0.5),
    "rack-fan-degrades": (0.25, 0.6),
    "sensor-sticks": (1.0, 1.0),
    "sensor-drifts": (0.6, 2.0),
}
_RACKS_PER_ROOM: Final = 12
_PITCH_M: Final = 0.6
_CAPACITIES_W: Final = (4000.0, 6000.0, 8000.0, 12000.0)
_LEAST_S, _MOST_S, _REST_S = 3600.0, 10_800.0, 5400.0
_SETTLED_S: Final = 1200.0
# How rooms are kept. A rack knows its own air alone, so with set-points further apart a hot inlet cannot be told from a
# warm room: 16 to 25 °C left two fifths of hot inlets found, this range leaves four fifths.
_SETPOINTS_C: Final = (18.0, 21.0)
_FANS: Final = (65.0, 100.0)
_HUNTING_K: Final = (0.0, 0.6)
_DRIFT_K: Final = (0.05, 0.6)
_NOISE_K: Final = (0.03, 0.07)
# Sound sensors of relative humidity are good to 2 % at worst (three standard deviations), so their dew points differ.
_HUMIDITY_OFFSET: Final = 0.7
_WARM_UP_S: Final = 3600.0


@dataclass(frozen=True)
class Labelled:
    """A history, and for each cell and thing what is wrong there: [cells, things] of names in `FOUND_AS`, `NORMAL` or
    `UNCERTAIN`."""

    history: History
    labels: npt.NDArray[np.str_]


def simulate(
    definition: Definition, seed: int, kinds: tuple[Kind, ...], *, plants: int = 4, rooms: int = 12, hours: float = 24.0
) -> list[Labelled]:
    """One labelled history per plant, with faults of these kinds."""
    cell_s = definition.resolution_s
    return [
        labelled(run(seed, number, kinds, rooms=rooms, hours=hours, cell_s=cell_s), definition, kinds)
        for number in range(plants)
    ]


def schedule(rng: np.random.Generator, racks: list[str], kinds: tuple[Kind, ...], hours: float) -> list[Fault]:
    """Faults that follow one another on each rack, with rest between them. Half of the racks never break."""
    faults: list[Fault] = []
    turn = rng.permutation(len(kinds))
    for rack in racks[: max(1, len(racks) // 2)]:
        at = START_S + _REST_S + float(rng.uniform(0.0, _MOST_S))
        while at + _LEAST_S < START_S + hours * 3600.0:
            # In turn, so that a short history lacks none.
            kind = kinds[turn[len(faults) % len(kinds)]]
            end = at + float(rng.uniform(_LEAST_S, _MOST_S))
            sensor = "top" if rng.random() < 0.5 else "bottom"
            magnitude = float(rng.uniform(*_MAGNITUDES[kind]))
            faults.append(Fault(kind, rack, magnitude, at, end, ramp_s=float(rng.uniform(0.0, 600.0)), sensor=sensor))
            at = end + _REST_S + float(rng.uniform(0.0, _MOST_S))
    return faults


def run(seed: int, number: int, kinds: tuple[Kind, ...], *, rooms: int, hours: float, cell_s: int) -> Recorded:
    """Run one plant with faults of these kinds and record it, in cells of so many seconds."""
    rng = np.random.default_rng([seed, number, 77])
    place = layout.assumed(
        f"plant-{number}",
        [
            (f"rack-{k}", f"row-{k % 2}", (k // 2) * _PITCH_M, float(rng.choice(_CAPACITIES_W)))
            for k in range(_RACKS_PER_ROOM)
        ],
    )
    faults = schedule(rng, place.rack_ids, kinds, hours)
    seeds = [9_000_000 + seed * 100_000 + number * 1000 + room for room in range(rooms)]
    # Rooms differ in how still their air is and sensors in their noise: where all are alike, a quiet one looks stuck.
    nature = Nature(
        hunting=rng.uniform(*_HUNTING_K, (rooms, 1)),
        supply_drift=rng.uniform(*_DRIFT_K, (rooms, 1)),
        temperature_noise=float(rng.uniform(*_NOISE_K)),
        humidity_offset=_HUMIDITY_OFFSET,
        season_dew_k=SEASON_DEW_K,
        season_ahead_days=season.days(rooms, np.random.default_rng([seed, number, 78])),
    )
    plant = Plant(place, seeds, start_s=START_S - _WARM_UP_S, nature=nature, faults=faults)
    for room in range(rooms):
        # How warm a room is kept, and with how much air, is its owner's choice and no fault.
        setpoint, fan = rng.uniform(*_SETPOINTS_C), rng.uniform(*_FANS)
        for unit in place.unit_ids:
            plant.set_control(unit, setpoint=float(setpoint), fan=float(fan), room=room)
    plant.step(_WARM_UP_S)
    readings = record(plant, hours * 3600.0, float(cell_s))
    return Recorded(number, seed, cell_s, place, readings, faults)


def labelled(recorded: Recorded, definition: Definition, kinds: tuple[Kind, ...]) -> Labelled:
    """A detector's channels of a recording, and what it should find. Windows of racks with a fault that is not one of
    its `kinds` are neither normal nor its own to find, nor are those of a room whose cooling unit has one."""
    one = _labels(recorded.readings, recorded.place.rack_ids, recorded.faults, kinds)
    history = history_of(recorded, definition)
    return Labelled(history, np.tile(one, (1, len(history.things) // len(recorded.place.racks))))


def _labels(
    recorded: PlantHistory, racks: list[str], faults: list[Fault], kinds: tuple[Kind, ...]
) -> npt.NDArray[np.str_]:
    labels = np.full((recorded.time_s.size, len(racks)), NORMAL, dtype="U12")
    column: int | slice
    for fault in faults:
        column = racks.index(fault.target) if fault.target in racks else slice(None)
        end = fault.end_s if fault.end_s is not None else np.inf
        # A sensor that drifts is not yet off when it begins to.
        sure = fault.start_s + _SETTLED_S + fault.ramp_s + (2400.0 if fault.kind == "sensor-drifts" else 0.0)
        after = (recorded.time_s >= fault.start_s) & (recorded.time_s < end + _REST_S * 0.7)
        labels[after, column] = UNCERTAIN
        if fault.kind in kinds:
            labels[(recorded.time_s >= sure) & (recorded.time_s < end), column] = FOUND_AS[fault.kind]
    return labels
