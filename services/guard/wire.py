"""What the guard writes to Kafka and reads from it: Hono commands and answers, merges, events. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from guard.ledger import Answer, Command, Tell
from guard.state import Limits
from racktwin import ditto_protocol
from racktwin.commands import FEATURE, SUBJECT

JSON: Final = "application/json"
# A unit under the optimiser's control goes back to its own after this time without a command (s).
WATCHDOG_S: Final = 300
Header = tuple[str, str | bytes | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What a twin event says of a cooling unit."""

    thing: str
    wish: bool
    """Whether desired properties may have changed."""
    values: dict[str, Any]
    """Properties of `control` that it brings."""
    supply: float | None
    reported: bool
    """Whether it comes from the unit itself: a sign of life."""
    originator: str


def command_record(command: Command, limits: Limits, now: int) -> tuple[bytes, list[Header]]:
    """Payload and headers of ``hono.command.<site>``; the key is the device id."""
    wish = command.wish
    payload: dict[str, Any] = {
        "id": wish.id,
        **wish.values,
        "setpointKPerMin": limits.setpoint_k_per_min,
        "fanPercentPerMin": limits.fan_percent_per_min,
    }
    if wish.values.get("mode") == "mpc":
        payload["watchdogS"] = WATCHDOG_S
    headers: list[Header] = [
        ("device_id", wish.thing),
        ("subject", SUBJECT),
        ("content-type", JSON),
        ("creation-time", str(now)),
        ("ttl", str(max(1, command.valid_until - now))),
    ]
    if not wish.request.one_way:
        headers += [("correlation-id", wish.id), ("response-required", "true")]
    return msgspec.json.encode(payload), headers


def answer_of(key: str | None, headers: Sequence[tuple[str, Any]], value: bytes | None) -> Answer | None:
    """An answer from a record of ``hono.command_response.<site>``; None for one that cannot be ours."""
    texts = {name: text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for name, text in headers}
    device, command = texts.get("device_id") or key, texts.get("correlation-id")
    if not device or not command:
        return None
    try:
        status = int(texts.get("status", ""))
    except ValueError:
        return None
    try:
        body = msgspec.json.decode(value) if value else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = {}
    return Answer(device, command, status, texts.get("content-type", ""), body if isinstance(body, dict) else {})


def tellings(tell: Tell) -> list[bytes]:
    """What shows the last command on the twin, and the values that the unit took over.

    The last command is replaced as a whole: a merge would keep what an earlier one had, and its nulls would fail the
    Thing Model's types.
    """
    last = {name: value for name, value in msgspec.to_builtins(tell.last).items() if value is not None}
    correlation = f"guard-{tell.last.id}"
    told = [ditto_protocol.modify(tell.thing, f"/features/{FEATURE}/properties/lastCommand", last, correlation)]
    if tell.applied:
        told.append(ditto_protocol.merge_features(tell.thing, {FEATURE: dict(tell.applied)}, correlation))
    return told


def change_of(key: str, value: bytes) -> Change | None:
    """What an event says, or None for one that is not about commands."""
    try:
        envelope = ditto_protocol.decode(value)
        topic = ditto_protocol.parse_topic(envelope.topic)
    except (msgspec.DecodeError, ValueError):
        return None
    part = _as_features(envelope.path, envelope.value)
    if part is None:
        return None
    control, air = part.get(FEATURE), part.get("air")
    control = control if isinstance(control, dict) else {}
    properties = control.get("properties")
    values = properties if isinstance(properties, dict) else {}
    air_properties = air.get("properties") if isinstance(air, dict) else None
    supply = air_properties.get("supplyTemperature") if isinstance(air_properties, dict) else None
    return Change(
        thing=topic.thing_id or key,
        wish="desiredProperties" in control or envelope.path in ("", "/"),
        values={name: values[name] for name in ("setpoint", "fanSpeed", "mode") if name in values},
        supply=float(supply) if isinstance(supply, int | float) else None,
        reported=isinstance(air, dict) or "observedAt" in values,
        originator=str(envelope.headers.get("ditto-originator", "")),
    )


def _as_features(path: str, value: Any) -> Mapping[str, Any] | None:
    """The event's value as a part of ``features``; None when it is about something else."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        inner = value.get("features") if isinstance(value, dict) else None
        return inner if isinstance(inner, dict) else {}
    if parts[0] != "features":
        return None
    whole: Any = value if value is not msgspec.UNSET else None
    for part in reversed(parts[1:]):
        whole = {part: whole}
    return whole if isinstance(whole, dict) else {}
