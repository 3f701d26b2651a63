"""The simulated plant: the room model with hidden parameters, seen through sensors, under a workload, with faults.

Seeded: equal layout, seed, start, steps, commands and faults give equal readings. One plant may be several rooms of one
layout (``seeds``), each with parameters, workload and sensors of its own: that is how days of training data are made
in seconds. Cooling units take set-points and fan speeds (:meth:`Plant.set_control`). Next: :mod:`gateway` reports what
the sensors read; :mod:`physics.history` collects it for training and calibration.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physics import hidden, laws
from physics.faults import KINDS, Fault, plain
from physics.hidden import Nature
from physics.layout import Layout, LayoutError
from physics.model import RoomModel
from physics.parameters import Parameters
from physics.season import Surroundings
from physics.sensors import Readings, Sensors
from physics.state import Inputs, Outputs, State
from physics.workload import Workload

Floats = laws.Floats
Ints = NDArray[np.intp]


class Plant:
    """A room, or several alike. ``layout`` is public; parameters, workload and state are not for a twin to see."""

    def __init__(
        self,
        layout: Layout,
        seed: int | Sequence[int] = 0,
        *,
        start_s: float = 0.0,
        nature: Nature | None = None,
        parameters: Sequence[Parameters] | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        """``start_s`` is epoch seconds. The plant starts settled. ``parameters`` replace those drawn from the seeds.

        Raises:
            ValueError: a fault names a thing that is not there.
        """
        self.layout, self.time_s = layout, start_s
        self.seeds = (seed,) if isinstance(seed, int) else tuple(seed)
        self.nature = nature or Nature()
        drawn = parameters or [hidden.draw(layout, one) for one in self.seeds]
        self._hidden = list(drawn)
        s = len(self._hidden)
        self._model = RoomModel(layout, self._hidden)
        n, m = self._model.racks, self._model.units
        self._rng = np.random.default_rng([*self.seeds, zlib.crc32(layout.room.encode()), n, 1])
        self._workload = Workload(s * n, self._rng, self.nature.workload)
        ids = [zlib.crc32(rack.id.encode()) for rack in layout.racks]
        own = [np.random.default_rng([one, rack, 14]) for one in self.seeds for rack in ids]
        self._workload.base = np.array([each.uniform(*self.nature.workload.base) for each in own])
        self._sensors = Sensors(layout, self.seeds, self.nature)
        weather = np.random.default_rng([*self.seeds, zlib.crc32(layout.room.encode()), 17])
        self._surroundings = Surroundings(s, self.nature, weather)
        # Mean over the years of the dew point outside each room.
        self._dew_point = np.array([one.outside_dew_point for one in self._hidden])
        self._inputs = self._model.default_inputs(0.0)
        self._setpoint, self._fan = self._inputs.setpoint.copy(), self._inputs.fan.copy()
        self._supply_drift: Floats = self._rng.normal(0.0, self.nature.supply_drift, (s, m))
        # A valve's hunting as an oscillator whose phase and strength wander: real and imaginary part.
        self._hunting: Floats = self._rng.normal(0.0, 1.0, (2, s, m))
        periods = [
            np.random.default_rng([one, zlib.crc32(u.id.encode()), 16]) for one in self.seeds for u in layout.units
        ]
        self._hunting_period_s = np.array([each.uniform(*self.nature.hunting_period_s) for each in periods]).reshape(
            s, m
        )
        self._place_drift: Floats = self._rng.normal(0.0, self.nature.recirculation_drift, (s, n))
        self._faults: list[Fault] = []
        for fault in faults:
            self.inject(fault)
        self._drive(0.0)
        self._state = self._model.steady(self._inputs)
        self._model.advance(self._state, self._inputs, 60.0, 5.0)

    # --- what is done to it ---

    def set_control(
        self, unit: str, *, setpoint: float | None = None, fan: float | None = None, room: int | None = None
    ) -> None:
        """Command a cooling unit: supply set-point (°C) and fan speed (%), cut to its limits. In all rooms, or in one.

        Raises:
            LayoutError: there is no such unit.
        """
        at = self.layout.unit_index(unit)
        place = self.layout.units[at]
        rooms = slice(None) if room is None else slice(room, room + 1)
        if setpoint is not None:
            self._setpoint[rooms, at] = np.clip(setpoint, place.setpoint_min_c, place.setpoint_max_c)
        if fan is not None:
            self._fan[rooms, at] = np.clip(fan, place.fan_min, place.fan_max) / 100.0

    def control(self, unit: str) -> tuple[float, float]:
        """Set-point (°C) and fan speed (%) of a unit, of the first room.

        Raises:
            LayoutError: there is no such unit.
        """
        at = self.layout.unit_index(unit)
        return float(self._setpoint[0, at]), 100.0 * float(self._fan[0, at])

    def inject(self, fault: Fault) -> None:
        """Give the plant a fault, now or at its start.

        Raises:
            LayoutError: its target is not in this room.
        """
        whose = KINDS[fault.kind][0]
        if whose == "unit":
            self.layout.unit_index(fault.target)
        elif whose == "rack":
            self.layout.rack_index(fault.target)
        elif whose == "disk":
            raise LayoutError(f"room {self.layout.room}: {fault.kind} is a fault of a server's disk, not of the room")
        self._faults.append(fault)

    def concerns(self, fault: Fault) -> bool:
        """Whether a fault is one of this room: of a rack or unit in it, or of the room by its name or of none."""
        if KINDS[fault.kind][0] == "room":
            return fault.target in ("", self.layout.room)
        if KINDS[fault.kind][0] == "disk":
            return False
        things = self.layout.unit_ids if KINDS[fault.kind][0] == "unit" else self.layout.rack_ids
        return any(fault.target in (thing, plain(thing)) for thing in things)

    def set_faults(self, faults: Sequence[Fault]) -> None:
        """Have these faults and no others.

        Raises:
            LayoutError: a target is not in this room.
        """
        before = self._faults
        self._faults = []
        try:
            for fault in faults:
                self.inject(fault)
        except ValueError:
            self._faults = before
            raise

    def clear(self, kind: str = "", target: str = "") -> int:
        """Mend faults of this kind and target (all when left out); how many."""
        kept = [f for f in self._faults if (kind and f.kind != kind) or (target and f.target != target)]
        mended = len(self._faults) - len(kept)
        self._faults = kept
        return mended

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Faults it was given."""
        return tuple(self._faults)

    # --- what it does ---

    def step(self, dt_s: float, *, step_s: float = 5.0) -> Readings:
        """Advance by ``dt_s`` seconds, in steps of the model of at most ``step_s``, and read the sensors.

        Raises:
            ValueError: ``dt_s`` is not positive.
        """
        if dt_s <= 0.0:
            raise ValueError(f"dt_s {dt_s}: expected more than 0")
        left = dt_s
        while left > 1e-9:
            piece = min(left, 60.0)
            self._drive(piece)
            self._model.advance(self._state, self._inputs, piece, step_s)
            left -= piece
        return self.read()

    def read(self) -> Readings:
        """Read the sensors now, each with new noise."""
        seen = self._model.observe(self._state, self._inputs)
        return self._sensors.read(
            self.time_s, seen, setpoint=self._setpoint, fan=self._fan, faults=self._active(), rng=self._rng
        )

    def truth(self) -> Outputs:
        """What no sensor shows exactly: for tests and figures, never for a twin."""
        return self._model.observe(self._state, self._inputs)

    @property
    def state(self) -> State:
        """The hidden state, for tests."""
        return self._state

    @property
    def hidden(self) -> tuple[Parameters, ...]:
        """The hidden parameters, for tests and figures, never for a twin."""
        return tuple(self._hidden)

    def with_layout(self, layout: Layout) -> Plant:
        """A plant of another layout of the room at the same time: racks and units that are in both go on as they were.

        Only of a plant of one room.
        """
        new = Plant(layout, self.seeds, start_s=self.time_s, nature=self.nature)
        racks = _both([r.id for r in self.layout.racks], [r.id for r in layout.racks])
        units = _both([u.id for u in self.layout.units], [u.id for u in layout.units])
        if racks is not None:
            of, to = racks
            for name in ("inlet", "server", "cpu"):
                getattr(new._state, name)[:, :, to] = getattr(self._state, name)[:, :, of]
            for name in ("noise", "phase_s", "utilisation"):
                getattr(new._workload, name)[to] = getattr(self._workload, name)[of]
            for name in ("job_on", "job_size"):
                getattr(new._workload, name)[:, to] = getattr(self._workload, name)[:, of]
            new._place_drift[:, to] = self._place_drift[:, of]
            new._state.scalars[...] = self._state.scalars
        if units is not None:
            of, to = units
            for array in ("supply", "available", "fan"):
                getattr(new._state, array)[:, to] = getattr(self._state, array)[:, of]
            for array in ("_setpoint", "_fan", "_supply_drift", "_hunting"):
                getattr(new, array)[..., to] = getattr(self, array)[..., of]
        new._surroundings = self._surroundings
        new._faults = [fault for fault in self._faults if new.concerns(fault)]
        new._state.network = None
        new._drive(0.0)
        return new

    # --- the inside ---

    def _active(self) -> list[tuple[Fault, float]]:
        return [(fault, size) for fault in self._faults if (size := fault.at(self.time_s)) > 0.0]

    def _drive(self, dt_s: float) -> None:
        """Let what acts on the room change, as it does within ``dt_s``."""
        nature, inputs, rng = self.nature, self._inputs, self._rng
        self.time_s += dt_s
        s, n = self._model.scenarios, self._model.racks
        if dt_s > 0.0:
            self._workload.step(self.time_s, dt_s)
            share = dt_s / nature.supply_drift_time_s
            self._supply_drift = _wander(self._supply_drift, nature.supply_drift, share, rng)
            self._hunting = _oscillate(self._hunting, dt_s, self._hunting_period_s, nature.hunting_time_s, rng)
            share = dt_s / nature.recirculation_drift_time_s
            self._place_drift = _wander(self._place_drift, nature.recirculation_drift, share, rng)
            self._surroundings.step(dt_s)
        inputs.it_power = self._model.power(self._workload.utilisation.reshape(s, n))
        inputs.setpoint = self._setpoint + self._supply_drift + nature.hunting * self._hunting[0]
        inputs.fan, inputs.capacity = self._fan.copy(), np.ones_like(self._fan)
        inputs.efficiency = np.ones_like(self._fan)
        inputs.server_fan = np.ones((s, n))
        inputs.extra_recirculation = 0.12 * self._place_drift
        inputs.containment_open, inputs.moisture = np.zeros(s), self._fresh_moisture()
        for fault, size in self._active():
            self._apply(inputs, fault, size)

    def _fresh_moisture(self) -> Floats:
        """Water (S,), kg/s, that fresh air brings in with the weather and the season, beyond what it does on a mean."""
        e, now = self._model.equations, self._dew_point + self._surroundings.dew_k(self.time_s)
        return np.asarray(e.fresh_kg_s * (laws.humidity_ratio(now) - e.outside))

    def _apply(self, inputs: Inputs, fault: Fault, size: float) -> None:
        lost = min(size, 1.0)
        if fault.kind in ("unit-fails", "unit-stops", "unit-fan-degrades"):
            at = self.layout.unit_index(fault.target)
            if fault.kind != "unit-fan-degrades":
                inputs.capacity[:, at] *= 1.0 - lost
            if fault.kind != "unit-fails":
                inputs.fan[:, at] *= 1.0 - lost
        elif fault.kind == "unit-coil-fouls":
            # A unit that removes nothing per watt has failed; this one still does a little.
            inputs.efficiency[:, self.layout.unit_index(fault.target)] *= max(1.0 - lost, 0.05)
        elif fault.kind == "rack-fan-degrades":
            inputs.server_fan[:, self.layout.rack_index(fault.target)] *= 1.0 - lost
        elif fault.kind == "blanking-missing":
            inputs.extra_recirculation[:, self.layout.rack_index(fault.target)] += lost
        elif fault.kind == "containment-opens":
            inputs.containment_open[...] = lost
        elif fault.kind == "leak":
            inputs.moisture += size


