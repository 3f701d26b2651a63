"""Commands as Hono's MQTT adapter delivers them, and the answers of simulated devices. Pure.

Topics: ``command/<tenant or empty>/<device or empty>/req/<request id or empty>/<subject>`` or their short forms; an
empty device is the gateway itself, an empty request id a one-way command.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

# What to subscribe to: Hono 2.x, then what 1.x takes for "all devices of this gateway".
FILTERS: Final = ("command//+/req/#", "command/+/+/req/#")


# Status of a command that a device does not answer.
NO_ANSWER: Final = 0

# Device, subject, parameters, now (ms) -> status and body of the answer, None for a device without a controller.
Handle = Callable[[str, str, Any, int], tuple[int, dict[str, Any]] | None]


@dataclass(frozen=True, slots=True)
class DeviceCommand:
    """A command that arrived. ``device`` is empty for the gateway itself."""

    device: str
    request_id: str
    subject: str
    payload: bytes
    short: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What to publish, with QoS 1."""

    topic: str
    payload: bytes
    status: int


def parse(topic: str, payload: bytes) -> DeviceCommand | None:
    """Read a command, or None for a topic that is none."""
    parts = topic.split("/")
    if len(parts) < 5 or parts[0] not in ("command", "c") or parts[3] not in ("req", "q"):
        return None
    return DeviceCommand(
        device=parts[2],
        request_id=parts[4],
        subject="/".join(parts[5:]),
        payload=payload,
        short=parts[3] == "q",
    )


def no_controller(_device: str, _subject: str, _parameters: Any, _now_ms: int) -> tuple[int, dict[str, Any]] | None:
    """No device has a controller of its own."""
    return None


def answer(
    command: DeviceCommand,
    own: str,
    tenant: str,
    knows: Callable[[str], bool],
    now_ms: int,
    *,
    handle: Handle = no_controller,
) -> tuple[int, Answer | None]:
    """Status of a command, and the answer if one was asked for.

    ``handle`` is asked first what the device makes of it (status and body), and answers None for devices without a
    controller: such a simulated device accepts what it is told and says so, with the parameters it was given: 200.
    `NO_ANSWER`, and none, of a device that is deaf.
    400 for a payload that is not JSON, 404 for a device that this gateway does not speak for. The answer's topic names
    the tenant even where the command's did not: Hono 1.0.3 hangs up otherwise.
    """
    device = command.device or own
    body: dict[str, Any] = {"device": device, "command": command.subject}
    status = 200
    parameters: Any = None
    if not knows(device):
        status, body["error"] = 404, f"{device}: this gateway does not speak for it"
    elif command.payload:
        try:
            parameters = json.loads(command.payload)
        except ValueError:
            status, body["error"] = 400, "payload: expected JSON"
    done = handle(device, command.subject, parameters, now_ms) if status == 200 else None
    if done is not None:
        status, body = done[0], body | done[1]
    elif status == 200:
        body |= {"status": "accepted", "acceptedAt": now_ms}
        if parameters is not None:
            body["parameters"] = parameters
    if not command.request_id or status == NO_ANSWER:
        return status, None
    whom = f"{tenant}/{command.device}" if command.device else "/"
    prefix = f"c/{whom}/s" if command.short else f"command/{whom}/res"
    topic = f"{prefix}/{command.request_id}/{status}/?content-type=application%2Fjson"
    return status, Answer(topic, json.dumps(body, separators=(",", ":")).encode(), status)
