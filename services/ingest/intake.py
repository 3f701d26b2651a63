"""Kafka message of Hono -> what it is: whose, from when, in which format.

Pure. Reads the headers that Hono puts on ``hono.telemetry.*`` and ``hono.event.*`` records, and, because an older Hono
drops the content type that an MQTT device states, the property bag in ``orig_address`` and at last the payload's first
byte. Next: the decoder of that format.
"""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import parse_qsl

import msgspec

from ingest.measured import Refusal
from racktwin import ditto_protocol, senml

Format = Literal["flat", "senml", "ditto", "nothing"]

JSON: Final = "application/json"
EMPTY_NOTIFICATION: Final = "application/vnd.eclipse-hono-empty-notification"
_UNSTATED: Final = frozenset({"", "application/octet-stream"})
_FORMATS: Final[dict[str, Format]] = {
    JSON: "flat",
    senml.CONTENT_TYPE: "senml",
    ditto_protocol.CONTENT_TYPE: "ditto",
}
_BLANK: Final = b" \t\r\n"


class Inbound(msgspec.Struct):
    """One message from Hono. Times are epoch milliseconds UTC."""

    topic: str
    partition: int
    offset: int
    site: str
    device: str
    key: str | None
    headers: dict[str, str]
    payload: bytes
    # When Hono took it, or Kafka where Hono did not say: the same on every redelivery, unlike "now".
    received_at: int
    format: Format
    # From the MQTT topic or HTTP path: the sensor behind the device, where one is named.
    sensor: str | None = None


RawHeaders = dict[str, str | bytes | None] | list[tuple[str, str | bytes | None]] | None


def headers_of(raw: RawHeaders) -> dict[str, str]:
    """Header text by name; bytes that are not UTF-8 are shown with replacement characters. Later ones win."""
    found: dict[str, str] = {}
    for name, value in raw.items() if isinstance(raw, dict) else raw or ():
        found[name] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
    return found


def sent_at(headers: dict[str, str], kafka_ms: int) -> int:
    """`creation-time` (ms) if Hono gave a sane one, else the record's own timestamp."""
    text = headers.get("creation-time", "")
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    return kafka_ms


def address_parts(address: str) -> tuple[str | None, dict[str, str]]:
    """Sensor and property bag from `orig_address`.

    ``telemetry/<tenant>/<device>/<sensor>`` and ``telemetry/?sensor=top&content-type=...`` both name the sensor.
    """
    path, _, query = address.partition("?")
    bag = dict(parse_qsl(query)) if query else {}
    parts = path.strip("/").split("/")
    sensor = bag.get("sensor") or (parts[3] if len(parts) > 3 and parts[3] else None)
    return sensor, bag


def format_of(content_type: str, payload: bytes) -> Format:
    """Which decoder a payload needs.

    Raises:
        Refusal: `unsupported_content` for a type we do not read, `malformed_json` for text that cannot be JSON.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == EMPTY_NOTIFICATION:
        return "nothing"
    if not payload:
        raise Refusal("unsupported_content", "the payload is empty")
    known = _FORMATS.get(kind)
    first = payload.lstrip(_BLANK)[:1] if payload[:1] in _BLANK else payload[:1]
    if known is not None:
        # A gateway that says "JSON" of a pack is right as well.
        return "senml" if known == "flat" and first == b"[" else known
    if kind not in _UNSTATED:
        raise Refusal("unsupported_content", f"content-type {kind!r}: expected {', '.join(_FORMATS)}")
    if first == b"[":
        return "senml"
    if first == b"{":
        return "ditto" if b'"topic"' in payload and b"/things/" in payload else "flat"
    try:
        payload.decode()
    except UnicodeDecodeError:
        detail = f"binary payload without a content-type: expected {', '.join(_FORMATS)}"
        raise Refusal("unsupported_content", detail) from None
    raise Refusal("malformed_json", "payload: expected a JSON object or array")
