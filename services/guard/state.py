"""What the guard knows of a room when it decides: units with their limits, inlets with theirs. Pure, read from twins.

Temperatures in °C, fan speeds in %, times in epoch milliseconds UTC. Next: :mod:`guard.rules`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from physics import ashrae
from racktwin.commands import FEATURE
from racktwin.names import ThingId

Json = Mapping[str, Any]

# A report older than this says nothing of the present (ms).
FRESH_MS: Final = 120_000
# A supply this far above its set-point is all that the unit can do (K).
SHORT_K: Final = 3.0
_USUAL_CLASS: Final = "A2"


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which somebody works at the unit."""

    start: int
    end: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Within which a unit may be commanded: its attributes, as the CoolingUnit resource gives them."""

    setpoint_min: float = 14.0
    setpoint_max: float = 27.0
    fan_min: float = 30.0
    fan_max: float = 100.0
    step_k: float = 2.0
    setpoint_k_per_min: float = 0.5
    fan_percent_per_min: float = 10.0
    second_approver: bool = False
    maintenance: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A cooling unit. What is None is not known; `observed_at` is that of its newest report."""

    thing: str
    room: str
    limits: Limits = Limits()
    airflow_m3s: float | None = None
    setpoint: float | None = None
    fan_speed: float | None = None
    mode: str | None = None
    supply: float | None = None
    return_: float | None = None
    airflow_now: float | None = None
    supply_low: float | None = None
    """The coldest supply of the last hour: what it was raised from may not have reached the inlets yet."""
    observed_at: int | None = None
    faulty: bool = False
    desired: Mapping[str, Any] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inlet:
    """Air at one sensor of a rack, with the class's limits."""

    rack: str
    place: str
    temperature: float
    observed_at: int
    limits: ashrae.Limits
    good: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """A room now. `things` are the twins it was read from, for the physics model."""

    name: str
    units: Mapping[str, Unit]
    inlets: tuple[Inlet, ...]
    racks: int
    optimiser_at: int | None = None
    optimiser_instance: str = ""
    infidelity_k: float | None = None
    things: tuple[Json, ...] = ()

    def fresh_inlets(self, now: int) -> tuple[Inlet, ...]:
        """Inlets whose reading is of the present and not known to be faulty."""
        return tuple(inlet for inlet in self.inlets if inlet.good and now - inlet.observed_at <= FRESH_MS)


def room_of(name: str, things: Iterable[Json]) -> Room:
    """The room from the twins whose ``location`` it is. What cannot be read is left out."""
    found = tuple(things)
    units: dict[str, Unit] = {}
    inlets: list[Inlet] = []
    racks, infidelity = 0, None
    optimiser: Json = {}
    for thing in found:
        try:
            kind = ThingId.parse(str(thing.get("thingId"))).kind
        except ValueError:
            continue
        if kind == "cooling":
            unit = unit_of(thing)
            units[unit.thing] = unit
        elif kind == "rack":
            racks += 1
            inlets.extend(_inlets(thing))
        elif kind == "room":
            optimiser = _properties(thing, "optimisation")
            infidelity = _number(_properties(thing, "fidelity").get("rmse"))
    return Room(
        name=name,
        units=units,
        inlets=tuple(inlets),
        racks=racks,
        # One that looks and does not know what to do is as good as gone.
        optimiser_at=_time(optimiser.get("decidedAt" if optimiser.get("state") == "failed" else "at")),
        optimiser_instance=str(optimiser.get("instance") or ""),
        infidelity_k=infidelity,
        things=found,
    )


