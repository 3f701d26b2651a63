"""Inputs that are possible, and those that are not. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from physics.model import RoomModel
from physics.state import Inputs

# Least and largest values; set-points as the CoolingUnit resource bounds them.
LIMITS: Final = {
    "it_power": (0.0, 1e6),
    "setpoint": (5.0, 45.0),
    "fan": (0.0, 1.5),
    "capacity": (0.0, 2.0),
    "server_fan": (0.0, 3.0),
    "extra_recirculation": (0.0, 1.0),
    "containment_open": (0.0, 1.0),
    "moisture": (0.0, 1.0),
}


def check_inputs(model: RoomModel, inputs: Inputs) -> None:
    """See that inputs fit the model and are possible.

    Raises:
        ValueError: names the input whose shape is wrong, or which holds what is no number or cannot be.
    """
    s, n, m = model.scenarios, model.racks, model.units
    sizes = {"it_power": n, "server_fan": n, "extra_recirculation": n, "setpoint": m, "fan": m, "capacity": m}
    for name, (low, high) in LIMITS.items():
        values = getattr(inputs, name)
        shape = (s, sizes[name]) if name in sizes else (s,)
        if values.shape != shape:
            raise ValueError(f"{name}: expected the shape {shape}, found {values.shape}")
        if not (np.isfinite(values).all() and values.min() >= low and values.max() <= high):
            raise ValueError(f"{name}: expected {low:g} to {high:g}, found {values.min():g} to {values.max():g}")
