"""Servers in the upper halves of a plant's racks: each has work of its own, and together they do what their half does.

The room model knows racks by halves. Here a half's servers have jobs of their own, that come and go, on top of what the
rack's load is; what one has more the others have less, so that without fans they draw what their half draws. A server's
power follows the law of :func:`physics.laws.server_power`, its fans blow by its own load and its inlet's temperature,
and its processor is as much warmer than its half's as its power and its air make it. A looker-on: nothing of it acts
on the room. Next: `training.simulated` records one of each rack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.laws import Floats
from physics.parameters import Parameters, table
from physics.state import Outputs
from physics.workload import Workload, WorkloadParameters

PER_HALF: Final = 10
# One server's load swings wider and faster than that of the twenty of a rack; the day's rhythm is the rack's.
WORK: Final = WorkloadParameters(
    base=(0.15, 0.55), daily=0.0, noise=0.04, noise_time_s=600.0, job_size=(0.15, 0.5), job_length_s=1500.0,
    job_gap_s=6000.0,
)  # fmt: skip
# Sizes of servers, as shares of the mean one.
_SIZES: Final = (0.7, 1.3)
_LEAST: Final = 0.02
_FIRST_TURNS: Final = 8
_TURNS: Final = 2
_FLATTEST: Final = 0.05
_TOP: Final = 1


@dataclass(frozen=True, slots=True)
class Servers:
    """What servers do at one moment, each (S, N, K): ``utilisation`` 0..1, ``power`` W with fans, ``fan_power`` W,
    ``processor`` °C."""

    utilisation: Floats
    power: Floats
    fan_power: Floats
    processor: Floats


class Halves:
    """K servers in the upper half of each of N racks of S rooms. Deterministic by its generator."""

    def __init__(
        self, capacity_w: Floats, hidden: Sequence[Parameters], rng: np.random.Generator, *, each: int = PER_HALF
    ) -> None:
        """``capacity_w`` (N,) of the racks, ``hidden`` of the rooms (:attr:`physics.plant.Plant.hidden`)."""

        def of(name: str) -> Floats:
            return table(hidden, name)[:, :, None]

        self._shape = (len(hidden), capacity_w.size, each)
        sizes = rng.uniform(*_SIZES, self._shape)
        self._size: Floats = sizes / sizes.sum(axis=2, keepdims=True)
        self._half = (1.0 - table(hidden, "bottom_share"))[:, :, None]
        self._busy_w = of("busy_share") * capacity_w[None, :, None]
        self._idle_w = of("idle_share") * self._busy_w
        self._exponent = of("power_exponent")
        self._flow_idle, self._flow_per_k, self._threshold = of("flow_idle"), of("flow_per_k"), of("fan_threshold")
        self._flow_min, self._flow_max, self._fan_exponent = of("flow_min"), of("flow_max"), of("fan_exponent")
        self._processor_s = of("cpu_time_s")
        self._work = Workload(sizes.size, rng, WORK)
        self._more: Floats = np.zeros((*self._shape[:2], 1))
        self._rise: Floats | None = None

    def step(self, time_s: float, dt_s: float, seen: Outputs) -> Servers:
        """Advance by ``dt_s`` seconds to ``time_s`` (epoch), at which the room is as ``seen``."""
        own = self._work.step(time_s, dt_s).reshape(self._shape)
        it_w = (seen.rack_power - seen.server_fan_power)[:, :, None]
        load = (it_w - self._idle_w) / (self._busy_w - self._idle_w)
        utilisation = self._shared(own, load, _FIRST_TURNS if self._rise is None else _TURNS)
        mine = self._law(utilisation)
        bare_w = self._half * self._size * (self._idle_w + (self._busy_w - self._idle_w) * mine)
        warmer = self._flow_per_k * np.maximum(seen.inlet[:, _TOP, :, None] - self._threshold, 0.0)
        flow = self._flow(mine, warmer) / self._flow(np.clip(load, 0.0, 1.0), warmer)
        fan_w = self._half * self._size * seen.server_fan_power[:, :, None] * flow**self._fan_exponent
        power = bare_w + fan_w
        rise = power / (self._half * self._size * np.maximum(seen.rack_power, 1.0)[:, :, None]) * flow**-0.8
        keep = np.exp(-dt_s / self._processor_s)
        self._rise = rise if self._rise is None else keep * self._rise + (1.0 - keep) * rise
        inlet = seen.inlet[:, _TOP, :, None]
        processor = inlet + self._rise * (seen.cpu[:, _TOP, :, None] - inlet)
        return Servers(utilisation, power, fan_w, processor)

    def _law(self, utilisation: Floats) -> Floats:
        """Share of the way from idle to busy power."""
        return np.asarray(2.0 * utilisation - utilisation**self._exponent)

    def _flow(self, load: Floats, warmer: Floats) -> Floats:
        share = self._flow_idle + (1.0 - self._flow_idle) * load + warmer
        return np.asarray(np.clip(share, self._flow_min, self._flow_max))

    def _shared(self, own: Floats, load: Floats, turns: int) -> Floats:
        """What each does when together they do what their half does: all are given as much more, by Newton's steps from
        where that was a moment ago. Loads do not jump, so few are enough but at the start."""
        least, most = _LEAST - own.max(axis=2, keepdims=True), 1.0 - own.min(axis=2, keepdims=True)
        for _ in range(turns):
            wanted = own + self._more
            now = np.clip(wanted, _LEAST, 1.0)
            missing = load - (self._size * self._law(now)).sum(axis=2, keepdims=True)
            each = np.where(now == wanted, 2.0 - self._exponent * now ** (self._exponent - 1.0), 0.0)
            slope = np.maximum((self._size * each).sum(axis=2, keepdims=True), _FLATTEST)
            self._more = np.clip(self._more + missing / slope, least, most)
        return np.asarray(np.clip(own + self._more, _LEAST, 1.0))
