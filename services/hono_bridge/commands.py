"""From applications to devices and back: commands, responses and failure notifications between Kafka and AMQP.

Pure. What a Hono 2.7 drops in silence is dropped here too, with a reason to count and log. Next in the flow:
:mod:`hono_bridge.command_source` reads the records, :mod:`hono_bridge.amqp` sends the messages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from proton import Message, symbol

from hono_bridge.upstream import (
    OCTET_STREAM,
    Header,
    KafkaRecord,
    Untranslatable,
    body_of,
    content_type_of,
    creation_time_ms,
    text_of,
)
from racktwin.names import hono_topic

FAILURE_NOTIFICATION: Final = "application/vnd.eclipse-hono-delivery-failure-notification+json"
METADATA_PREFIX: Final = "delivery-failure-notification-metadata"
# Broker-side duplicate detection (Artemis): a command sent again after a lost connection is not run twice.
DUPLICATE_ID: Final = "_AMQ_DUPL_ID"
# Application property under which a command carries what its failure notification has to say: a broker rewrites the
# address of what expires. JSON: {"site", "device", "metadata"}.
ORIGIN_PROPERTY: Final = "racktwin_origin"


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A record of ``hono.command.<site>``. ``timestamp`` is Kafka's, epoch milliseconds UTC."""

    site: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str | None
    headers: dict[str, str]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command worth sending until ``expires`` (epoch milliseconds UTC)."""

    source: CommandRecord
    device: str
    subject: str
    correlation_id: str | None
    response_required: bool
    content_type: str | None
    payload: bytes
    expires: int

    @property
    def metadata(self) -> dict[str, str]:
        """Headers that a failure notification returns to its sender."""
        return {name: value for name, value in self.source.headers.items() if name.startswith(METADATA_PREFIX)}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A command that is not sent. ``notification`` tells its sender so, where Hono 2.7 would."""

    reason: str
    detail: str
    notification: KafkaRecord | None = None


def plan(record: CommandRecord, *, now_ms: int, max_age_ms: int) -> Command | Dropped:
    """What to do with a record: send it, or drop it for a reason.

    Mirrors Hono 2.7: key and ``device_id`` must agree; a response is wanted only by ``response-required`` of exactly
    ``true``, which needs a ``correlation-id``; without a ``subject`` the sender is told 400 if it can be; a command
    past its own ``ttl`` is dropped silently. Beyond Hono: one older than ``max_age_ms`` is not sent either,
    and its sender is told.
    """
    headers = record.headers
    device = headers.get("device_id")
    if not device:
        return Dropped("no_device_id", "header device_id is missing")
    if record.key != device:
        return Dropped("key_mismatch", f"key {record.key!r}: expected the device_id header's {device!r}")
    response_required = headers.get("response-required") == "true"
    correlation_id = headers.get("correlation-id") or None
    if response_required and correlation_id is None:
        return Dropped("no_correlation_id", "header correlation-id is missing but response-required is true")
    created = _integer(headers.get("creation-time")) or record.timestamp
    command = Command(
        source=record,
        device=device,
        subject=headers.get("subject", ""),
        correlation_id=correlation_id,
        response_required=response_required,
        content_type=headers.get("content-type"),
        payload=record.value or b"",
        expires=created + max_age_ms,
    )
    if not command.subject:
        note = notify(command, 400, "malformed command message", now_ms)
        return Dropped("no_subject", "header subject is missing", note)
    ttl = _integer(headers.get("ttl"))
    if ttl is not None and created + ttl <= now_ms:
        return Dropped("ttl_expired", f"ttl of {ttl} ms passed {now_ms - created - ttl} ms ago")
    if command.expires <= now_ms:
        return expired(command, now_ms)
    if ttl is not None and created + ttl < command.expires:
        return Command(
            record, device, command.subject, correlation_id, response_required, command.content_type,
            command.payload, created + ttl,
        )  # fmt: skip
    return command


def expired(command: Command, now_ms: int) -> Dropped:
    """The outcome of a command that grew too old before it could be sent."""
    return Dropped(
        "too_old",
        f"command expired {now_ms - command.expires} ms ago",
        notify(command, 503, "command expired before it could be sent", now_ms),
    )


