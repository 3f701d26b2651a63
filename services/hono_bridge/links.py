"""What the AMQP side keeps of each link and tells about it. Used by :mod:`hono_bridge.amqp` and its listeners."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from proton import Delivery, Message, Receiver, Sender

from hono_bridge.commands import Command


class What(Enum):
    """What a receiver's messages are."""

    TELEMETRY = "telemetry"
    EVENT = "event"
    RESPONSE = "command_response"
    UNDELIVERED = "undelivered"


@dataclass(slots=True, eq=False)
class Source:
    """One receiver. ``owed`` is credit not given back yet."""

    what: What
    site: str
    address: str
    link: Receiver
    owed: int = 0
    paused: bool = False
    open: bool = True


@dataclass(slots=True, eq=False)
class Arrival:
    """One message that awaits settlement."""

    source: Source
    delivery: Delivery


@dataclass(slots=True, eq=False)
class Target:
    """One sender, and the commands that wait for it or for the broker's word."""

    site: str
    link: Sender | None = None
    waiting: deque[Command] = field(default_factory=deque)
    unsettled: dict[Any, Command] = field(default_factory=dict)


class Listener(Protocol):
    """Whom the AMQP side tells. Called in proton's thread; must not block."""

    def arrived(self, arrival: Arrival, message: Message) -> None:
        """A message came; it must be settled later by :meth:`AmqpSide.settle`."""

    def outcome(self, command: Command, outcome: str) -> None:
        """The broker's word on a command: accepted, rejected, released or modified; or too_old: it was not sent."""

    def connection(self, up: bool, reason: str) -> None:
        """The connection came up or went down."""

    def beat(self) -> None:
        """The thread runs (about once a second)."""
