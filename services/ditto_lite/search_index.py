"""What a search sees: the twin itself, or the twin as it was a moment ago.

Ditto's index is written after the fact, so a search does not find at once what was just acknowledged. No I/O. Next:
:mod:`ditto_lite.search` looks into it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from ditto_lite.access import Access
from ditto_lite.commands import Event
from ditto_lite.things import Entity
from ditto_lite.twin import Twin


class Searchable(Protocol):
    """What a search needs."""

    @property
    def things(self) -> Mapping[str, Entity]:
        """All things by id."""
        ...

    def sorted_ids(self) -> list[str]:
        """Ids of all things, in order."""
        ...

    def access_to(self, entity: Entity, subjects: tuple[str, ...]) -> Access:
        """What the subjects may do with a thing."""
        ...

    def pseudo(self, entity: Entity) -> dict[str, Any]:
        """The thing's pseudo fields."""
        ...


class LaggingIndex:
    """The twin as it was ``lag_ms`` ago. Policies are those of now."""

    def __init__(self, twin: Twin, lag_ms: int) -> None:
        """Begin with everything that the twin holds."""
        self._twin = twin
        self._lag_ms = lag_ms
        self._things = {each.id: _copy(each) for each in twin.things.values()}
        self._late: deque[Event] = deque()
        self._ids: list[str] | None = None
        twin.bus.on_event.append(self._late.append)

    @property
    def things(self) -> Mapping[str, Entity]:
        """All things by id, as indexed."""
        due = self._twin.clock() - self._lag_ms
        while self._late and self._late[0].at_ms <= due:
            self._apply(self._late.popleft())
        return self._things

    def _apply(self, event: Event) -> None:
        known = self._things.get(event.thing_id)
        if event.action == "deleted" and not event.path:
            if self._things.pop(event.thing_id, None) is not None:
                self._ids = None
            return
        created_ms = event.at_ms if known is None else known.created_ms
        self._things[event.thing_id] = Entity(event.thing_id, event.revision, created_ms, event.at_ms, event.thing)
        if known is None:
            self._ids = None

    def sorted_ids(self) -> list[str]:
        """Ids of all things, in order."""
        things = self.things
        if self._ids is None:
            self._ids = sorted(things)
        return self._ids

    def access_to(self, entity: Entity, subjects: tuple[str, ...]) -> Access:
        """What the subjects may do with a thing."""
        return self._twin.access_to(entity, subjects)

    def pseudo(self, entity: Entity) -> dict[str, Any]:
        """The thing's pseudo fields, as indexed."""
        return self._twin.pseudo(entity)


def _copy(entity: Entity) -> Entity:
    return Entity(entity.id, entity.revision, entity.created_ms, entity.modified_ms, entity.document)