def unit_of(thing: Json) -> Unit:
    """A unit from its twin."""
    attributes = thing.get("attributes") or {}
    control, air = _properties(thing, FEATURE), _properties(thing, "air")
    feature = (thing.get("features") or {}).get(FEATURE) or {}
    return Unit(
        thing=str(thing["thingId"]),
        room=str(attributes.get("location") or ""),
        limits=limits_of(attributes),
        airflow_m3s=_number(attributes.get("ratedAirflow")),
        setpoint=_number(control.get("setpoint")),
        fan_speed=_number(control.get("fanSpeed")),
        mode=control.get("mode"),
        supply=_number(air.get("supplyTemperature")),
        return_=_number(air.get("returnTemperature")),
        airflow_now=_number(air.get("airflow")),
        observed_at=_time(air.get("observedAt")),
        faulty="faulty" in (air.get("quality"), control.get("quality")),
        desired=feature.get("desiredProperties") or {},
        last=control.get("lastCommand") or {},
    )


def limits_of(attributes: Json) -> Limits:
    """Limits from a unit's attributes; the usual ones where it names none."""
    usual = Limits()

    def number(name: str, other: float) -> float:
        found = _number(attributes.get(name))
        return other if found is None else found

    return Limits(
        setpoint_min=number("setpointMin", usual.setpoint_min),
        setpoint_max=number("setpointMax", usual.setpoint_max),
        fan_min=number("fanMin", usual.fan_min),
        fan_max=number("fanMax", usual.fan_max),
        step_k=number("slewLimit", usual.step_k),
        setpoint_k_per_min=number("setpointSlew", usual.setpoint_k_per_min),
        fan_percent_per_min=number("fanSlew", usual.fan_percent_per_min),
        second_approver=attributes.get("secondApprover") is True,
        maintenance=tuple(_windows(attributes.get("maintenanceWindows") or ())),
    )


def failed(unit: Unit, now: int) -> str:
    """Why the unit counts as failed; empty while it cools.

    A unit that reports nothing counts as failed: whether it cools is not known. A raised set-point is no failure: the
    supply follows it within minutes, and is colder than it until then. One that was lowered far counts until then,
    which costs no more than that others are lessened less freely meanwhile.
    """
    if unit.observed_at is None or now - unit.observed_at > FRESH_MS:
        return "it does not report"
    if unit.faulty:
        return "its report says faulty"
    if unit.airflow_now is not None and unit.airflow_m3s and unit.airflow_now < 0.05 * unit.airflow_m3s:
        return "it moves no air"
    if unit.supply is not None and unit.return_ is not None and unit.supply > unit.return_ - 0.5:
        return "it does not cool its air"
    if unit.supply is not None and unit.setpoint is not None and unit.supply > unit.setpoint + SHORT_K:
        return "it does not reach its set-point"
    return ""


def _inlets(thing: Json) -> Iterable[Inlet]:
    named = str((thing.get("attributes") or {}).get("ashraeClass") or _USUAL_CLASS)
    limits = ashrae.CLASSES.get(named, ashrae.CLASSES[_USUAL_CLASS])
    for name, feature in (thing.get("features") or {}).items():
        if not name.startswith("environment.") or name.startswith("environment.rear"):
            continue
        properties = feature.get("properties") or {}
        temperature, at = _number(properties.get("temperature")), _time(properties.get("observedAt"))
        if temperature is not None and at is not None:
            good = properties.get("quality") not in ("faulty", "stale")
            yield Inlet(str(thing["thingId"]), name.partition(".")[2], temperature, at, limits, good)


def _windows(found: Any) -> Iterable[Window]:
    for entry in found if isinstance(found, list | tuple) else ():
        try:
            start, end = (datetime.fromisoformat(str(entry[key])) for key in ("start", "end"))
            yield Window(int(start.timestamp() * 1000), int(end.timestamp() * 1000), str(entry.get("reason") or ""))
        except (KeyError, TypeError, ValueError):
            # A window that cannot be read must not open the unit: it holds for ever, and says why.
            yield Window(0, 1 << 62, f"maintenance window {entry!r} cannot be read")


def _properties(thing: Json, feature: str) -> Json:
    found = ((thing.get("features") or {}).get(feature) or {}).get("properties")
    return found if isinstance(found, Mapping) else {}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _time(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
