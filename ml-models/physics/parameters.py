"""Constants of a room: assumed at first, calibrated later; per zone, rack and unit where they differ.

Pure data with a JSON form. The defaults are the ranges of the literature (see each comment); :mod:`physics.calibration`
replaces them by what a room's history says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Arrays, with what their last axis follows; all are factors (1 is none) but for the offset and the bias.
ARRAYS: Final = {
    "zone_recirculation": "zones",
    "rack_flow": "racks",
    "rack_time": "racks",
    "unit_offset_k": "units",
    "unit_capacity": "units",
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """Temperatures in °C, differences in K, times in s, flows in m3/s, shares 0..1.

    A zone is one of ``2 N``: the bottoms of the N racks, then their tops.
    """

    # Least share of a zone's inlet air that is not supply air, however much of it there is.
    recirculation_bottom: float = 0.05
    recirculation_top: float = 0.16
    row_end: float = 0.5  # by how much more of it at the end of a row, as a share
    distance: float = 0.15  # the same, per mean distance that a rack stands farther than the mean from a unit
    containment: float = 0.15  # what containment leaves of it
    starvation: float = 0.4  # how much harder a lack of supply air hits the tops; 0.5 at most, see airflow
    # Servers.
    idle_share: float = 0.40  # idle power as a share of busy power
    busy_share: float = 0.90  # busy power as a share of the rack's power capacity
    power_exponent: float = 1.4  # Fan, Weber, Barroso 2007
    bottom_share: float = 0.5  # share of a rack's power in its lower half
    flow_per_kw: float = 0.065  # m3/s per kW of busy power (0.05 to 0.08)
    flow_idle: float = 0.55  # share of that flow when idle
    flow_per_k: float = 0.03  # share of that flow per K above the fans' threshold
    fan_threshold: float = 25.0
    flow_min: float = 0.3
    flow_max: float = 1.6
    fan_share: float = 0.04  # fan power at the reference flow as a share of busy power
    fan_exponent: float = 3.0
    effectiveness: float = 0.8
    server_time_s: float = 420.0  # 3 to 10 min
    cpu_rise_k: float = 42.0  # processor above inlet at busy power and reference flow
    cpu_time_s: float = 60.0
    aisle_time_s: float = 25.0  # turn-over of a zone's air, and the sensor in it; 10 to 60 s
    # Room.
    air_share: float = 0.8  # share of the room's volume that is the well mixed room air
    near_mass_j_k: float = 60_000.0  # frames, floor panels, ducts: per rack
    near_time_s: float = 600.0
    slow_mass_j_m2k: float = 300_000.0  # 15 cm of concrete, per m2 of floor
    slow_w_m2k: float = 6.0
    # Cooling units.
    supply_time_s: float = 120.0  # 60 to 180 s
    coil_time_s: float = 45.0  # what is left in the coil when its cooling stops
    unit_fan_time_s: float = 12.0
    capacity_exponent: float = 0.5  # capacity over air flow
    leakage: float = 0.05  # least share of a unit's air that bypasses
    local_supply: float = 0.6  # share of a unit's air that goes to what stands near it; the rest mixes in the plenum
    supply_length_m: float = 3.0
    local_return: float = 0.4
    cop_scale: float = 1.0
    unit_fan_exponent: float = 3.0
    # Moisture: what outside air brings in.
    outside_dew_point: float = 10.0
    fresh_air_ach: float = 0.2  # changes of the room's air per hour
    coil_approach_k: float = 3.0  # how much colder than the supply air the coil is
    # Per zone (2N), rack (N), unit (M); None is all alike.
    zone_recirculation: Floats | None = None
    rack_flow: Floats | None = None
    rack_time: Floats | None = None
    unit_offset_k: Floats | None = None
    unit_capacity: Floats | None = None

    def with_(self, **changes: Any) -> Parameters:
        """A copy with these fields changed."""
        return replace(self, **changes)

    def air_only(self) -> Parameters:
        """Without thermal mass but the air's: how fast a room heats at worst."""
        return replace(self, near_mass_j_k=0.0, slow_mass_j_m2k=0.0, server_time_s=min(30.0, self.server_time_s))

    def near_mass_only(self) -> Parameters:
        """With servers, frames and floor panels, without the slab."""
        return replace(self, slow_mass_j_m2k=0.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: numbers, and lists for arrays that are set."""
        found: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None:
                continue
            found[item.name] = value.tolist() if isinstance(value, np.ndarray) else value
        return found


def from_dict(data: Mapping[str, Any]) -> Parameters:
    """Parameters from :meth:`Parameters.as_dict`; what is left out keeps its default.

    Raises:
        ValueError: a name is not known or a value is no finite number.
    """
    known = {item.name for item in fields(Parameters)}
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name not in known:
            raise ValueError(f"parameter {name!r}: not known; expected one of {', '.join(sorted(known))}")
        found = np.asarray(value, dtype=float)
        if not np.isfinite(found).all():
            raise ValueError(f"parameter {name}: expected finite numbers, found {value!r}")
        values[name] = found if name in ARRAYS else float(found)
    return Parameters(**values)


def table(parameters: Sequence[Parameters], name: str) -> Floats:
    """A scalar of each scenario's parameters as a column (S, 1)."""
    return np.array([[getattr(p, name)] for p in parameters], dtype=float)


def rows(parameters: Sequence[Parameters], name: str, size: int) -> Floats:
    """An array of each scenario's parameters (S, size); where it is None, the neutral value (0 for offsets, else 1).

    Raises:
        ValueError: an array has not ``size`` values.
    """
    neutral = 0.0 if name == "unit_offset_k" else 1.0
    found = []
    for p in parameters:
        value = getattr(p, name)
        row = np.full(size, neutral) if value is None else np.asarray(value, dtype=float).ravel()
        if row.size != size:
            raise ValueError(f"parameter {name}: expected {size} values ({ARRAYS[name]}), found {row.size}")
        found.append(row)
    return np.stack(found)
