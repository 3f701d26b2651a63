"""The controllers of simulated cooling units: commands in, set-points in force out. Pure but for a lock.

Each behaves as a unit's own controller does: it refuses what its hardware does not allow, moves no faster than its
ramps, does a repeated command once, and takes over by itself: in mode ``auto`` its fans keep the air's rise over the
racks, and a unit in mode ``mpc`` that hears nothing for its watchdog's time goes back to ``auto``. Next: the plant,
which the set-points act on, and :mod:`gateway.packs`, which reports them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.commands import NO_ANSWER
from physics.faults import OF_CONTROLLERS, Fault, plain
from racktwin.commands import SUBJECT, fault_of

# Air's temperature rise over the racks that a unit's own control keeps by its fans (K), and how it does (%/K, %/K/s).
AUTO_RISE_K: Final = 11.0
AUTO_P: Final = 2.0
AUTO_I: Final = 0.02
_REMEMBERED: Final = 32

Reply = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class UnitSetup:
    """What a unit allows and starts with: °C, %, and its ramps a minute."""

    setpoint: float = 20.0
    fan_speed: float = 80.0
    setpoint_min: float = 14.0
    setpoint_max: float = 27.0
    fan_min: float = 30.0
    fan_max: float = 100.0
    setpoint_k_per_min: float = 0.5
    fan_percent_per_min: float = 10.0


@dataclass(frozen=True, slots=True)
class InForce:
    """What a unit does now."""

    setpoint: float
    fan_speed: float
    mode: str
    ramped_setpoint: float
    """The set-point that its valve follows at the moment."""
    ramped_fan: float


@dataclass(slots=True)
class _Unit:
    setup: UnitSetup
    setpoint: float
    fan: float
    mode: str = "auto"
    at_setpoint: float = 0.0
    at_fan: float = 0.0
    integral: float = 0.0
    heard_at: int = 0
    watchdog_ms: int = 0
    done: OrderedDict[str, tuple[dict[str, Any], Reply]] = field(default_factory=OrderedDict)


class Controls:
    """The controllers of all of a gateway's units. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._units: dict[str, _Unit] = {}
        # Unit -> what is wrong with its controller.
        self._faults: dict[str, str] = {}

    def adopt(self, units: Mapping[str, UnitSetup]) -> None:
        """The units at present: new ones start, others go on, those that are gone leave."""
        with self._lock:
            for unit in set(self._units) - set(units):
                del self._units[unit]
            for unit, setup in units.items():
                if unit in self._units:
                    self._units[unit].setup = setup
                else:
                    self._units[unit] = _Unit(
                        setup, setup.setpoint, setup.fan_speed, at_setpoint=setup.setpoint, at_fan=setup.fan_speed
                    )

    def set_faults(self, faults: Iterable[Fault], now_s: float) -> None:
        """Have those of these faults that are of controllers and in force now (epoch seconds), and no others."""
        found = {fault.target: fault.kind for fault in faults if fault.kind in OF_CONTROLLERS and fault.at(now_s) > 0.0}
        with self._lock:
            # A target is a thing, or its name without site and kind.
            both = {unit: found.get(unit) or found.get(plain(unit)) for unit in self._units}
            self._faults = {unit: kind for unit, kind in both.items() if kind}

    def handle(self, device: str, subject: str, parameters: Any, now: int) -> Reply | None:
        """Status and body of the answer to a command; None where this is no unit's, or the subject another.

        200 with what is in force; 400 for what is no command, 409 for an id that came with other values, 422 for
        values beyond what the hardware allows. Of a unit with a fault: 423 where it is in local control, `NO_ANSWER`
        where it is deaf.
        """
        with self._lock:
            unit = self._units.get(device)
            if unit is None or subject != SUBJECT:
                return None
            fault = self._faults.get(device)
            if fault == "unit-deaf":
                return NO_ANSWER, {}
            if fault == "unit-refuses":
                return 423, {"error": "in local control at the unit's panel"}
            if not isinstance(parameters, dict):
                return 400, {"error": "payload: expected an object"}
            return _take(unit, parameters, now)

    def step(self, device: str, rise_k: float | None, dt_s: float, now: int) -> InForce | None:
        """Let a unit's controller go on for ``dt_s``; ``rise_k`` is return minus supply (K). None: no such unit."""
        with self._lock:
            unit = self._units.get(device)
            return None if unit is None else _step(unit, rise_k, dt_s, now)


def _take(unit: _Unit, parameters: dict[str, Any], now: int) -> Reply:
    command = str(parameters.get("id") or "")
    values = {name: parameters[name] for name in ("setpoint", "fanSpeed", "mode") if parameters.get(name) is not None}
    if command in unit.done:
        before, reply = unit.done[command]
        if before == values:
            unit.heard_at = now
            return reply
        return 409, {"error": f"id {command}: came before with other values"}
    fault = fault_of(values) or ("" if values else "expected setpoint, fanSpeed or mode")
    if fault:
        return 400, {"error": fault}
    setup = unit.setup
    for name, low, high in (
        ("setpoint", setup.setpoint_min, setup.setpoint_max),
        ("fanSpeed", setup.fan_min, setup.fan_max),
    ):
        value = values.get(name)
        if value is not None and not low <= value <= high:
            return 422, {"error": f"{name} {value:g}: this unit allows {low:g} to {high:g}"}
    unit.setpoint = float(values.get("setpoint", unit.setpoint))
    unit.fan = float(values.get("fanSpeed", unit.fan))
    # A person who sets the fans takes them out of the unit's own hands.
    usual = "manual" if "fanSpeed" in values else unit.mode
    unit.mode = str(values.get("mode", usual))
    unit.heard_at = now
    unit.watchdog_ms = int(float(parameters.get("watchdogS") or 0) * 1000)
    applied = {"setpoint": unit.setpoint, "fanSpeed": unit.fan, "mode": unit.mode}
    reply = 200, {"status": "accepted", "id": command, "acceptedAt": now, "applied": applied}
    if command:
        unit.done[command] = values, reply
        while len(unit.done) > _REMEMBERED:
            unit.done.popitem(last=False)
    return reply


def _step(unit: _Unit, rise_k: float | None, dt_s: float, now: int) -> InForce:
    setup = unit.setup
    if unit.mode == "mpc" and unit.watchdog_ms and now - unit.heard_at > unit.watchdog_ms:
        unit.mode = "auto"
    if unit.mode == "auto" and rise_k is not None:
        error = rise_k - AUTO_RISE_K
        unit.integral = min(30.0, max(-30.0, unit.integral + AUTO_I * error * dt_s))
        wanted = setup.fan_speed + AUTO_P * error + unit.integral
        unit.fan = min(setup.fan_max, max(setup.fan_min, wanted))
    unit.at_setpoint = _toward(unit.at_setpoint, unit.setpoint, setup.setpoint_k_per_min * dt_s / 60.0)
    unit.at_fan = _toward(unit.at_fan, unit.fan, setup.fan_percent_per_min * dt_s / 60.0)
    return InForce(unit.setpoint, round(unit.fan, 1), unit.mode, unit.at_setpoint, unit.at_fan)


def _toward(value: float, target: float, most: float) -> float:
    return value + min(most, max(-most, target - value))
