"""Rooms and units as the twins show them now. Read only. Next: :mod:`guard.state` reads the JSON."""

from __future__ import annotations

from typing import Any, Final, Protocol

from guard.state import Room, room_of
from racktwin.names import ThingId, namespace

FIELDS: Final = "thingId,attributes,features"


class Twins(Protocol):
    """The part of Ditto's client that the guard needs."""

    def get_thing(self, thing: str, fields: str | None = None) -> dict[str, Any] | None:
        """See :meth:`racktwin.ditto_client.DittoClient.get_thing`."""

    def search(
        self, rql: str | None = None, *, namespaces: str | None = None, fields: str | None = None, page: int = 200
    ) -> Any:
        """See :meth:`racktwin.ditto_client.DittoClient.search`."""


def read_unit(twins: Twins, thing: str) -> dict[str, Any] | None:
    """A unit's twin, None when there is none. Raises DittoError."""
    return twins.get_thing(thing, FIELDS)


def read_room(twins: Twins, unit: dict[str, Any]) -> Room:
    """The room that a unit stands in, the unit as given: search lags a second behind.

    Raises:
        DittoError: Ditto did not answer.
    """
    site = ThingId.parse(str(unit["thingId"])).site
    name = str((unit.get("attributes") or {}).get("location") or "")
    found = twins.search(f'eq(attributes/location,"{name}")', namespaces=namespace(site), fields=FIELDS)
    # Servers say nothing that a decision rests on, and are many.
    things = [t for t in found if t.get("thingId") != unit["thingId"] and ":server-" not in str(t.get("thingId"))]
    return room_of(name, [unit, *things])


def cooling_units(twins: Twins, site: str) -> list[dict[str, Any]]:
    """Every cooling unit of a site. Raises DittoError."""
    found = twins.search(f'like(thingId,"{namespace(site)}:cooling-*")', namespaces=namespace(site), fields=FIELDS)
    return list(found)
