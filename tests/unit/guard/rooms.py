"""A room for tests of the guard: two units, four racks, everything known and fresh, unless told otherwise."""

from __future__ import annotations

from typing import Any

from guard.case import Case, Past, Policy
from guard.outlook import bound
from guard.state import Room, room_of
from racktwin.commands import Request, Wish, desired_of, wish_of

NOW = 1_800_000_000_000
A, B = "racktwin.t:cooling-a", "racktwin.t:cooling-b"


def unit(
    thing: str = A,
    *,
    setpoint: float = 20.0,
    fan: float = 80.0,
    mode: str = "manual",
    supply: float = 20.0,
    returned: float = 31.0,
    at: int = NOW,
    attributes: dict[str, Any] | None = None,
    desired: dict[str, Any] | None = None,
    last: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A cooling unit's twin."""
    control: dict[str, Any] = {"setpoint": setpoint, "fanSpeed": fan, "mode": mode, "observedAt": at}
    if last is not None:
        control["lastCommand"] = last
    feature: dict[str, Any] = {"properties": control}
    if desired is not None:
        feature["desiredProperties"] = desired
    air = {"supplyTemperature": supply, "returnTemperature": returned, "airflow": 8 * fan / 100, "observedAt": at}
    limits = {"setpointMin": 16, "setpointMax": 27.5, "fanMin": 30, "fanMax": 100, "slewLimit": 2, "setpointSlew": 0.5}
    return {
        "thingId": thing,
        "attributes": {"location": "hall", "ratedAirflow": 8.0, **limits, **(attributes or {})},
        "features": {"control": feature, "air": {"properties": air}},
    }


def rack(name: str, temperature: float = 24.0, at: int = NOW, quality: str = "good") -> dict[str, Any]:
    """A rack's twin."""
    air = {"temperature": temperature, "observedAt": at, "quality": quality}
    return {
        "thingId": f"racktwin.t:rack-{name}",
        "attributes": {"location": "hall", "ashraeClass": "A1"},
        "features": {"environment.top": {"properties": air}, "environment.bottom": {"properties": air}},
    }


def optimised(at: int = NOW, instance: str = "one") -> dict[str, Any]:
    """The room's twin, looked after by an optimiser."""
    return {
        "thingId": "racktwin.t:room-hall",
        "attributes": {"location": "hall"},
        "features": {"optimisation": {"properties": {"at": at, "instance": instance}}},
    }


def room(*things: dict[str, Any]) -> Room:
    """A room of these things; the usual ones where none are given."""
    return room_of("hall", things or usual())


def usual() -> list[dict[str, Any]]:
    """Two units and four racks."""
    return [unit(A), unit(B), *(rack(f"r{n}") for n in range(4))]


def wish(thing: str = A, request: Request | None = None, **values: Any) -> Wish:
    """A wish of now."""
    found = wish_of(thing, desired_of(values, request or Request(id="w1", origin="cli", who="ann", at=NOW)))
    assert found is not None
    return found


def case(wanted: Wish, where: Room | None = None, past: tuple[Past, ...] = (), now: int = NOW) -> Case:
    """A case to decide."""
    where = where or room()
    return Case(
        wish=wanted, unit=where.units[wanted.thing], room=where, past=past, now=now, policy=Policy(), outlook=bound
    )
