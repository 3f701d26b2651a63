"""The Ditto Protocol: JSON envelopes to commands, and results, errors and events to envelopes.

Pure. Next: :mod:`ditto_lite.kafka_link` moves envelopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ditto_lite.bus import Message
from ditto_lite.clocks import iso
from ditto_lite.commands import Command, Event, Kind, Result
from ditto_lite.errors import DittoError, error
from ditto_lite.fields import parse_selector
from ditto_lite.pointers import MISSING, Path, parse, text_of
from ditto_lite.policies import place_of
from ditto_lite.resources import resource_of

MERGE_PATCH: Final = "application/merge-patch+json"
DITTO_PROTOCOL: Final = "application/vnd.eclipse.ditto+json"
_UNKNOWN: Final = "unknown/unknown/things/twin"
_KINDS: Final[dict[str, Kind]] = {
    "retrieve": "retrieve",
    "create": "create",
    "modify": "modify",
    "merge": "merge",
    "delete": "delete",
}
# What a sender may not decide, and what says nothing to a reader.
_NOT_PUBLISHED: Final = frozenset(
    ("accept", "accept-encoding", "connection", "content-length", "content-type", "correlation-id", "timeout",
    "if-match",
     "if-none-match", "if-equal", "condition", "response-required", "requested-acks", "put-metadata", "authorization",
     "transfer-encoding", "fields")
)  # fmt: skip


@dataclass(slots=True)
class Envelope:
    """A decoded incoming message. ``group`` is ``things`` or ``policies``; ``criterion`` commands, messages …"""

    topic: str
    entity_id: str
    group: str
    channel: str
    criterion: str
    action: str
    headers: dict[str, Any]
    path: str
    value: Any = MISSING
    fields: str | None = None
    status: int | None = None

    @property
    def stem(self) -> str:
        """The topic up to the channel, which answers repeat."""
        namespace, _, name = self.entity_id.partition(":")
        return f"{namespace}/{name}/{self.group}" + (f"/{self.channel}" if self.channel else "")


def decode(payload: bytes | str, transport_headers: dict[str, Any]) -> Envelope:
    """Read an envelope; headers of the transport are defaults for its own.

    Raises:
        DittoError: it is not JSON, its topic is unknown, or it has no path.
    """
    try:
        body = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = payload.decode(errors="replace") if isinstance(payload, bytes) else payload
        raise error("json.invalid", text=text) from None
    if not isinstance(body, dict):
        raise error("json.invalid", message=f"<{body}> is not a valid JSON object!")
    topic = body.get("topic")
    if not isinstance(topic, str):
        raise error("json.field.missing", field="/topic")
    own = body.get("headers")
    headers = {**transport_headers, **own} if isinstance(own, dict) else dict(transport_headers)
    entity_id, group, channel, criterion, action = _read_topic(topic)
    value = body.get("value", MISSING)
    path = body.get("path")
    if not isinstance(path, str):
        raise error("json.field.missing", field="/path")
    return Envelope(
        topic,
        entity_id,
        group,
        channel,
        criterion,
        action,
        headers,
        path,
        value,
        body.get("fields"),
        body.get("status"),
    )


def _read_topic(topic: str) -> tuple[str, str, str, str, str]:
    parts = topic.split("/")
    if len(parts) < 4:
        raise error("protocoladapter:unknown.topicpath", topic=topic, reason="The topic path has too few segments.")
    namespace, name, group, *rest = parts
    if group not in ("things", "policies"):
        raise error("protocoladapter:unknown.topicpath", topic=topic, reason=f"Group name <{group}> is unknown.")
    channel = ""
    if group == "things":
        channel = rest.pop(0)
        if channel not in ("twin", "live"):
            raise error(
                "protocoladapter:unknown.topicpath", topic=topic, reason=f"Channel name <{channel}> is unknown."
            )
    criterion = rest[0] if rest else ""
    if criterion not in ("commands", "messages", "events", "search", "acks", "errors", "announcements"):
        raise error(
            "protocoladapter:unknown.topicpath", topic=topic, reason=f"Criterion name <{criterion}> is unknown."
        )
    return f"{namespace}:{name}", group, channel, criterion, "/".join(rest[1:])


def command_of(envelope: Envelope, subjects: tuple[str, ...], origin: str | None) -> Command:
    """The command in an envelope.

    Raises:
        DittoError: the action, the path or the content type of a merge is not known.
    """
    if envelope.criterion != "commands" or envelope.action not in _KINDS:
        raise error(
            "protocoladapter:unknown.topicpath",
            topic=envelope.topic,
            reason=f"Action name <{envelope.action}> is unknown.",
        )
    kind: Kind = _KINDS[envelope.action]
    path: Path = parse(envelope.path)
    known = resource_of(path) if envelope.group == "things" else place_of(path)
    if known is None:
        raise error("protocoladapter:unknown.path", path=envelope.path)
    if kind == "merge":
        given = envelope.headers.get("content-type")
        if given != MERGE_PATCH:
            raise _unsupported(given)
    if kind in ("create", "modify", "merge") and envelope.value is MISSING:
        raise error("json.field.missing", field="/value")
    selector = parse_selector(envelope.fields) if envelope.fields else None
    return Command(kind, envelope.entity_id, path, subjects, envelope.value, envelope.headers, selector, origin)


def _unsupported(given: Any) -> DittoError:
    raised = error("mediatype.unsupported", given=given, description=f"Allowed Media-Type is: <{MERGE_PATCH}>.")
    if not given:
        raised.payload["message"] = (
            "The Content-Type header was empty or not present. Please set Content-Type header to "
            f'"{MERGE_PATCH}" for this resource'
        )
    raised.payload["href"] = "https://tools.ietf.org/html/rfc7396"
    return raised


def response(envelope: Envelope, result: Result, originator: str) -> dict[str, Any]:
    """The envelope of an answer."""
    headers: dict[str, Any] = {"ditto-originator": originator}
    if result.revision is not None:
        headers["entity-revision"] = result.revision
    headers["response-required"] = False
    if result.etag is not None:
        headers["etag"] = result.etag
    headers["content-type"] = MERGE_PATCH if envelope.action == "merge" else "application/json"
    if (correlation := envelope.headers.get("correlation-id")) is not None:
        headers["correlation-id"] = correlation
    answer: dict[str, Any] = {"topic": envelope.topic, "headers": headers, "path": envelope.path}
    if result.body is not MISSING:
        answer["value"] = result.body
    answer["status"] = result.status
    return answer


def error_response(
    envelope: Envelope | None, raised: DittoError, originator: str | None, extra: dict[str, Any]
) -> dict[str, Any]:
    """The envelope of an error; without an envelope (the message could not be read) the entity is unknown."""
    headers: dict[str, Any] = {}
    correlation = extra.get("correlation-id")
    if envelope is not None:
        if originator is not None:
            headers["ditto-originator"] = originator
        if originator is not None or correlation is None:
            correlation = envelope.headers.get("correlation-id", correlation)
    else:
        headers |= {name: value for name, value in extra.items() if name != "correlation-id"}
    if raised.etag is not None:
        headers["etag"] = raised.etag
    headers |= {"response-required": False, "content-type": "application/json"}
    if correlation is not None:
        headers["correlation-id"] = correlation
    stem = envelope.stem if envelope is not None and not raised.code.endswith(":id.invalid") else _UNKNOWN
    if envelope is not None and raised.code.startswith("policies:"):
        stem = stem.replace("/things/twin", "/policies")
    return {
        "topic": f"{stem}/errors",
        "headers": headers,
        "path": "/",
        "value": raised.payload,
        "status": raised.status,
    }


def event_headers(event: Event) -> dict[str, Any]:
    """Headers of an event: the ones that came with the command (HTTP ones too, as in Ditto), and the revision."""
    command = event.command
    headers = {name: value for name, value in command.headers.items() if name not in _NOT_PUBLISHED}
    headers["ditto-originator"] = command.subjects[0]
    headers["response-required"] = False
    headers["requested-acks"] = []
    headers["entity-revision"] = event.revision
    if event.action != "deleted":
        headers["content-type"] = MERGE_PATCH if event.action == "merged" else "application/json"
    if (correlation := command.headers.get("correlation-id")) is not None:
        headers["correlation-id"] = correlation
    return headers


def event_envelope(event: Event, headers: dict[str, Any], extra: Any = MISSING) -> dict[str, Any]:
    """The envelope of an event."""
    namespace, _, name = event.thing_id.partition(":")
    envelope: dict[str, Any] = {
        "topic": f"{namespace}/{name}/things/twin/events/{event.action}",
        "headers": headers,
        "path": text_of(event.path),
    }
    if event.value is not MISSING:
        envelope["value"] = event.value
    if extra is not MISSING:
        envelope["extra"] = extra
    envelope["revision"] = event.revision
    envelope["timestamp"] = iso(event.at_ms)
    return envelope


def message_envelope(message: Message) -> dict[str, Any]:
    """The envelope of a live message."""
    namespace, _, name = message.thing_id.partition(":")
    envelope: dict[str, Any] = {
        "topic": f"{namespace}/{name}/things/live/messages/{message.subject}",
        "headers": message.headers,
        "path": message.path(),
    }
    if message.value is not MISSING:
        envelope["value"] = message.value
    return envelope
