"""Where events and live messages go: subscribers of this process, called in order, in the event loop.

Next: :mod:`ditto_lite.sse` and :mod:`ditto_lite.kafka_link` subscribe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ditto_lite.commands import Event


@dataclass(slots=True)
class Message:
    """A live message to (``inbox``) or from (``outbox``) a thing. ``value`` is JSON, or text with ``is_json`` false."""

    thing_id: str
    policy_id: str
    direction: str
    subject: str
    feature: str | None
    value: Any
    headers: dict[str, Any]
    at_ms: int

    def path(self) -> str:
        """Path of the message in the Ditto Protocol."""
        box = f"/{self.direction}/messages/{self.subject}"
        return f"/features/{self.feature}{box}" if self.feature else box


@dataclass
class Bus:
    """Two lists of subscribers."""

    on_event: list[Callable[[Event], None]] = field(default_factory=list)
    on_message: list[Callable[[Message], None]] = field(default_factory=list)

    def publish(self, event: Event) -> None:
        """Give a durable change to every subscriber."""
        for subscriber in tuple(self.on_event):
            subscriber(event)

    def send(self, message: Message) -> None:
        """Give a message to every subscriber."""
        for subscriber in tuple(self.on_message):
            subscriber(message)
