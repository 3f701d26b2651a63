"""Ditto Protocol envelopes: building merge commands, and reading commands and events. Pure.

Next in the flow: Ditto's Kafka connection, which applies what ingest and the model runners put on
``racktwin.twin.<site>``.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from racktwin.decoding import read_json

MERGE_PATCH: Final = "application/merge-patch+json"
CONTENT_TYPE: Final = "application/vnd.eclipse.ditto+json"


class Envelope(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One Ditto Protocol message. ``value`` is any JSON value."""

    topic: str
    path: str = "/"
    headers: dict[str, Any] = {}
    value: Any = msgspec.UNSET
    status: int | None = None
    revision: int | None = None
    timestamp: str | None = None
    fields: str | None = None
    extra: Any = msgspec.UNSET


class Topic(msgspec.Struct, frozen=True):
    """The parts of ``<namespace>/<name>/things/<channel>/<criterion>/<action>``."""

    namespace: str
    name: str
    group: str
    channel: str
    criterion: str
    action: str

    @property
    def thing_id(self) -> str:
        """``namespace:name``."""
        return f"{self.namespace}:{self.name}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def merge_features(thing: str, features: dict[str, dict[str, Any]], correlation_id: str) -> bytes:
    """A merge of properties into several features of one thing.

    ``features`` maps feature id to its (partial) properties. A thing that does not exist is not created by it:
    the path is ``/features``, not ``/``. The inner content type is what Ditto demands of a merge over Kafka.
    """
    namespace, _, name = thing.partition(":")
    return _encoder.encode(
        {
            "topic": f"{namespace}/{name}/things/twin/commands/merge",
            "headers": {
                "content-type": MERGE_PATCH,
                "response-required": False,
                "correlation-id": correlation_id,
            },
            "path": "/features",
            "value": {feature: {"properties": properties} for feature, properties in features.items()},
        }
    )


def modify(thing: str, path: str, value: Any, correlation_id: str) -> bytes:
    """A command that sets what is at a path as a whole: nothing of an earlier object stays, as it does in a merge.

    What the path leads through must exist.
    """
    namespace, _, rest = thing.partition(":")
    return _encoder.encode(
        {
            "topic": f"{namespace}/{rest}/things/twin/commands/modify",
            "headers": {
                "content-type": "application/json",
                "response-required": False,
                "correlation-id": correlation_id,
            },
            "path": path,
            "value": value,
        }
    )


def decode(data: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        msgspec.DecodeError: not JSON, or not an envelope (the message names the field).
    """
    return read_json(_decoder, data)


def parse_topic(topic: str) -> Topic:
    """Split a topic path.

    Raises:
        ValueError: it has not six parts.
    """
    parts = topic.split("/")
    if len(parts) < 6:
        raise ValueError(f"topic {topic!r}: expected <namespace>/<name>/things/<channel>/<criterion>/<action>")
    return Topic(parts[0], parts[1], parts[2], parts[3], parts[4], "/".join(parts[5:]))
