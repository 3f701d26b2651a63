"""The plant: racks x {bottom, top}, room air, cooling units; arrays over racks, one step at a time.

Model, per rack i in room r (first-order lags integrated exactly, so a step may be 1 s or 10 s):

* power: ``P = P_idle + (P_busy - P_idle) (2u - u^1.4)`` (Fan, Weber, Barroso, ISCA 2007);
* outlet: follows ``T_in + P / (rho cp V)`` with the thermal mass of the servers (minutes);
* inlet at height z: follows ``(1 - phi - l) T_supply + phi T_out,near + l T_room`` (aisle turn-over, tens of
  seconds). ``phi``, the recirculated share, is larger at the top and at row ends and grows with the rack's air flow;
  ``T_out,near`` mixes the rack's own outlet with its neighbours';
* room air: follows the air-flow-weighted mean of the outlets (room mass, half an hour);
* supply: a set-point with a slow drift, and a second cooling stage that a thermostat on the room air switches with
  hysteresis (as compressors are staged), both felt with the lag of the coil;
* moisture: one dew point per room, so heating moves relative humidity alone, the dew point never.

Sensors add noise and quantise. Nothing of this module's hidden state is in what it returns.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from racktwin.psychrometrics import MAGNUS_A, MAGNUS_B_CEL
from racktwin.simulation.workload import Workload, WorkloadParameters

Floats = NDArray[np.float64]

# Air at 20 °C: density (kg/m3) times specific heat (J/kg/K), Tang, Gupta, Varsamopoulos, IEEE TPDS 2008, table 1.
RHO_CP: Final = 1.19 * 1005.0
# Longer steps are cut into pieces of this length (s).
MAX_STEP_S: Final = 10.0
_ROOM_STATE: Final = ("_supply", "_air", "_dew_point", "_supply_drift", "_stage", "_switched_s", "_thermostat")


@dataclass(frozen=True, slots=True)
class RackSpec:
    """What the plant must know of a rack. ``position`` is its place along the row (m)."""

    id: str
    room: str = "room"
    row: str = "row"
    position: float = 0.0
    power_capacity_w: float = 8000.0


@dataclass(frozen=True, slots=True)
class Parameters:
    """Constants of the plant: temperatures in °C, differences in K, times in s."""

    supply_setpoint: float = 18.0
    supply_drift: float = 0.5  # standard deviation of the slow drift (K)
    supply_drift_time_s: float = 7200.0
    stage: float = 2.4  # what the second cooling stage takes off the supply temperature (K)
    stage_band: float = 0.45  # half-width of the thermostat's hysteresis (K)
    stage_every_s: float = 240.0  # least time between two switches of a stage
    room_start: float = 29.0
    supply_time_s: float = 150.0
    aisle_time_s: float = 35.0
    server_time_s: tuple[float, float] = (300.0, 600.0)
    room_time_s: float = 1800.0
    recirculation_bottom: tuple[float, float] = (0.02, 0.06)
    recirculation_top: tuple[float, float] = (0.18, 0.38)
    room_leak_bottom: float = 0.04
    room_leak_top: float = 0.12
    neighbour_share: float = 0.35
    idle_share: float = 0.40  # idle power as a share of the busy power
    busy_share: float = 0.90  # busy power as a share of the capacity
    flow_per_kw: float = 0.070  # m3/s per kW of busy power, at full utilisation
    flow_floor: float = 0.55  # air flow when idle, as a share of that
    dew_point: float = 10.5
    dew_point_drift: float = 0.7  # standard deviation (K)
    dew_point_time_s: float = 10800.0
    temperature_noise: float = 0.04
    temperature_step: float = 0.05
    humidity_noise: float = 0.25
    humidity_step: float = 0.1
    power_noise: float = 0.004  # relative
    power_step: float = 1.0
    workload: WorkloadParameters = field(default_factory=WorkloadParameters)


@dataclass(frozen=True, slots=True)
class Readings:
    """What the sensors of n racks read at one moment; each array has shape (n,), in the order of the specs."""

    time_s: float
    bottom_temperature: Floats  # °C
    top_temperature: Floats  # °C
    bottom_humidity: Floats  # % relative humidity
    top_humidity: Floats  # % relative humidity
    power: Floats  # W


class Plant:
    """A plant of racks. Seeded: equal specs, seed, start and steps give equal readings."""

    def __init__(
        self,
        racks: Sequence[RackSpec],
        seed: int = 0,
        *,
        start_s: float = 0.0,
        parameters: Parameters | None = None,
    ) -> None:
        """``start_s`` is epoch seconds. The plant starts settled: warm, not at ambient.

        Raises:
            ValueError: two racks share an id, or a capacity is not positive.
        """
        if len({rack.id for rack in racks}) != len(racks):
            raise ValueError("rack ids: expected each only once")
        if any(rack.power_capacity_w <= 0 for rack in racks):
            raise ValueError("power_capacity_w: expected more than 0")
        self.racks = tuple(racks)
        self.time_s = start_s
        self._seed = seed
        p = self._p = parameters or Parameters()
        n = len(self.racks)
        # Built-in differences belong to a rack's identity, whoever stands beside it.
        own = [np.random.default_rng([seed, zlib.crc32(rack.id.encode())]) for rack in self.racks]
        self._rng = np.random.default_rng([seed, n, 1])
        self._workload = Workload(n, self._rng, p.workload)
        self._workload.base = _of(own, *p.workload.base)
        ends = _row_ends(self.racks)
        self._phi_bottom = _of(own, *p.recirculation_bottom)
        self._phi_top = _of(own, *p.recirculation_top) * (1.0 + 0.25 * ends)
        self._server_time_s = _of(own, *p.server_time_s)
        self._busy_w = p.busy_share * np.array([rack.power_capacity_w for rack in self.racks], dtype=float)
        self._full_flow = p.flow_per_kw * self._busy_w / 1000.0
        self._mix = _neighbour_mix(self.racks, p.neighbour_share)
        rooms = sorted({rack.room for rack in self.racks})
        self._room = np.array([rooms.index(rack.room) for rack in self.racks], dtype=int)
        m = len(rooms)
        self._supply_drift = self._rng.normal(0.0, p.supply_drift, m)
        self._dew_point = p.dew_point + self._rng.normal(0.0, p.dew_point_drift, m)
        self._supply = np.full(m, p.supply_setpoint)
        self._air = np.full(m, p.room_start)
        self._bottom = np.full(n, p.supply_setpoint + 1.0)
        self._top = np.full(n, p.supply_setpoint + 3.0)
        self._out = np.full(n, p.room_start)
        self.power_w: Floats = np.zeros(n)
        self._stage = np.zeros(m, dtype=bool)
        self._switched_s = np.full(m, -np.inf)
        self._settle()
        # The thermostats are set to what the rooms need: half of the time on.
        self._thermostat = self._air - p.stage / 2.0
        self._stage = self._rng.random(m) < 0.5

    def step(self, dt_s: float) -> Readings:
        """Advance by ``dt_s`` seconds and read the sensors.

        Raises:
            ValueError: ``dt_s`` is not positive.
        """
        if dt_s <= 0.0:
            raise ValueError(f"dt_s {dt_s}: expected more than 0")
        pieces = int(np.ceil(dt_s / MAX_STEP_S))
        for _ in range(pieces):
            self._advance(dt_s / pieces)
        return self._read()

    def with_racks(self, racks: Sequence[RackSpec]) -> Plant:
        """A plant of other racks at the same time; racks and rooms that are in both go on as they were."""
        new = Plant(racks, self._seed, start_s=self.time_s, parameters=self._p)
        before = {rack.id: i for i, rack in enumerate(self.racks)}
        kept = [(i, before[rack.id]) for i, rack in enumerate(new.racks) if rack.id in before]
        if kept:
            to, of = (np.array(side) for side in zip(*kept, strict=True))
            for name in ("_bottom", "_top", "_out", "power_w"):
                getattr(new, name)[to] = getattr(self, name)[of]
            for name in ("noise", "phase_s", "utilisation"):
                getattr(new._workload, name)[to] = getattr(self._workload, name)[of]
            for name in ("job_on", "job_size"):
                getattr(new._workload, name)[:, to] = getattr(self._workload, name)[:, of]
            for name in _ROOM_STATE:
                getattr(new, name)[new._room[to]] = getattr(self, name)[self._room[of]]
        return new

    def _settle(self) -> None:
        """Run the thermal part to its balance at the present workload."""
        for _ in range(60):
            self._thermal(300.0)

    def _advance(self, dt_s: float) -> None:
        p, rng = self._p, self._rng
        self.time_s += dt_s
        self._workload.step(self.time_s, dt_s)
        shape = self._supply.shape
        self._supply_drift = _wander(self._supply_drift, p.supply_drift, dt_s / p.supply_drift_time_s, rng, shape)
        moved = _wander(self._dew_point - p.dew_point, p.dew_point_drift, dt_s / p.dew_point_time_s, rng, shape)
        self._dew_point = p.dew_point + moved
        waited = self.time_s - self._switched_s >= p.stage_every_s
        above = self._air - self._thermostat
        switch = waited & np.where(self._stage, above < -p.stage_band, above > p.stage_band)
        self._stage = self._stage ^ switch
        self._switched_s = np.where(switch, self.time_s, self._switched_s)
        self._thermal(dt_s)

    def _thermal(self, dt_s: float) -> None:
        p, room = self._p, self._room
        u = self._workload.utilisation
        self.power_w = self._busy_w * (p.idle_share + (1.0 - p.idle_share) * (2.0 * u - u**1.4))
        share = p.flow_floor + (1.0 - p.flow_floor) * u
        flow = self._full_flow * share
        near = self._mix @ self._out
        supply, air = self._supply[room], self._air[room]
        phi_bottom, phi_top = self._phi_bottom * share, self._phi_top * share
        bottom = (1.0 - phi_bottom - p.room_leak_bottom) * supply + phi_bottom * near + p.room_leak_bottom * air
        top = (1.0 - phi_top - p.room_leak_top) * supply + phi_top * near + p.room_leak_top * air
        out = 0.5 * (self._bottom + self._top) + self.power_w / (RHO_CP * flow)
        heat = np.bincount(room, weights=flow * self._out, minlength=self._air.size)
        back = heat / np.maximum(np.bincount(room, weights=flow, minlength=self._air.size), 1e-9)
        wanted = p.supply_setpoint + self._supply_drift - p.stage * self._stage
        aisle = -np.expm1(-dt_s / p.aisle_time_s)
        self._bottom += aisle * (bottom - self._bottom)
        self._top += aisle * (top - self._top)
        self._out += -np.expm1(-dt_s / self._server_time_s) * (out - self._out)
        self._air += -np.expm1(-dt_s / p.room_time_s) * (back - self._air)
        self._supply += -np.expm1(-dt_s / p.supply_time_s) * (wanted - self._supply)

    def _read(self) -> Readings:
        p, rng = self._p, self._rng
        dew_point = self._dew_point[self._room]
        n = len(self.racks)

        def temperature(true: Floats) -> Floats:
            return _quantise(true + p.temperature_noise * rng.standard_normal(n), p.temperature_step)

        def humidity(true: Floats) -> Floats:
            wet = relative_humidity(true, dew_point) + p.humidity_noise * rng.standard_normal(n)
            return _quantise(np.clip(wet, 0.1, 100.0), p.humidity_step)

        return Readings(
            time_s=self.time_s,
            bottom_temperature=temperature(self._bottom),
            top_temperature=temperature(self._top),
            bottom_humidity=humidity(self._bottom),
            top_humidity=humidity(self._top),
            power=_quantise(self.power_w * (1.0 + p.power_noise * rng.standard_normal(n)), p.power_step),
        )


def relative_humidity(temperature: Floats, dew_point: Floats) -> Floats:
    """Relative humidity (%) of air at ``temperature`` (°C) with that dew point (°C): Magnus form, arrays."""

    def exponent(t: Floats) -> Floats:
        return MAGNUS_A * t / (MAGNUS_B_CEL + t)

    return np.asarray(100.0 * np.exp(exponent(dew_point) - exponent(temperature)))


def _of(generators: list[np.random.Generator], low: float, high: float) -> Floats:
    return np.array([generator.uniform(low, high) for generator in generators], dtype=float)


def _wander(value: Floats, deviation: float, share: float, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """One exact step of an Ornstein-Uhlenbeck process around 0; ``share`` is the step over its time constant."""
    keep = np.exp(-share)
    return np.asarray(keep * value + deviation * np.sqrt(1.0 - keep * keep) * rng.standard_normal(shape))


def _quantise(value: Floats, step: float) -> Floats:
    # Rounded again so that the decimal form is short: 22.35, not 22.350000000000001.
    return np.asarray(np.round(np.round(value / step) * step, 3))


def _rows(racks: Sequence[RackSpec]) -> list[list[int]]:
    rows: dict[tuple[str, str], list[int]] = {}
    for index, rack in enumerate(racks):
        rows.setdefault((rack.room, rack.row), []).append(index)
    return [sorted(row, key=lambda i: (racks[i].position, racks[i].id)) for row in rows.values()]


def _row_ends(racks: Sequence[RackSpec]) -> Floats:
    """1 for racks at an end of their row, else 0."""
    ends = np.zeros(len(racks))
    for row in _rows(racks):
        ends[[row[0], row[-1]]] = 1.0
    return ends


def _neighbour_mix(racks: Sequence[RackSpec], share: float) -> Floats:
    """Matrix (n, n) whose row i gives the outlets that rack i breathes: its own and its neighbours'. Rows sum to 1."""
    mix = np.eye(len(racks))
    for row in _rows(racks):
        for place, i in enumerate(row):
            beside = [row[k] for k in (place - 1, place + 1) if 0 <= k < len(row)]
            if beside:
                mix[i, i] = 1.0 - share
                mix[i, beside] = share / len(beside)
    return mix
