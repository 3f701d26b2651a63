"""The twins of a site as whoever follows them knows them: whole things, kept true by events. Pure.

A thing comes whole from Ditto; events change it in place. An event whose revision does not follow the one known means
that events were lost (Ditto may drop them under pressure): the thing is then to be read again. What changed since the
last look is kept per feature, so that a reader gets the newest state of what changed and never a backlog. Next: the
console, alerting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from racktwin.ditto_protocol import Envelope, parse_topic
from racktwin.merge_patch import merge
from racktwin.names import ThingId

Thing = dict[str, Any]
ATTRIBUTES: Final = "@attributes"


class Fleet:
    """Things of one site."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.things: dict[str, Thing] = {}
        self._changed: dict[str, set[str]] = {}
        self._gone: set[str] = set()
        self._unsure: set[str] = set()

    def put(self, thing: Thing) -> None:
        """A thing as Ditto has it now; an older one than is known is ignored."""
        name = thing["thingId"]
        known = self.things.get(name)
        if known is not None and known.get("_revision", 0) > thing.get("_revision", 0):
            return
        self.things[name] = thing
        self._unsure.discard(name)
        self._gone.discard(name)
        self._changed[name] = {ATTRIBUTES, *thing.get("features", {})}

    def remove(self, name: str) -> None:
        """The thing is no more."""
        self._unsure.discard(name)
        if self.things.pop(name, None) is not None:
            self._gone.add(name)
            self._changed.pop(name, None)

    def apply(self, event: Envelope) -> None:
        """One twin event.

        Raises:
            ValueError: it is no event of a thing.
        """
        topic = parse_topic(event.topic)
        name = topic.thing_id
        revision = event.revision or 0
        known = self.things.get(name)
        path = [part.replace("~1", "/").replace("~0", "~") for part in event.path.split("/") if part]
        if topic.action == "deleted" and not path:
            self.remove(name)
            return
        if known is None:
            self._unsure.add(name)
            return
        if revision and revision <= known.get("_revision", 0):
            return
        if revision and revision != known.get("_revision", 0) + 1:
            self._unsure.add(name)
        _write(known, path, topic.action, event.value)
        known["_revision"] = revision
        self._touch(name, path, event.value)

    def unsure(self) -> list[str]:
        """Things to be read again, because events were lost or they are not known."""
        return sorted(self._unsure)

    def drain(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """What changed since the last call: thing -> feature (or ``@attributes``) -> content now; and who is gone."""
        changes = {
            name: {part: _content(self.things[name], part) for part in sorted(parts)}
            for name, parts in self._changed.items()
            if name in self.things
        }
        gone = sorted(self._gone)
        self._changed.clear()
        self._gone.clear()
        return changes, gone

    def room_of(self, name: str) -> str | None:
        """The room that a thing stands in; a room is its own."""
        thing = self.things.get(name)
        return None if thing is None else thing.get("attributes", {}).get("location")

    def in_room(self, room: str | None) -> list[Thing]:
        """Things of a room, or all."""
        return [thing for name, thing in self.things.items() if room is None or self.room_of(name) == room]

    def of_kind(self, kind: str) -> list[Thing]:
        """Things of a kind, in the order of their names."""
        return [thing for name, thing in sorted(self.things.items()) if ThingId.parse(name).kind == kind]

    def _touch(self, name: str, path: list[str], value: Any) -> None:
        parts = self._changed.setdefault(name, set())
        if not path:
            parts.update((ATTRIBUTES, *self.things[name].get("features", {})))
        elif path[0] == "features":
            if len(path) > 1:
                parts.add(path[1])
            elif isinstance(value, Mapping):
                parts.update(value)
            else:
                parts.update(self.things[name].get("features", {}))
        else:
            parts.add(ATTRIBUTES)


def view(thing: Thing) -> dict[str, Any]:
    """A thing without Ditto's own fields: id, kind, name, attributes, and of each feature its (desired) properties."""
    parsed = ThingId.parse(thing["thingId"])
    return {
        "id": thing["thingId"],
        "kind": parsed.kind,
        "name": parsed.name,
        "attributes": thing.get("attributes", {}),
        "features": {name: _content(thing, name) for name in thing.get("features", {})},
    }


def views(things: Iterable[Thing]) -> list[dict[str, Any]]:
    """Several things, each as :func:`view` gives it."""
    return [view(thing) for thing in things]


def _content(thing: Thing, part: str) -> Any:
    if part == ATTRIBUTES:
        return thing.get("attributes", {})
    feature = (thing.get("features") or {}).get(part)
    if feature is None:
        return None
    content = {"properties": feature.get("properties", {})}
    if feature.get("desiredProperties"):
        content["desiredProperties"] = feature["desiredProperties"]
    return content


def _write(thing: Thing, path: list[str], action: str, value: Any) -> None:
    """Change the place that a path names, making what is above it."""
    if not path:
        merged = merge(thing, value) if action == "merged" else value
        if isinstance(merged, dict):
            revision = thing.get("_revision", 0)
            thing.clear()
            thing.update(merged)
            thing["_revision"] = revision
        return
    place = thing
    for part in path[:-1]:
        below = place.get(part)
        if not isinstance(below, dict):
            if action == "deleted":
                return
            below = place[part] = {}
        place = below
    if action == "deleted" or (action == "merged" and value is None):
        place.pop(path[-1], None)
    elif action == "merged":
        place[path[-1]] = merge(place.get(path[-1]), value)
    else:
        place[path[-1]] = value
