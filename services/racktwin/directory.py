"""Who is who: the things of the sites, with what ingest and others need to know of each.

Ditto holds the truth (the operator writes it there); this keeps a bounded copy: loaded once by search, filled on a
miss by one GET, refreshed when old. A thing that Ditto does not know is remembered as such for a short time, so that
a stranger's stream costs one GET every few seconds and a new rack is known soon after it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    """The part of the Ditto client that the directory needs."""

    def get_thing(self, thing: str, fields: str | None = None) -> dict[str, Any] | None:
        """See :meth:`racktwin.ditto_client.DittoClient.get_thing`."""

    def search(
        self,
        rql: str | None = None,
        *,
        namespaces: str | None = None,
        fields: str | None = None,
        page: int = 200,
    ) -> Any:
        """See :meth:`racktwin.ditto_client.DittoClient.search`."""


class ThingDirectory:
    """A bounded copy of who is who. Not thread safe. Times in milliseconds."""

    def __init__(
        self,
        source: Source,
        clock: Callable[[], int],
        *,
        fresh_ms: int = 300_000,
        absent_ms: int = 3_000,
        limit: int = 200_000,
    ) -> None:
        self._source = source
        self._clock = clock
        self._fresh_ms = fresh_ms
        self._absent_ms = absent_ms
        self._limit = limit
        self._known: dict[str, tuple[int, Entry | None]] = {}

    def preload(self, namespaces: str | None = None) -> int:
        """Read every thing that Ditto shows us; how many there were.

        Raises:
            DittoError: Ditto answered an error, or not at all.
        """
        now = self._clock()
        count = 0
        for thing in self._source.search(namespaces=namespaces, fields=FIELDS):
            entry = entry_of(thing)
            if entry is not None:
                self._known[entry.thing] = (now, entry)
                count += 1
        return count

    def get(self, thing: str) -> Entry | None:
        """The entry of a thing, or None when Ditto has no such thing.

        An entry past its freshness is still used when Ditto cannot be asked: what is known stays known.

        Raises:
            DittoError: it is not known here and Ditto cannot be asked.
        """
        now = self._clock()
        held = self._known.get(thing)
        if held is not None:
            age = now - held[0]
            if age < (self._fresh_ms if held[1] is not None else self._absent_ms):
                return held[1]
        try:
            found = self._source.get_thing(thing, fields=FIELDS)
        except Exception:
            if held is not None and held[1] is not None:
                # Ask again in a while, not with every reading.
                self._known[thing] = (now - self._fresh_ms + self._absent_ms, held[1])
                return held[1]
            raise
        entry = entry_of(found) if found is not None else None
        if len(self._known) >= self._limit:
            self._known.pop(next(iter(self._known)))
        self._known[thing] = (now, entry)
        return entry

    def forget(self, thing: str) -> None:
        """Ask Ditto again the next time (its attributes changed, or it went)."""
        self._known.pop(thing, None)

    def __len__(self) -> int:
        return sum(1 for _, entry in self._known.values() if entry is not None)


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
