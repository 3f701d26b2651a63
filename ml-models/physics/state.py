"""What a room is told (:class:`Inputs`), what it is (:class:`State`) and what one sees of it (:class:`Outputs`).

Plain arrays with a leading axis of scenarios S; N racks, M cooling units. Heights are ``0`` bottom and ``1`` top.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physics.airflow import Network

Floats = NDArray[np.float64]

# Scalars of a scenario at the end of its vector: temperatures (°C), humidity ratio (kg/kg), energies (J) since start.
SCALARS: Final = (
    "room",
    "near",
    "slow",
    "heat_removed",
    "chiller_energy",
    "moisture",
    "it_energy",
    "server_fan_energy",
    "unit_fan_energy",
)
ROOM, NEAR, SLOW, REMOVED, CHILLER, MOISTURE, IT, FANS, UNIT_FANS = range(len(SCALARS))


@dataclass(slots=True)
class Inputs:
    """What acts on the room until it is changed.

    ``it_power`` (S, N) W of each rack without its server fans; ``setpoint`` (S, M) °C of supply air; ``fan`` (S, M)
    of full speed, 0..1; ``capacity`` (S, M) share of rated capacity that is there, 0 is failed; ``efficiency`` (S,
    M) factor on the heat removed per watt (1 is a clean coil and full charge); ``server_fan`` (S, N) factor on the
    flow through a rack (1 is healthy); ``extra_recirculation`` (S, N) added to both zones of a rack (blanking
    panels missing); ``containment_open`` (S,) 0 closed .. 1 open; ``moisture`` (S,) kg/s that leaks in.
    """

    it_power: Floats
    setpoint: Floats
    fan: Floats
    capacity: Floats
    efficiency: Floats
    server_fan: Floats
    extra_recirculation: Floats
    containment_open: Floats
    moisture: Floats

    def copy(self) -> Inputs:
        """A copy that shares nothing."""
        return Inputs(*(getattr(self, item.name).copy() for item in fields(self)))


class State:
    """Temperatures (°C), flows and energies of S scenarios. All arrays are views of one vector per scenario.

    ``inlet``, ``server`` (mass of the servers), ``cpu`` (S, 2, N); ``supply`` (S, M); ``room``, ``near``, ``slow``
    (S,); ``moisture`` (S,) kg/kg; ``it_energy``, ``server_fan_energy``, ``unit_fan_energy``, ``heat_removed`` (at the
    coils), ``chiller_energy`` (S,) J since the start. ``elapsed_s`` since the start.
    """

    __slots__ = (
        "available",
        "before",
        "before_s",
        "calm_s",
        "cpu",
        "elapsed_s",
        "fan",
        "hold_left_s",
        "inlet",
        "network",
        "racks",
        "returned",
        "scalars",
        "server",
        "supply",
        "trend",
        "units",
        "vector",
    )

    def __init__(self, scenarios: int, racks: int, units: int) -> None:
        z = 2 * racks
        self.racks, self.units = racks, units
        self.vector: Floats = np.zeros((scenarios, 3 * z + len(SCALARS)))
        self.supply: Floats = np.zeros((scenarios, units))
        # Share of the rated capacity and of the full speed that is there now; both follow their inputs with a lag.
        self.available: Floats = np.ones((scenarios, units))
        self.fan: Floats = np.ones((scenarios, units))
        self.elapsed_s = 0.0
        self.network: Network | None = None
        self.hold_left_s = 0.0
        # Derivatives of the step before, and its length; 0 where there was none.
        self.before: Floats = np.zeros_like(self.vector)
        self.before_s = 0.0
        self.calm_s = 0.0
        # What units breathed in the step before, unless flows jumped since, and how fast it changes (K/s).
        self.returned: Floats | None = None
        self.trend: Floats = np.zeros((scenarios, units))
        self._view()

    def _view(self) -> None:
        s, z = self.vector.shape[0], 2 * self.racks
        self.inlet, self.server, self.cpu = (
            self.vector[:, k * z : (k + 1) * z].reshape(s, 2, self.racks) for k in range(3)
        )
        self.scalars = self.vector[:, 3 * z :]

    def scalar(self, name: str) -> Floats:
        """One of :data:`SCALARS` (S,), as a view."""
        return np.asarray(self.scalars[:, SCALARS.index(name)])

    @property
    def scenarios(self) -> int:
        """How many scenarios there are."""
        return int(self.vector.shape[0])

    @property
    def room(self) -> Floats:
        """Temperature of the room air (S,), °C."""
        return self.scalar("room")

    @property
    def near(self) -> Floats:
        """Temperature of frames and floor panels (S,), °C."""
        return self.scalar("near")

    @property
    def slow(self) -> Floats:
        """Temperature of the slab (S,), °C."""
        return self.scalar("slow")

    @property
    def moisture(self) -> Floats:
        """Humidity ratio of the room (S,), kg/kg."""
        return self.scalar("moisture")

    def copy(self) -> State:
        """A copy that goes its own way. The network is never changed in place, so it is shared."""
        return self.take(np.arange(self.scenarios), keep_network=True)

    def repeat(self, times: int) -> State:
        """A state of as many scenarios, all like this one's first."""
        return self.take(np.zeros(times, dtype=np.intp))

    def take(self, which: NDArray[np.intp], *, keep_network: bool = False) -> State:
        """A state made of these scenarios of this one."""
        new = State(len(which), self.racks, self.units)
        new.vector[...] = self.vector[which]
        new.supply, new.available, new.fan = (
            getattr(self, name)[which].copy() for name in ("supply", "available", "fan")
        )
        new.elapsed_s = self.elapsed_s
        if keep_network:
            new.network, new.hold_left_s = self.network, self.hold_left_s
            new.before, new.before_s = self.before.copy(), self.before_s
            new.returned = None if self.returned is None else self.returned.copy()
            new.trend, new.calm_s = self.trend.copy(), self.calm_s
        return new


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is there to see at one moment. Temperatures °C, powers W, flows m3/s; (S, 2, N), (S, N), (S, M) or (S,).

    ``supply_fraction`` is the capture index: the share of a zone's air that came straight from a cooling unit.
    """

    elapsed_s: float
    inlet: Floats  # (S, 2, N)
    outlet: Floats  # (S, 2, N)
    cpu: Floats  # (S, 2, N)
    supply_fraction: Floats  # (S, 2, N)
    rack_airflow: Floats  # (S, N)
    rack_power: Floats  # (S, N), server fans included
    server_fan_power: Floats  # (S, N)
    supply: Floats  # (S, M)
    return_: Floats  # (S, M)
    unit_airflow: Floats  # (S, M)
    unit_fan_power: Floats  # (S, M)
    heat_removed: Floats  # (S, M), at the coil
    cop: Floats  # (S, M)
    unit_power: Floats  # (S, M), chiller's share and fan
    saturated: NDArray[np.bool_]  # (S, M): the unit gives all it has
    room: Floats  # (S,)
    dew_point: Floats  # (S,)

    @property
    def it_power(self) -> Floats:
        """Power of all racks (S,), W, server fans included: what a meter at the racks reads."""
        return np.asarray(self.rack_power.sum(axis=1))


@dataclass(frozen=True, slots=True)
class Trace:
    """Samples of a run: ``time_s`` (K,) since its start; each array as in :class:`Outputs`, K before S."""

    time_s: Floats
    inlet: Floats  # (K, S, 2, N)
    outlet: Floats  # (K, S, 2, N)
    cpu: Floats  # (K, S, 2, N)
    rack_power: Floats  # (K, S, N)
    rack_airflow: Floats  # (K, S, N)
    supply: Floats  # (K, S, M)
    return_: Floats  # (K, S, M)
    unit_airflow: Floats  # (K, S, M)
    heat_removed: Floats  # (K, S, M)
    unit_power: Floats  # (K, S, M)
    room: Floats  # (K, S)
    dew_point: Floats  # (K, S)
