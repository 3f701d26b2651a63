"""Who is who: what ingest and others need to know of a thing, read from its twin's attributes. Pure.

The operator writes the attributes, so Ditto holds the truth. Keeping a copy fresh is the reader's business
(see ``ingest.fleet``): how often it asks and what it does meanwhile depends on its hot path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from racktwin.names import ThingId

FIELDS = "thingId,attributes(location,row,gateways,sensors)"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory knows of a thing."""

    thing: str
    site: str
    kind: str
    room: str | None = None
    row: str | None = None
    # Thing ids of the gateways that may report for it.
    gateways: frozenset[str] = frozenset()
    # Sensor name -> feature, as the Rack resource names its sensors.
    sensors: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """The part of the Ditto client that a reader of the directory needs."""

    def get_thing(self, thing: str, fields: str | None = None) -> dict[str, Any] | None:
        """See :meth:`racktwin.ditto_client.DittoClient.get_thing`."""

    def search(
        self, rql: str | None = None, *, namespaces: str | None = None, fields: str | None = None, page: int = 200
    ) -> Iterable[dict[str, Any]]:
        """See :meth:`racktwin.ditto_client.DittoClient.search`."""


def entry_of(thing: Mapping[str, Any]) -> Entry | None:
    """Entry from a thing's JSON; None when its id is not one of Racktwin's."""
    try:
        parsed = ThingId.parse(str(thing["thingId"]))
    except (KeyError, ValueError):
        return None
    attributes = thing.get("attributes") or {}
    sensors = attributes.get("sensors") or {}
    return Entry(
        thing=str(parsed),
        site=parsed.site,
        kind=parsed.kind,
        room=attributes.get("location"),
        row=attributes.get("row"),
        gateways=frozenset(attributes.get("gateways") or ()),
        sensors={
            name: str(value.get("feature"))
            for name, value in sensors.items()
            if isinstance(value, dict) and value.get("feature")
        },
    )
