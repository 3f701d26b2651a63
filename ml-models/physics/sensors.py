"""Sensors of a simulated plant: noise, offset, drift, resolution, lost samples, and their faults.

Next: :class:`physics.plant.Plant` reads through them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physics import laws
from physics.faults import Fault
from physics.hidden import Nature
from physics.laws import Floats
from physics.layout import Layout
from physics.state import Outputs

_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Readings:
    """What sensors read at one moment (epoch seconds). Racks (S, N), units (S, M), NaN where a sample was lost.

    °C, %, W, m3/s, K; ``setpoint`` °C and ``fan`` % are the units' own, ``mode`` who controls them.
    """

    time_s: float
    bottom_temperature: Floats
    top_temperature: Floats
    bottom_humidity: Floats
    top_humidity: Floats
    power: Floats
    airflow: Floats
    delta_t: Floats
    supply: Floats
    return_: Floats
    supply_humidity: Floats
    unit_airflow: Floats
    unit_power: Floats
    heat_removed: Floats
    cop: Floats
    setpoint: Floats
    fan: Floats


class Sensors:
    """The sensors of S rooms of one layout. A sensor's offset and drift depend on the seed and on its rack's id."""

    def __init__(self, layout: Layout, seeds: Sequence[int], nature: Nature) -> None:
        self._layout, self._nature = layout, nature
        own = [
            [np.random.default_rng([seed, zlib.crc32(rack.id.encode()), 15]).normal(size=4) for rack in layout.racks]
            for seed in seeds
        ]
        drawn = np.array(own).transpose(0, 2, 1)
        self._offset = nature.sensor_offset * drawn[:, :2]
        self._drift = nature.sensor_drift_k_day * drawn[:, 2:]
        # Drawn apart, so that temperatures are the same whatever humidity sensors are worth.
        humid = [
            [np.random.default_rng([seed, zlib.crc32(rack.id.encode()), 16]).normal(size=2) for rack in layout.racks]
            for seed in seeds
        ]
        self._humid = nature.humidity_offset * np.array(humid).transpose(0, 2, 1)
        self._stuck: dict[tuple[str, str], Floats] = {}
        self._since: float | None = None

    def read(
        self,
        time_s: float,
        seen: Outputs,
        *,
        setpoint: Floats,
        fan: Floats,
        faults: list[tuple[Fault, float]],
        rng: np.random.Generator,
    ) -> Readings:
        """What they show of what is there."""
        nature = self._nature
        if self._since is None:
            self._since = time_s
        shown = seen.inlet + self._offset + self._drift * ((time_s - self._since) / _DAY_S)
        lost = rng.random(shown.shape) < nature.dropout
        self._drifted(shown, time_s, faults)
        shown += nature.temperature_noise * rng.standard_normal(shown.shape)
        shown = _quantised(shown, nature.temperature_step)
        humid = laws.relative_humidity(seen.inlet, seen.dew_point[:, None, None])
        humid = humid + self._humid + nature.humidity_noise * rng.standard_normal(shown.shape)
        humid = _quantised(np.clip(humid, 0.1, 100.0), nature.humidity_step)
        self._broken(shown, faults, lost, rng)
        shown[lost], humid[lost] = np.nan, np.nan

        def noisy(true: Floats, share: float) -> Floats:
            return np.asarray(true * (1.0 + share * rng.standard_normal(true.shape)))

        def temperature(true: Floats) -> Floats:
            return _quantised(
                true + nature.temperature_noise * rng.standard_normal(true.shape), nature.temperature_step
            )

        airflow = noisy(seen.rack_airflow, nature.flow_noise)
        rise = (seen.outlet - seen.inlet).mean(axis=1)
        return Readings(
            time_s=time_s,
            bottom_temperature=shown[:, 0],
            top_temperature=shown[:, 1],
            bottom_humidity=humid[:, 0],
            top_humidity=humid[:, 1],
            power=_quantised(noisy(seen.rack_power, nature.power_noise), nature.power_step),
            airflow=_quantised(airflow, 0.001),
            delta_t=temperature(rise),
            supply=temperature(seen.supply),
            return_=temperature(seen.return_),
            supply_humidity=np.clip(laws.relative_humidity(seen.supply, seen.dew_point[:, None]), 0.1, 100.0).round(1),
            unit_airflow=_quantised(noisy(seen.unit_airflow, nature.flow_noise), 0.01),
            unit_power=_quantised(noisy(seen.unit_power, nature.power_noise), nature.power_step),
            heat_removed=_quantised(noisy(np.maximum(seen.heat_removed, 0.0), nature.flow_noise), 10.0),
            cop=seen.cop.round(2),
            setpoint=setpoint.copy(),
            fan=100.0 * fan,
        )

    def _drifted(self, shown: Floats, time_s: float, faults: list[tuple[Fault, float]]) -> None:
        for fault, size in faults:
            if fault.kind == "sensor-drifts":
                since = fault.start_s if np.isfinite(fault.start_s) else (self._since or time_s)
                shown[:, _level(fault), self._layout.rack_index(fault.target)] += size * (time_s - since) / 3600.0

    def _broken(
        self, shown: Floats, faults: list[tuple[Fault, float]], lost: NDArray[np.bool_], rng: np.random.Generator
    ) -> None:
        stuck = {}
        for fault, size in faults:
            if fault.kind == "sensor-sticks":
                key, at = (fault.target, fault.sensor), self._layout.rack_index(fault.target)
                stuck[key] = self._stuck.get(key, shown[:, _level(fault), at].copy())
                shown[:, _level(fault), at] = stuck[key]
            elif fault.kind == "sensor-drops":
                at = self._layout.rack_index(fault.target)
                lost[:, _level(fault), at] |= rng.random(shown.shape[0]) < size
        self._stuck = stuck


def _level(fault: Fault) -> int:
    return 1 if fault.sensor == "top" else 0


def _quantised(values: Floats, step: float) -> Floats:
    return np.asarray(np.round(values / step) * step)