def to_message(command: Command, reply_id: str, now_ms: int) -> Message:
    """The AMQP message for ``command/<tenant>``.

    The payload goes into a Data section: with an AmqpValue the adapters of 1.0.3 redeliver for ever. Its ttl makes
    the broker forget the command when it grows old before a device asks for it. The same moment stands as absolute
    expiry: 1.0.3 hands commands from adapter to adapter through the broker and loses the header, but not that.
    """
    source = command.source
    unique = f"{source.topic}/{source.partition}/{source.offset}/{source.timestamp}"
    origin = {"site": source.site, "device": command.device, "metadata": command.metadata}
    properties: dict[str, Any] = {DUPLICATE_ID: unique, ORIGIN_PROPERTY: json.dumps(origin)}
    return Message(
        address=f"command/{source.site}/{command.device}",
        subject=command.subject,
        id=unique,
        correlation_id=command.correlation_id,
        reply_to=f"command_response/{source.site}/{reply_id}" if command.response_required else None,
        content_type=symbol(command.content_type) if command.content_type else None,
        body=command.payload,
        inferred=True,
        durable=False,
        ttl=max(0.001, (command.expires - now_ms) / 1000.0),
        creation_time=now_ms / 1000.0,
        expiry_time=command.expires / 1000.0,
        properties=properties,
    )


def notify(command: Command, status: int, error: str, now_ms: int) -> KafkaRecord | None:
    """Hono 2.7's delivery failure notification, or None when the sender asked for no response."""
    if not command.response_required or command.correlation_id is None:
        return None
    return _notification(
        command.source.site,
        command.device,
        command.correlation_id,
        status=status,
        error=error,
        metadata=command.metadata,
        now_ms=now_ms,
    )


def outcome_notification(command: Command, outcome: str, now_ms: int) -> KafkaRecord | None:
    """Notification for an AMQP outcome: ``accepted`` (none), ``rejected`` (400), ``released`` or ``modified`` (503)."""
    if outcome == "accepted":
        return None
    if outcome == "rejected":
        return notify(command, 400, "Command message rejected", now_ms)
    return notify(command, 503, "Temporarily unavailable", now_ms)


def undelivered(message: Message, *, dead_letter: bool, now_ms: int) -> tuple[str, KafkaRecord | None] | None:
    """What a message in the broker's expiry or dead-letter queue means: (device, notification), None if no command.

    A broker between Hono and us accepts every command; that nobody was there to take it shows here.
    """
    properties: dict[str, Any] = message.properties or {}
    if ORIGIN_PROPERTY not in properties:
        return None
    try:
        origin = json.loads(properties[ORIGIN_PROPERTY])
        site, device, metadata = str(origin["site"]), str(origin["device"]), dict(origin["metadata"])
    except (ValueError, KeyError, TypeError):
        return None
    if not message.reply_to or message.correlation_id is None:
        return device, None
    status, error = (400, "Command message rejected") if dead_letter else (503, "no consumer available")
    note = _notification(
        site, device, str(message.correlation_id), status=status, error=error, metadata=metadata, now_ms=now_ms
    )
    return device, note


def response_record(message: Message, site: str, now_ms: int) -> KafkaRecord:
    """The record for ``hono.command_response.<site>`` of a response received on ``command_response/<tenant>/<id>``.

    Raises:
        Untranslatable: device id, correlation id or a whole-number status is missing.
    """
    properties: dict[str, Any] = message.properties or {}
    device = properties.get("device_id")
    if not device:
        raise Untranslatable("device_id is missing from the application properties")
    if message.correlation_id is None:
        raise Untranslatable("correlation id is missing")
    status = _integer(text_of(properties.get("status", "")))
    if status is None:
        raise Untranslatable(f"status {properties.get('status')!r}: expected a whole number")
    headers: list[Header] = [
        ("tenant_id", site.encode()),
        ("content-type", (content_type_of(message) or OCTET_STREAM).encode()),
        ("device_id", str(device).encode()),
    ]
    known = ("tenant_id", "device_id", "status", "gateway_id", "content-type", "correlation-id", "creation-time")
    headers.extend(
        (str(name), text_of(value).encode())
        for name, value in properties.items()
        if name not in known and isinstance(value, str | int | float)
    )
    if message.ttl:
        headers.append(("ttl", str(round(message.ttl * 1000)).encode()))
    headers += [
        ("correlation-id", text_of(message.correlation_id).encode()),
        ("status", str(status).encode()),
        ("creation-time", str(creation_time_ms(message, now_ms)).encode()),
    ]
    # No body is an empty value here: a response always has one in 2.7.
    return KafkaRecord(hono_topic("command_response", site), str(device), body_of(message) or b"", headers)


def _notification(
    site: str, device: str, correlation_id: str, *, status: int, error: str, metadata: dict[str, str], now_ms: int
) -> KafkaRecord:
    headers: list[Header] = [
        ("tenant_id", site.encode()),
        ("device_id", device.encode()),
        ("correlation-id", correlation_id.encode()),
        ("content-type", FAILURE_NOTIFICATION.encode()),
        *((name, str(value).encode()) for name, value in metadata.items()),
        ("status", str(status).encode()),
        ("creation-time", str(now_ms).encode()),
    ]
    value = json.dumps({"error": error}, separators=(",", ":")).encode()
    return KafkaRecord(hono_topic("command_response", site), device, value, headers)


def _integer(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None
