"""A hall that keeps other laws than the room model: what a model does with physics that is wrong there. Seeded.

Each inlet is a lagged linear mixture of its own rack's load, one supply that swings slowly, and noise. Nothing of
returns, flows or units is measured.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.definition import Definition
from physics import layout
from physics.laws import Floats
from physics.recording import Recording
from training import expected
from training.expected import Measured
from training.history import History
from training.simulated import START_S

_RACKS: Final = 12
_HOURS: Final = 18.0
_SUPPLY_C: Final = 18.0
_SETTLES_S: Final = 360.0
_MINUTE_S: Final = 60


def history(definition: Definition, seed: int) -> History:
    """Eighteen hours of the hall; its twin follows it all."""
    rng = np.random.default_rng([seed, 77])
    place = layout.assumed("other", [(f"o-{k}", f"row-{k % 2}", 0.6 * (k // 2), 8000.0) for k in range(_RACKS)])
    step = definition.resolution_s
    time_s = np.arange(1.0, int(_HOURS * 3600 / step) + 1.0) * step
    power, supply, inlet = _run(rng, time_s, step)
    units = len(place.units)
    every = _MINUTE_S // step
    minute = slice(every - 1, None, every)
    unknown = np.full((len(time_s[minute]), units), np.nan)
    recording = Recording(
        time_s=START_S + time_s[minute],
        inlet=inlet[minute],
        power=power[minute],
        supply=np.repeat(supply[minute, None], units, axis=1),
        return_=unknown,
        airflow=unknown,
        setpoint=np.full_like(unknown, _SUPPLY_C),
        fan=unknown,
        unit_power=unknown,
        delta_t=np.full_like(power[minute], np.nan),
    )
    columns = {
        ("environment.bottom", "temperature"): inlet[:, 0],
        ("environment.top", "temperature"): inlet[:, 1],
        ("power", "power"): power,
    }
    missing = np.full_like(power, np.nan)
    values = np.stack([columns.get((c.feature, c.property), missing) for c in definition.channels], axis=2)
    made = History(
        start_ms=int(START_S * 1000),
        cell_s=step,
        things=list(place.rack_ids),
        rooms=["other"] * _RACKS,
        channels=definition.channel_names,
        values=values.astype(np.float32),
        origin={"kind": "simulated", "plant": 0, "seed": seed},
        measured={"other": Measured(place, recording, list(range(_RACKS)))},
    )
    if expected.columns(definition):
        expected.fill(made, definition, "other", 0, made.cells)
    return made


def _run(rng: np.random.Generator, time_s: Floats, step: int) -> tuple[Floats, Floats, Floats]:
    """Power (K, N) W, supply (K,) and inlets (K, 2, N) in °C."""
    level = rng.uniform(3000.0, 6000.0, _RACKS)
    keep = np.exp(-step / 1200.0)
    power = np.empty((len(time_s), _RACKS))
    now = level.copy()
    for k in range(len(time_s)):
        now = level + keep * (now - level) + 190.0 * np.sqrt(1.0 - keep * keep) * rng.standard_normal(_RACKS)
        power[k] = now
    supply = _SUPPLY_C + 0.8 * np.sin(time_s / 2100.0) + rng.normal(0.0, 0.02, len(time_s))
    share = np.stack([rng.uniform(2e-4, 5e-4, _RACKS), rng.uniform(5e-4, 1.2e-3, _RACKS)])
    inlet = np.empty((len(time_s), 2, _RACKS))
    warm = share * power[0]
    for k in range(len(time_s)):
        warm = warm + (share * power[k] - warm) * (step / _SETTLES_S)
        inlet[k] = supply[k] + warm
    return power, supply, np.round((inlet + rng.normal(0.0, 0.05, inlet.shape)) / 0.1) * 0.1