def _wander(value: Floats, deviation: float | Floats, share: float, rng: np.random.Generator) -> Floats:
    """One exact step of an Ornstein-Uhlenbeck process around 0; ``share`` is the step over its time constant."""
    keep = np.exp(-share)
    return np.asarray(keep * value + deviation * np.sqrt(1.0 - keep * keep) * rng.standard_normal(value.shape))


def _oscillate(value: Floats, dt_s: float, period_s: Floats, time_s: float, rng: np.random.Generator) -> Floats:
    """One exact step of an oscillator of unit variance, whose phase is forgotten after ``time_s``."""
    keep, angle = np.exp(-dt_s / time_s), 2.0 * np.pi * dt_s / period_s
    real = keep * (np.cos(angle) * value[0] - np.sin(angle) * value[1])
    imaginary = keep * (np.sin(angle) * value[0] + np.cos(angle) * value[1])
    noise = np.sqrt(1.0 - keep * keep) * rng.standard_normal(value.shape)
    return np.asarray(np.stack([real, imaginary]) + noise)


def _both(before: list[str], after: list[str]) -> tuple[Ints, Ints] | None:
    """Indices, before and after, of what is in both."""
    at = {name: k for k, name in enumerate(before)}
    pairs = [(at[name], k) for k, name in enumerate(after) if name in at]
    if not pairs:
        return None
    of, to = zip(*pairs, strict=True)
    return np.array(of), np.array(to)
