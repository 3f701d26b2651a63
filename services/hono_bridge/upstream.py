"""From devices to applications: an AMQP message as Hono's adapters send it becomes a Kafka record of Hono 2.7.

Pure: no link, no producer. What an AMQP-messaging Hono 1.0.3 leaves out is restored from what it does say
(the property bag in ``orig_address``), so that a reader cannot tell which Hono it reads from.
Next in the flow: :mod:`hono_bridge.intake`, which produces the record and settles the delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from proton import Message

OCTET_STREAM: Final = "application/octet-stream"
EMPTY_NOTIFICATION: Final = "application/vnd.eclipse-hono-empty-notification"

Header = tuple[str, bytes]

# Set explicitly below, or of no concern to applications: a Kafka-messaging Hono puts neither the tenant nor the
# gateway on telemetry and events.
_NOT_COPIED: Final = frozenset(
    {"device_id", "tenant_id", "gateway_id", "resource", "orig_adapter", "orig_address", "qos", "ttd", "ttl",
     "creation-time", "content-type"}
)  # fmt: skip


class Untranslatable(ValueError):
    """A message that no Kafka-messaging Hono could have forwarded; the text names what is wrong with it."""


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """What goes to Kafka. ``value`` None is a null value."""

    topic: str
    key: str
    value: bytes | None
    headers: list[Header]


def text_of(value: Any) -> str:
    """A property's value as Hono 2.7 writes it into a header: text as it is, numbers and booleans as in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):  # includes proton's int32 and such, whose str() names the type
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))
    return str(value)


def body_of(message: Message) -> bytes | None:
    """Payload of a message: a Data section, or a string; None when there is no body.

    Raises:
        Untranslatable: the body is a list, a map or another AMQP value.
    """
    body = message.body
    if body is None:
        return None
    if isinstance(body, memoryview | bytes | bytearray):
        return bytes(body)
    if isinstance(body, str):
        return body.encode()
    raise Untranslatable(f"body is an AMQP {type(body).__name__}: expected a Data section or a string")


def content_type_of(message: Message) -> str | None:
    """Content type of a message, or None. (proton decodes an absent one as a symbol reading ``None``.)"""
    value = message.content_type
    return None if value is None or str(value) in ("", "None") else str(value)


def creation_time_ms(message: Message, now_ms: int) -> int:
    """When the adapter created the message, epoch milliseconds UTC; ``now_ms`` when it does not say."""
    seconds = message.creation_time
    return round(seconds * 1000) if seconds else now_ms


def property_bag(orig_address: str) -> dict[str, str]:
    """Properties that a device put behind ``/?`` in its MQTT topic; the last of a repeated name wins."""
    _, separator, bag = orig_address.partition("/?")
    return _properties(bag) if separator else {}


@lru_cache(maxsize=4096)
def _properties(bag: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(bag, keep_blank_values=True).items()}


def to_record(message: Message, topic: str, *, event: bool, now_ms: int) -> KafkaRecord:
    """The record that a Kafka-messaging Hono 2.7 would have written for a telemetry or event message.

    Args:
        message: as received from ``telemetry/<tenant>`` or ``event/<tenant>``.
        topic: the Kafka topic that stands for that address.
        event: whether it came from ``event/…``.
        now_ms: used as creation time when the message bears none.

    Raises:
        Untranslatable: no device id, or a body that is not bytes or text.
    """
    properties: dict[str, Any] = message.properties or {}
    annotations: dict[Any, Any] = message.annotations or {}
    device = properties.get("device_id") or annotations.get("device_id")
    if not device:
        raise Untranslatable("device_id is missing from the application properties and the annotations")
    device = str(device)
    value = body_of(message)
    adapter = properties.get("orig_adapter")
    address = properties.get("orig_address")
    ttd = properties.get("ttd")
    content_type = content_type_of(message)
    bag = property_bag(str(address)) if address and adapter == "hono-mqtt" else {}
    # Hono 1.0.3 ignores the content type in an MQTT topic's property bag, 2.7 honours it.
    if bag.get("content-type") and content_type in (None, OCTET_STREAM):
        content_type = bag["content-type"]
    # The adapter's own note that a device subscribed or left bears no address in 2.7.
    if content_type == EMPTY_NOTIFICATION and ttd is not None and int(ttd) <= 0 and address == "event":
        address = None

    headers: list[Header] = [("content-type", (content_type or OCTET_STREAM).encode())]
    if adapter is not None:
        headers.append(("orig_adapter", text_of(adapter).encode()))
    if address is not None:
        headers.append(("orig_address", text_of(address).encode()))
    headers.append(("qos", _qos(properties, str(adapter), event=event).encode()))
    headers.append(("device_id", device.encode()))
    if ttd is not None:
        headers.append(("ttd", text_of(ttd).encode()))
    if annotations.get("x-opt-retain"):
        headers.append(("x-opt-retain", b"true"))
    # What is left are the defaults that the registry holds for the device or its tenant.
    headers.extend(
        (str(name), text_of(item).encode())
        for name, item in properties.items()
        if name not in _NOT_COPIED and isinstance(item, str | int | float)
    )
    if message.ttl:
        headers.append(("ttl", str(round(message.ttl * 1000)).encode()))
    headers.append(("creation-time", str(creation_time_ms(message, now_ms)).encode()))
    return KafkaRecord(topic, device, value, headers)


def _qos(properties: dict[str, Any], adapter: str, *, event: bool) -> str:
    """``qos`` as sent, else what 2.7's adapters assume: 1, but 0 for telemetry over HTTP without a QoS header.

    Hono 1.0.3 does not say how the device published.
    """
    value = properties.get("qos")
    if value is not None:
        return text_of(value)
    return "0" if adapter == "hono-http" and not event else "1"
