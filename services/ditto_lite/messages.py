"""Live messages to and from things: permission, delivery, and the wait for an answer.

The delivery is at most once, as in Ditto: who does not listen misses it. Next: :mod:`ditto_lite.messages_http` sends,
subscribers of the bus receive, :mod:`ditto_lite.kafka_link` brings answers back.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from ditto_lite.access import WRITE
from ditto_lite.bus import Bus, Message
from ditto_lite.clocks import iso
from ditto_lite.errors import error
from ditto_lite.ids import check_thing_id
from ditto_lite.twin import Twin


@dataclass(slots=True)
class Answer:
    """What a thing answered to a message."""

    status: int
    value: Any
    headers: dict[str, Any]


class Messages:
    """Messages under way."""

    def __init__(self, twin: Twin, bus: Bus) -> None:
        self._twin = twin
        self._bus = bus
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    def prepare(
        self,
        thing_id: str,
        feature: str | None,
        direction: str,
        subject: str,
        value: Any,
        *,
        subjects: tuple[str, ...],
        headers: dict[str, Any],
    ) -> Message:
        """A message that may be sent.

        Raises:
            DittoError: there is no such thing (404), or no permission (403).
            ModelNeeded: the thing's model has to be fetched first.
        """
        check_thing_id(thing_id)
        entity = self._twin.things.get(thing_id)
        if entity is None:
            raise error("things:thing.notfound", id=thing_id)
        place = (direction, "messages", subject)
        path = ("features", feature, *place) if feature else place
        claim = direction == "inbox" and subject == "claim"
        if not claim and not self._twin.access_to(entity, subjects).granted(path, WRITE, "message"):
            raise error("messages:send.notallowed", id=thing_id)
        self._twin.models.check_message(entity.document, feature, direction, subject, value)
        now = self._twin.clock()
        told: dict[str, Any] = {
            **headers,
            "ditto-originator": subjects[0],
            "ditto-message-direction": "TO" if direction == "inbox" else "FROM",
            "ditto-message-subject": subject,
            "ditto-message-thing-id": thing_id,
            "timestamp": iso(now),
        }
        told.setdefault("correlation-id", str(uuid.uuid4()))
        if feature:
            told["ditto-message-feature-id"] = feature
        return Message(thing_id, entity.document["policyId"], direction, subject, feature, value, told, now)

    async def send(self, message: Message, timeout_ms: int) -> Answer | None:
        """Send a message; wait for an answer if there is a timeout. None: it went out, or nobody answered in time."""
        if timeout_ms <= 0:
            self._bus.send(message)
            return None
        correlation = str(message.headers["correlation-id"])
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = future
        try:
            self._bus.send(message)
            return await asyncio.wait_for(future, timeout_ms / 1000)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(correlation, None)

    def answered(self, correlation: str, status: int, value: Any, headers: dict[str, Any]) -> bool:
        """Take an answer; False when nobody waits for it (any more)."""
        future = self._waiting.get(correlation)
        if future is None or future.done():
            return False
        future.set_result(Answer(status, value, headers))
        return True
