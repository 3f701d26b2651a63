"""The newest readings of a site's things, and what a room's model and indices need of them as arrays. Pure.

Next: :mod:`indices` and :mod:`fidelity`, which fill it from Kafka, and whoever else follows a room live.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physics import ashrae, laws
from physics.laws import Floats
from physics.layout import Layout
from physics.metrics import RoomReadings
from physics.parameters import Parameters
from physics.twin import Moment
from racktwin.messages import Reading

# Older readings say nothing of now.
MAX_AGE_MS: Final = 180_000
LEVELS: Final = ("environment.bottom", "environment.top")
_USED: Final = frozenset({*LEVELS, "power", "cooling", "air", "control"})
_TRUSTED: Final = frozenset({"good", "estimated"})


class Book:
    """Newest value of each property, by thing and feature. Times are epoch milliseconds."""

    def __init__(self, max_age_ms: int = MAX_AGE_MS) -> None:
        self._max_age_ms = max_age_ms
        self._values: dict[tuple[str, str, str], tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def add(self, reading: Reading) -> None:
        """Take a reading; one that is older than what is known, of no use here, or not to be trusted is left out."""
        if reading.feature not in _USED or reading.quality not in _TRUSTED:
            return
        for name, value in reading.values.items():
            if isinstance(value, str):
                continue
            key = (reading.thing, reading.feature, name)
            known = self._values.get(key)
            if known is None or reading.observed_at >= known[0]:
                self._values[key] = reading.observed_at, float(value)

    def forget(self, now_ms: int) -> None:
        """Drop what is too old to be used, so that things that are gone cost nothing."""
        old = [key for key, (at, _value) in self._values.items() if now_ms - at > self._max_age_ms]
        for key in old:
            del self._values[key]

    def value(self, thing: str, feature: str, name: str, now_ms: int) -> float:
        """A property now, NaN when it is not known or too old."""
        known = self._values.get((thing, feature, name))
        return known[1] if known is not None and now_ms - known[0] <= self._max_age_ms else float("nan")

    def column(self, things: list[str], feature: str, name: str, now_ms: int) -> Floats:
        """A property of several things (n,)."""
        return np.array([self.value(thing, feature, name, now_ms) for thing in things], dtype=float)

    def inlets(self, layout: Layout, now_ms: int) -> Floats:
        """Inlet temperatures (2, N)."""
        return np.stack([self.column(layout.rack_ids, level, "temperature", now_ms) for level in LEVELS])

    def humidity(self, layout: Layout, now_ms: int) -> Floats:
        """Relative humidity at the inlets (2, N), %."""
        return np.stack([self.column(layout.rack_ids, level, "relativeHumidity", now_ms) for level in LEVELS])

    def moment(self, layout: Layout, now_ms: int) -> Moment:
        """What a twin is told of the room now."""
        racks, units = layout.rack_ids, layout.unit_ids
        fan = self.column(units, "control", "fanSpeed", now_ms)
        rated = np.array([unit.airflow_m3s for unit in layout.units])
        airflow = self.column(units, "air", "airflow", now_ms)
        return Moment(
            time_s=now_ms / 1000.0,
            inlet=self.inlets(layout, now_ms),
            power=self.column(racks, "power", "power", now_ms),
            supply=self.column(units, "air", "supplyTemperature", now_ms),
            return_=self.column(units, "air", "returnTemperature", now_ms),
            airflow=np.where(np.isfinite(airflow), airflow, rated * fan / 100.0),
            setpoint=self.column(units, "control", "setpoint", now_ms),
        )

    def beside(self, layout: Layout, now_ms: int) -> dict[str, Floats]:
        """What a room's calibration needs beside its moments (see :class:`physics.memory.Memory`)."""
        units = layout.unit_ids
        return {
            "fan": self.column(units, "control", "fanSpeed", now_ms),
            "unit_power": self.column(units, "power", "power", now_ms),
            "delta_t": self.column(layout.rack_ids, "cooling", "deltaT", now_ms),
        }

    def airflow(self, layout: Layout, now_ms: int, usual: Parameters | None = None) -> tuple[Floats, bool]:
        """Air through each rack (N,), m3/s, and whether any of it is assumed.

        As measured; else from power and temperature rise; else from the usual flow per kW.
        """
        racks = layout.rack_ids
        power = self.column(racks, "power", "power", now_ms)
        measured = self.column(racks, "cooling", "airflow", now_ms)
        rise = self.column(racks, "cooling", "deltaT", now_ms)
        by_rise = np.where(rise > 0.5, power / (laws.RHO_CP * np.maximum(rise, 0.5)), np.nan)
        assumed = power / 1000.0 * (usual or Parameters()).flow_per_kw * 1.2
        known = np.where(np.isfinite(measured), measured, by_rise)
        return np.where(np.isfinite(known), known, assumed), bool((~np.isfinite(known) & np.isfinite(power)).any())

    def room_readings(self, layout: Layout, now_ms: int) -> tuple[RoomReadings, bool]:
        """What the room's indices are made of, and whether flows in it are assumed."""
        units = layout.unit_ids
        flow, assumed = self.airflow(layout, now_ms)
        moment = self.moment(layout, now_ms)
        return (
            RoomReadings(
                inlets=moment.inlet,
                limits=[ashrae.limits(rack.ashrae_class) for rack in layout.racks],
                power_w=moment.power,
                flow=flow,
                supply_c=moment.supply,
                return_c=moment.return_,
                unit_flow=moment.airflow,
                unit_power_w=self.column(units, "power", "power", now_ms),
            ),
            assumed,
        )
