"""Parameters of a simulated plant, drawn from a seed: what a twin must find out and never sees. Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np

from physics.laws import Floats
from physics.layout import Layout
from physics.parameters import Parameters
from physics.workload import WorkloadParameters


@dataclass(frozen=True, slots=True)
class Nature:
    """How a plant's sensors and surroundings behave. Standard deviations in the unit of what they belong to."""

    temperature_noise: float = 0.04
    temperature_step: float = 0.05  # what a sensor resolves
    humidity_noise: float = 0.25
    humidity_step: float = 0.1
    power_noise: float = 0.004  # relative
    power_step: float = 1.0
    flow_noise: float = 0.01  # relative
    sensor_offset: float = 0.05  # of one sensor against another, for ever
    humidity_offset: float = 0.0  # of one sensor's relative humidity, %, for ever
    sensor_drift_k_day: float = 0.005
    dropout: float = 0.0005  # share of samples that are lost
    # Slow wandering of a unit's supply around its set-point; one for all rooms of a plant, or for each, (S, 1).
    supply_drift: float | Floats = 0.3
    supply_drift_time_s: float = 7200.0
    hunting: float | Floats = 0.3  # of a unit's supply: its valve hunts around the set-point; likewise
    hunting_period_s: tuple[float, float] = (1500.0, 3300.0)
    hunting_time_s: float = 14400.0  # how long it keeps its phase
    recirculation_drift: float = 0.06  # relative; doors, cables, people
    recirculation_drift_time_s: float = 10800.0
    dew_point_drift: float = 0.7  # of the air outside, with the weather
    dew_point_time_s: float = 10800.0
    # The year (see :mod:`physics.season`): half of what lies between midwinter and midsummer of the dew point outside;
    # and by how many days a room's calendar is ahead of the plant's clock. One for all rooms, or for each, (S,).
    season_dew_k: float | Floats = 0.0
    season_ahead_days: float | Floats = 0.0
    workload: WorkloadParameters = field(default_factory=WorkloadParameters)


def draw(layout: Layout, seed: int) -> Parameters:
    """The hidden parameters of a room. What belongs to a rack or unit depends on its id, not on who stands beside."""
    room = np.random.default_rng([seed, zlib.crc32(layout.room.encode()), 11])
    racks = [np.random.default_rng([seed, zlib.crc32(rack.id.encode()), 12]) for rack in layout.racks]
    units = [np.random.default_rng([seed, zlib.crc32(unit.id.encode()), 13]) for unit in layout.units]
    each = np.array([[one.normal(0.0, spread) for spread in (0.35, 0.30, 0.10, 0.18)] for one in racks])
    return Parameters(
        recirculation_bottom=float(room.uniform(0.03, 0.08)),
        recirculation_top=float(room.uniform(0.14, 0.26)),
        row_end=float(room.uniform(0.3, 0.8)),
        distance=float(room.uniform(0.05, 0.3)),
        containment=float(room.uniform(0.1, 0.25)),
        starvation=float(room.uniform(0.3, 0.48)),
        flow_per_kw=float(room.uniform(0.056, 0.075)),
        flow_idle=float(room.uniform(0.45, 0.65)),
        flow_per_k=float(room.uniform(0.02, 0.04)),
        fan_threshold=float(room.uniform(24.0, 27.0)),
        bottom_share=float(room.uniform(0.44, 0.56)),
        effectiveness=float(room.uniform(0.7, 0.9)),
        server_time_s=float(room.uniform(300.0, 560.0)),
        aisle_time_s=float(room.uniform(18.0, 40.0)),
        cpu_rise_k=float(room.uniform(36.0, 50.0)),
        near_mass_j_k=float(room.uniform(40e3, 90e3)),
        near_time_s=float(room.uniform(400.0, 900.0)),
        slow_w_m2k=float(room.uniform(4.0, 8.0)),
        supply_time_s=float(room.uniform(80.0, 160.0)),
        coil_time_s=float(room.uniform(30.0, 70.0)),
        leakage=float(room.uniform(0.03, 0.12)),
        local_supply=float(room.uniform(0.45, 0.75)),
        supply_length_m=float(room.uniform(2.0, 4.5)),
        local_return=float(room.uniform(0.3, 0.55)),
        cop_scale=float(room.uniform(0.9, 1.15)),
        outside_dew_point=float(room.uniform(8.0, 12.0)),
        zone_recirculation=np.exp(np.concatenate([each[:, 0], each[:, 1]])),
        rack_flow=np.exp(each[:, 2]),
        rack_time=np.exp(each[:, 3]),
        unit_offset_k=np.array([one.normal(0.0, 0.25) for one in units]),
        unit_capacity=np.array([one.uniform(0.9, 1.03) for one in units]),
    )
