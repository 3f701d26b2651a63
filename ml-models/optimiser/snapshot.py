"""A room from its twins: layout, what is measured now, and how its optimisation stands. Pure.

Absent is absent (NaN), never 0; what is older than two minutes counts as absent. Next: :mod:`optimiser.advise`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from optimiser.controller import Seen
from physics import sources
from physics.laws import RHO_CP
from physics.layout import Layout, UnitPlace
from physics.parameters import Parameters, from_dict
from racktwin.names import ThingId

Json = Mapping[str, Any]

FRESH_MS: Final = 120_000
# A supply this far above its set-point is all that the unit can do (K).
SHORT_K: Final = 2.6
# Share of racks whose inlets must be known.
KNOWN: Final = 0.9
MODES: Final = ("off", "advise", "closed-loop")


class NotReady(Exception):
    """The room cannot be optimised now; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A room at one time (epoch ms). ``modes`` are the units' (None: not reported), ``failed`` why by unit."""

    site: str
    room: str
    thing: str
    at: int
    layout: Layout
    parameters: Parameters
    seen: Seen
    modes: tuple[str | None, ...]
    failed: dict[str, str]
    wanted_mode: str
    instance: str
    instance_at: int | None
    infidelity_k: float | None


def rooms_of(things: Iterable[Json]) -> dict[str, str]:
    """Thing ids of rooms by name."""
    found = {}
    for thing in things:
        try:
            who = ThingId.parse(str(thing.get("thingId")))
        except ValueError:
            continue
        if who.kind == "room":
            found[who.name] = str(who)
    return found


def take(room: str, things: Iterable[Json], now: int) -> Snapshot:
    """The room now.

    Raises:
        NotReady: no unit reports, or too few inlets are known.
        LayoutError: the room cannot be modelled.
    """
    by_id = {str(thing.get("thingId")): thing for thing in things}
    layout = sources.from_twins(room, by_id.values())
    units = [_unit(by_id.get(unit), now) for unit in layout.unit_ids]
    silent = [unit for unit, one in zip(layout.unit_ids, units, strict=True) if one["setpoint"] is None]
    if len(silent) == len(units):
        raise NotReady(f"no cooling unit of room {room} reports its set-point")
    racks = [by_id[rack] for rack in layout.rack_ids]
    inlet = np.array([[_fresh(rack, f"environment.{place}", "temperature", now) for rack in racks]
                      for place in ("bottom", "top")])  # fmt: skip
    known = np.isfinite(inlet).any(axis=0).mean()
    if known < KNOWN:
        raise NotReady(f"the inlets of {known:.0%} of the racks of room {room} are known; {KNOWN:.0%} are needed")
    power = np.array([_fresh(rack, "power", "power", now) for rack in racks])
    if not np.isfinite(power).any():
        raise NotReady(f"no rack of room {room} reports its power")
    thing = next(str(i) for i in by_id if i.partition(":")[2] == f"room-{room}")
    optimisation = _feature(by_id[thing], "optimisation")
    properties = optimisation.get("properties") or {}
    wanted = (optimisation.get("desiredProperties") or {}).get("mode")
    fidelity = _feature(by_id[thing], "fidelity").get("properties") or {}
    places = layout.units
    parameters = _parameters(fidelity.get("parameters"))
    setpoint = [one["setpoint"] if one["setpoint"] is not None else place.setpoint_c
                for one, place in zip(units, places, strict=True)]  # fmt: skip
    fan = [one["fan"] if one["fan"] is not None else place.fan_percent
           for one, place in zip(units, places, strict=True)]  # fmt: skip
    return Snapshot(
        site=ThingId.parse(thing).site,
        room=room,
        thing=thing,
        at=now,
        layout=layout,
        parameters=parameters,
        seen=Seen(
            time_s=now / 1000.0,
            inlet=inlet,
            power=power,
            setpoint=np.array(setpoint, dtype=float),
            fan=np.array(fan, dtype=float) / 100.0,
            capacity=np.array(
                [_capacity(one, place, parameters.capacity_exponent) for one, place in zip(units, places, strict=True)]
            ),
            unit_flow=np.array([one["airflow"] for one in units], dtype=float),
        ),
        modes=tuple(one["mode"] for one in units),
        failed={unit: one["failed"] for unit, one in zip(layout.unit_ids, units, strict=True) if one["failed"]},
        wanted_mode=str(wanted) if wanted in MODES else "advise",
        instance=str(properties.get("instance") or ""),
        instance_at=properties.get("at") if isinstance(properties.get("at"), int) else None,
        infidelity_k=_number(fidelity.get("rmse")),
    )


def _unit(thing: Json | None, now: int) -> dict[str, Any]:
    air, control = _fresh_properties(thing, "air", now), _feature(thing, "control").get("properties") or {}
    supply, back = _number(air.get("supplyTemperature")), _number(air.get("returnTemperature"))
    airflow, setpoint = _number(air.get("airflow")), _number(control.get("setpoint"))
    rated = _number(((thing or {}).get("attributes") or {}).get("ratedAirflow"))
    failed = ""
    if not air:
        failed = "it does not report"
    elif airflow is not None and rated and airflow < 0.05 * rated:
        failed = "it moves no air"
    elif supply is not None and back is not None and supply > back - 0.5:
        failed = "it does not cool its air"
    return {
        "setpoint": setpoint,
        "fan": _number(control.get("fanSpeed")),
        "mode": control.get("mode"),
        "airflow": float("nan") if airflow is None else airflow,
        "supply": supply,
        "return": back,
        "failed": failed,
    }


def _capacity(unit: dict[str, Any], place: UnitPlace, exponent: float) -> float:
    """What a unit can still do, as a share: a supply well above its set-point shows that this is all there is.

    Just after its set-point was lowered that is too little, which errs on the side of more cooling.
    """
    if unit["failed"]:
        return 0.0
    supply, back, setpoint, airflow = (unit[name] for name in ("supply", "return", "setpoint", "airflow"))
    if supply is None or back is None or setpoint is None or supply - setpoint < SHORT_K or np.isnan(airflow):
        return 1.0
    share = max(airflow / place.airflow_m3s, 1e-3)
    heat = RHO_CP * airflow * (back - supply) + place.fan_power_w * share**3
    return float(np.clip(heat / (place.capacity_w * share**exponent), 0.02, 1.0))


def _feature(thing: Json | None, name: str) -> Json:
    found = ((thing or {}).get("features") or {}).get(name)
    return found if isinstance(found, Mapping) else {}


def _fresh_properties(thing: Json | None, name: str, now: int) -> Json:
    properties = _feature(thing, name).get("properties") or {}
    at = properties.get("observedAt")
    if not isinstance(at, int) or now - at > FRESH_MS or properties.get("quality") in ("stale", "faulty"):
        return {}
    return properties


def _fresh(thing: Json, feature: str, name: str, now: int) -> float:
    value = _number(_fresh_properties(thing, feature, now).get(name))
    return float("nan") if value is None else value


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _parameters(found: Any) -> Parameters:
    """Calibrated parameters where the twin has them and they can be read, else the usual ones."""
    if not isinstance(found, Mapping):
        return Parameters()
    try:
        return from_dict(found)
    except (ValueError, TypeError, KeyError):
        return Parameters()
