"""Hours of a plant's readings at once: what training, calibration and their tests have instead of a database.

Next: :mod:`physics.calibration`, and `training` for models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.laws import Floats
from physics.plant import Plant
from physics.sensors import Readings

COLUMNS: Final = tuple(name for name in Readings.__dataclass_fields__ if name != "time_s")


@dataclass(frozen=True, slots=True)
class History:
    """Readings at K moments: ``time_s`` (K,) epoch seconds; ``columns`` by :class:`Readings`' names, (K, S, N or M)."""

    time_s: Floats
    columns: dict[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.columns[name]


def record(
    plant: Plant,
    duration_s: float,
    sample_s: float = 60.0,
    *,
    step_s: float = 5.0,
    each: Callable[[Plant, float], None] | None = None,
) -> History:
    """Run a plant and keep a sample every ``sample_s``. ``each`` is called with the plant and the time since the start
    before each sample: for commands and faults.

    Raises:
        ValueError: not even one sample fits into the duration.
    """
    count = int(duration_s / sample_s + 1e-9)
    if count < 1:
        raise ValueError(f"duration_s {duration_s}: expected at least sample_s {sample_s}")
    time_s = np.empty(count)
    columns: dict[str, Floats] = {}
    for k in range(count):
        if each is not None:
            each(plant, k * sample_s)
        now = plant.step(sample_s, step_s=step_s)
        time_s[k] = now.time_s
        for name in COLUMNS:
            values = getattr(now, name)
            if name not in columns:
                columns[name] = np.empty((count, *values.shape))
            columns[name][k] = values
    return History(time_s, columns)
