"""A guard with fakes for Ditto and Kafka around it."""

from __future__ import annotations

import json
import threading
from typing import Any

import structlog
from tests.unit.guard.rooms import NOW, A

from guard.case import Policy
from guard.journal import Unreadable
from guard.ledger import Ledger
from guard.outlook import bound
from guard.work import GuardWork
from racktwin.commands import Audit, Request, decode_audit, desired_of
from racktwin.ditto_client import DittoError
from racktwin.health import Health
from racktwin.process import Context


class Clock:
    def __init__(self) -> None:
        self.ms = NOW

    def __call__(self) -> int:
        return self.ms


class Twins:
    """Ditto with some things in it."""

    def __init__(self, *things: dict[str, Any]) -> None:
        self.things = {thing["thingId"]: thing for thing in things}
        self.away = False

    def get_thing(self, thing: str, fields: str | None = None) -> dict[str, Any] | None:
        if self.away:
            raise DittoError(0, "unreachable", "away")
        return self.things.get(thing)

    def search(self, rql: str | None = None, **_: Any) -> list[dict[str, Any]]:
        if self.away:
            raise DittoError(0, "unreachable", "away")
        cooling = rql is not None and rql.startswith("like")
        return [thing for name, thing in self.things.items() if not cooling or ":cooling-" in name]

    def wish(self, thing: str, request: Request | None = None, **values: Any) -> None:
        desired = desired_of(values, request) if request is not None else dict(values)
        self.things[thing]["features"]["control"]["desiredProperties"] = desired


class Producer:
    """Kafka, which takes everything; merges are applied to the twins as Ditto would."""

    def __init__(self, twins: Twins) -> None:
        self.twins, self.records = twins, []  # type: ignore[var-annotated]
        # What Kafka keeps of the audit, whatever a test forgets.
        self.journal: list[bytes] = []
        self.journal_away = ""

    def read_journal(self, site: str, since: int) -> list[Audit]:
        if self.journal_away:
            raise Unreadable(self.journal_away)
        return [line for line in map(decode_audit, self.journal) if line.at >= since]

    def produce(self, topic: str, key: str | None, value: bytes | None, headers: Any = None) -> None:
        body = json.loads(value or b"null")
        self.records.append((topic, key, body, dict(headers or [])))
        if topic.startswith("racktwin.audit."):
            self.journal.append(value or b"")
        if topic.startswith("racktwin.twin."):
            assert key is not None
            properties = self.twins.things[key]["features"]["control"]["properties"]
            if body["path"].endswith("/lastCommand"):
                properties["lastCommand"] = body["value"]
            else:
                properties.update(body["value"]["control"]["properties"])

    def poll(self, timeout_s: float = 0.0) -> None: ...

    def check(self) -> None: ...

    def flush(self, timeout_s: float) -> int:
        return 0

    def of(self, topic: str) -> list[Any]:
        return [record for record in self.records if record[0] == topic]


class Record:
    """A Kafka message."""

    def __init__(self, topic: str, key: str, value: Any, headers: dict[str, str] | None = None) -> None:
        self._topic, self._key, self._value = topic, key.encode(), json.dumps(value).encode()
        self._headers = [(name, text.encode()) for name, text in (headers or {}).items()]

    def topic(self) -> str:
        return self._topic

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


class Stage:
    """A guard with its surroundings; `again()` is another guard after this one was killed."""

    def __init__(self, *things: dict[str, Any]) -> None:
        self.clock, self.twins = Clock(), Twins(*things)
        self.producer = Producer(self.twins)
        self.monotonic = 0.0
        self.again()

    def again(self) -> None:
        self.health = Health()
        context = Context(
            name="guard",
            log=structlog.get_logger(),
            health=self.health,
            stop=threading.Event(),
            clock=self.clock,
        )
        self.work = GuardWork(
            context,
            twins=self.twins,
            producer=self.producer,  # type: ignore[arg-type]
            ledger=Ledger(),
            policy=Policy(),
            outlook=bound,
            sites=lambda: ["t"],
            journal=self.producer.read_journal,
            trusted=["nginx:operator"],
            monotonic=lambda: self.monotonic,
        )

    def event(self, thing: str, path: str, value: Any, originator: str = "nginx:operator") -> None:
        name = thing.partition(":")[2]
        body = {
            "topic": f"racktwin.t/{name}/things/twin/events/modified",
            "path": path,
            "value": value,
            "headers": {"ditto-originator": originator},
        }
        self.work.handle([Record("racktwin.events.t", thing, body)])  # type: ignore[list-item]

    def ask(self, thing: str, request: Request, subject: str = "nginx:operator", **values: Any) -> None:
        """A person writes a wish; the guard is told and looks."""
        self.twins.wish(thing, request, **values)
        self.event(thing, "/features/control/desiredProperties", desired_of(values, request), subject)
        self.work.tick()

    def answer(self, thing: str, command: str, status: int = 200, kind: str = "application/json", **body: Any) -> None:
        headers = {"device_id": thing, "correlation-id": command, "status": str(status), "content-type": kind}
        self.work.handle([Record("hono.command_response.t", thing, body, headers)])  # type: ignore[list-item]

    def later(self, seconds: float) -> None:
        self.clock.ms += int(seconds * 1000)
        self.monotonic += seconds
        for thing in self.twins.things.values():
            for feature in thing["features"].values():
                if "observedAt" in feature.get("properties", {}):
                    feature["properties"]["observedAt"] = self.clock.ms
        self.work.tick()

    def commands(self) -> list[tuple[str, Any, dict[str, str]]]:
        return [(key, body, headers) for _, key, body, headers in self.producer.of("hono.command.t")]

    def last(self, thing: str = A) -> dict[str, Any]:
        found: dict[str, Any] = self.twins.things[thing]["features"]["control"]["properties"].get("lastCommand", {})
        return found

    def audit(self) -> list[str]:
        return [decode_audit(json.dumps(body).encode()).event for _, _, body, _ in self.producer.of("racktwin.audit.t")]


def request(name: str = "w1", **more: Any) -> Request:
    return Request(id=name, origin="cli", who="ann", at=NOW, **more)
