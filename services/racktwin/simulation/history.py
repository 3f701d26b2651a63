"""Days of simulated readings at once, for training where no history is stored yet.

Pure. The same plant as the live one; only what sensors read comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from racktwin.simulation.plant import Parameters, Plant, RackSpec

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """Readings of n racks at k moments: ``time_s`` (k,) in epoch seconds, the rest (k, n) in °C, % and W."""

    racks: tuple[RackSpec, ...]
    time_s: Floats
    bottom_temperature: Floats
    top_temperature: Floats
    bottom_humidity: Floats
    top_humidity: Floats
    power: Floats


def simulate_history(
    racks: Sequence[RackSpec],
    *,
    duration_s: float,
    seed: int = 0,
    start_s: float = 0.0,
    sample_s: float = 10.0,
    parameters: Parameters | None = None,
) -> History:
    """Run a plant from ``start_s`` (epoch seconds) and keep a sample every ``sample_s`` seconds.

    Raises:
        ValueError: not even one sample fits into the duration.
    """
    count = int(duration_s // sample_s)
    if count < 1:
        raise ValueError(f"duration_s {duration_s}: expected at least sample_s {sample_s}")
    plant = Plant(racks, seed, start_s=start_s, parameters=parameters)
    n = len(plant.racks)
    time_s = np.empty(count)
    arrays = [np.empty((count, n)) for _ in range(5)]
    bottom, top, bottom_humidity, top_humidity, power = arrays
    for k in range(count):
        now = plant.step(sample_s)
        time_s[k] = now.time_s
        bottom[k], top[k] = now.bottom_temperature, now.top_temperature
        bottom_humidity[k], top_humidity[k] = now.bottom_humidity, now.top_humidity
        power[k] = now.power
    return History(plant.racks, time_s, bottom, top, bottom_humidity, top_humidity, power)
