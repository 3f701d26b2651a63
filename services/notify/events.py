"""Twin events as CloudEvents 1.0 (JSON), and which of them are wanted. Pure. Next: `notify.delivery`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from racktwin import names
from racktwin.ditto_protocol import Envelope, Topic, parse_topic

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
TYPE_PREFIX: Final = "io.racktwin.twin"
ATTRIBUTES: Final = "@attributes"
LIFE: Final = "@life"

_encoder: Final = msgspec.json.Encoder()


class Filter:
    """Which events are wanted, by kind of thing and by what they touch."""

    def __init__(self, features: str, kinds: str) -> None:
        """Comma separated patterns."""
        self._features = [part.strip() for part in features.split(",") if part.strip()]
        self._kinds = [part.strip() for part in kinds.split(",") if part.strip()]

    def wants(self, topic: Topic, event: Envelope) -> bool:
        """Whether this event is to be sent."""
        kind = names.kind_of(topic.thing_id)
        if not any(fnmatchcase(kind, pattern) for pattern in self._kinds):
            return False
        return any(fnmatchcase(part, pattern) for part in touched(topic, event) for pattern in self._features)


def touched(topic: Topic, event: Envelope) -> set[str]:
    """Features that an event changes, with `@attributes` and `@life`."""
    path = [part.replace("~1", "/").replace("~0", "~") for part in event.path.split("/") if part]
    if not path:
        if topic.action in {"created", "deleted"}:
            return {LIFE}
        value = event.value if isinstance(event.value, Mapping) else {}
        found = set(value.get("features") or ())
        return found | ({ATTRIBUTES} if "attributes" in value else set())
    if path[0] != "features":
        return {ATTRIBUTES}
    if len(path) > 1:
        return {path[1]}
    return set(event.value) if isinstance(event.value, Mapping) else set()


def cloud_event(event: Envelope, fallback_id: str, now_ms: int) -> tuple[str, bytes]:
    """Id and JSON of the CloudEvent of a twin event.

    The id is the thing and its revision, so that an event that is sent again is known as the same. `fallback_id` is for
    an event without a revision.

    Raises:
        ValueError: it is no event of one of our things.
    """
    topic = parse_topic(event.topic)
    thing = names.ThingId.parse(topic.thing_id)
    identity = f"{thing}/{event.revision}" if event.revision is not None else fallback_id
    moment = event.timestamp or datetime.fromtimestamp(now_ms / 1000, UTC).isoformat()
    data: dict[str, Any] = {"thing": str(thing), "kind": thing.kind, "action": topic.action, "path": event.path}
    if event.value is not msgspec.UNSET:
        data["value"] = event.value
    if event.revision is not None:
        data["revision"] = event.revision
    body = {
        "specversion": "1.0",
        "id": identity,
        "source": f"/racktwin/{thing.site}",
        "type": f"{TYPE_PREFIX}.{topic.action}",
        "subject": str(thing),
        "time": moment,
        "datacontenttype": "application/json",
        "data": data,
    }
    return identity, _encoder.encode(body)
