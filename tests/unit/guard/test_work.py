"""The guard's loop with fakes for Ditto and Kafka: events to commands, gaps, kills, the way back to local control."""

from __future__ import annotations

import json
from typing import Any

import structlog
from tests.unit.guard.rooms import NOW, A, B, optimised, rack, unit, usual

from guard.ledger import DELIVERY_FAILURE, Ledger
from guard.outlook import bound
from guard.rules import Policy
from guard.work import GuardWork
from racktwin.commands import Request, decode_audit, desired_of
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

    def produce(self, topic: str, key: str | None, value: bytes | None, headers: Any = None) -> None:
        body = json.loads(value or b"null")
        self.records.append((topic, key, body, dict(headers or [])))
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
            stop=__import__("threading").Event(),
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


def test_from_wish_to_command_to_answer() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.5)
    [(device, body, headers)] = stage.commands()
    assert (device, body["setpoint"], body["id"], body["setpointKPerMin"]) == (A, 21.5, "w1", 0.5)
    assert headers["response-required"] == "true" and headers["correlation-id"] == "w1"
    assert headers["subject"] == "set" and headers["device_id"] == A
    assert stage.last()["state"] == "requested"
    stage.answer(A, "w1", applied={"setpoint": 21.5, "mode": "manual"})
    assert stage.last()["state"] == "accepted" and stage.last()["who"] == "ann"
    assert stage.twins.things[A]["features"]["control"]["properties"]["setpoint"] == 21.5
    assert stage.audit() == ["requested", "approved", "sent", "accepted"]


def test_a_refused_wish_never_reaches_hono() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=29.0)
    assert stage.commands() == []
    assert (stage.last()["state"], stage.last()["rule"], stage.last()["by"]) == ("refused", "setpoint-limit", 1.5)
    assert stage.audit() == ["requested", "refused"]


def test_events_that_come_twice_command_once() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.0)
    stage.ask(A, request(), setpoint=21.0)
    stage.answer(A, "w1")
    stage.ask(A, request(), setpoint=21.0)
    stage.answer(A, "w1")
    assert len(stage.commands()) == 1


def test_an_id_that_is_used_again_does_not_hide_a_command() -> None:
    stage = Stage(*usual())
    stage.ask(A, request("same"), setpoint=21.9)
    stage.answer(A, "same", applied={"setpoint": 21.9})
    stage.ask(A, request("same"), setpoint=23.5)
    assert [body["setpoint"] for _, body, _ in stage.commands()] == [21.9]
    assert stage.last()["rule"] == "slew"


def test_a_lost_event_is_made_up_for_by_reading_again() -> None:
    stage = Stage(*usual())
    stage.work.tick()
    stage.twins.wish(A, request(), setpoint=21.0)
    stage.later(16)
    assert [body["setpoint"] for _, body, _ in stage.commands()] == [21.0]


def test_killed_after_telling_and_before_sending() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.0)
    stage.producer.records.clear()
    stage.again()
    stage.later(1)
    [(_, body, _)] = stage.commands()
    assert body["id"] == "w1"
    stage.answer(A, "w1")
    assert stage.last()["state"] == "accepted"


def test_killed_after_the_answer_does_nothing_again() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.0)
    stage.answer(A, "w1")
    stage.producer.records.clear()
    stage.again()
    stage.later(1)
    assert stage.producer.records == []


def test_a_wish_of_unknown_age_is_not_carried_out_after_a_start() -> None:
    stage = Stage(*usual())
    stage.twins.wish(A, None, setpoint=21.0)
    stage.work.tick()
    assert stage.commands() == [] and stage.last()["rule"] == "age-unknown"


def test_a_plain_write_over_dittos_api_is_a_wish() -> None:
    stage = Stage(*usual())
    stage.work.tick()
    stage.twins.wish(A, None, setpoint=21.0)
    stage.event(A, "/features/control/desiredProperties/setpoint", 21.0)
    stage.work.tick()
    [(_, body, _)] = stage.commands()
    assert body["setpoint"] == 21.0 and body["id"].startswith("w-")


def test_without_ditto_nothing_is_decided_and_nothing_forgotten() -> None:
    stage = Stage(*usual())
    stage.twins.away = True
    stage.ask(A, request(), setpoint=21.0)
    assert stage.commands() == [] and not stage.health.ready()[0]
    stage.twins.away = False
    stage.work.tick()
    assert len(stage.commands()) == 1


def test_an_absent_unit_is_judged_anew_when_it_is_back() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=22.0)
    stage.answer(A, "w1", 503, DELIVERY_FAILURE, error="not connected")
    assert stage.last()["state"] == "offline"
    # While it was away the room grew too hot for it.
    for thing in stage.twins.things.values():
        if "environment.top" in thing["features"]:
            thing["features"]["environment.top"]["properties"]["temperature"] = 31.0
    stage.later(2)
    stage.event(A, "/features/air/properties", {"supplyTemperature": 20.0})
    assert len(stage.commands()) == 1
    assert (stage.last()["state"], stage.last()["rule"]) == ("refused", "plausibility")


def test_an_absent_unit_is_commanded_when_it_is_back() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=22.0)
    stage.answer(A, "w1", 503, DELIVERY_FAILURE, error="not connected")
    stage.later(2)
    stage.event(A, "/features/air/properties", {"supplyTemperature": 20.0})
    assert [body["id"] for _, body, _ in stage.commands()] == ["w1", "w1"]
    stage.answer(A, "w1")
    assert stage.last()["state"] == "accepted"


def test_a_one_way_command_asks_for_no_answer_and_is_done_by_report() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(one_way=True), setpoint=21.0)
    [(_, _, headers)] = stage.commands()
    assert "response-required" not in headers and "correlation-id" not in headers
    assert 0 < int(headers["ttl"]) <= 600_000
    stage.event(A, "/features/control/properties", {"setpoint": 21.0, "observedAt": NOW + 900})
    assert stage.last()["state"] == "accepted" and "report" in stage.last()["detail"]


def test_an_absent_unit_is_not_told_what_has_expired() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(valid_until=NOW + 20_000), setpoint=21.0)
    stage.answer(A, "w1", 503, DELIVERY_FAILURE, error="not connected")
    stage.later(25)
    assert stage.last()["state"] == "expired"
    stage.event(A, "/features/air/properties", {"supplyTemperature": 20.0})
    assert len(stage.commands()) == 1 and stage.audit()[-1] == "expired"


def test_two_optimisers_and_only_one_commands() -> None:
    stage = Stage(*usual(), optimised(instance="one"))
    for name, instance in (("o1", "one"), ("o2", "two")):
        asked = Request(id=name, origin="optimiser", instance=instance, at=NOW)
        stage.ask(A if instance == "one" else B, asked, setpoint=20.5, mode="mpc")
    assert [body["id"] for _, body, _ in stage.commands()] == ["o1"]
    assert stage.last(B)["rule"] == "one-optimiser"


def test_local_control_when_the_optimiser_is_gone() -> None:
    stage = Stage(unit(A, mode="mpc"), unit(B), rack("r1"), optimised())
    stage.later(60)
    assert stage.commands() == []
    stage.later(61)
    [(device, body, _)] = stage.commands()
    assert (device, body["mode"]) == (A, "auto")
    assert stage.last()["origin"] == "guard" and stage.last()["who"] == "optimiser stale"
    stage.answer(A, stage.last()["id"], applied={"mode": "auto"})
    stage.later(120)
    assert len(stage.commands()) == 1


def second() -> Stage:
    return Stage(unit(A, attributes={"secondApprover": True}), unit(B), *(rack(f"r{n}") for n in range(4)))


def test_a_second_person_must_be_another_and_must_have_seen_it_waiting() -> None:
    stage = second()
    stage.ask(A, request(approved_by="bob"), setpoint=21.0)
    assert stage.last()["state"] == "awaiting approval"
    stage.ask(A, request(approved_by="bob"), setpoint=21.5)
    assert stage.last()["state"] == "awaiting approval"
    stage.ask(A, request(approved_by="ann"), setpoint=21.5)
    assert stage.commands() == []
    stage.ask(A, request(approved_by="carl"), setpoint=21.5)
    assert [body["setpoint"] for _, body, _ in stage.commands()] == [21.5]
    assert stage.last()["approvedBy"] == "carl" and stage.last()["who"] == "ann"
    assert stage.audit()[-4:] == ["awaiting", "requested", "approved", "sent"]


def test_nobody_approves_under_another_name() -> None:
    stage = second()
    stage.ask(A, request(), "nginx:mallory", setpoint=21.0)
    # The same subject, which says that it is somebody else.
    stage.ask(A, request(approved_by="bob"), "nginx:mallory", setpoint=21.0)
    assert stage.commands() == [] and stage.last()["state"] == "awaiting approval"
    assert "nginx:mallory asked for it" in stage.last()["detail"]
    # A program approves nothing.
    stage.ask(A, request(approved_by="carl"), "integration:racktwin-t-commands", setpoint=21.0)
    assert stage.commands() == []
    stage.ask(A, request(approved_by="anyone"), "nginx:bob", setpoint=21.0)
    assert len(stage.commands()) == 1
    assert (stage.last()["who"], stage.last()["approvedBy"]) == ("nginx:mallory", "nginx:bob")


def test_nobody_asks_in_the_guards_name_and_no_program_confirms() -> None:
    stage = second()
    stage.ask(A, Request(id="g1", origin="guard", who="guard", at=NOW), "nginx:mallory", setpoint=21.0)
    assert stage.commands() == [] and stage.last()["state"] == "awaiting approval"
    stage.ask(B, request(confirm=True), "integration:racktwin-t-commands", setpoint=25.0)
    assert stage.last(B)["rule"] == "confirm-step"


def test_the_console_approves_with_a_wish_of_its_own() -> None:
    stage = second()
    stage.ask(A, request(confirm=True), setpoint=23.0)
    assert stage.last()["state"] == "awaiting approval"
    approval = Request(id="c2", origin="console", who="bob", approval_of="w1", at=NOW)
    stage.ask(A, approval, setpoint=23.0)
    [(_, body, _)] = stage.commands()
    assert (body["id"], stage.last()["who"], stage.last()["approvedBy"]) == ("c2", "ann", "bob")


def test_another_guard_knows_what_waits_for_approval() -> None:
    stage = second()
    stage.ask(A, request(), setpoint=21.0)
    stage.again()
    stage.ask(A, request(approved_by="bob"), setpoint=21.0)
    assert len(stage.commands()) == 1 and stage.last()["approvedBy"] == "bob"


def test_an_approval_that_nobody_saw_being_made_counts_for_nothing() -> None:
    stage = second()
    stage.ask(A, request(), setpoint=21.0)
    stage.twins.wish(A, request(approved_by="bob"), setpoint=21.0)
    stage.later(16)
    assert stage.commands() == [] and stage.last()["state"] == "awaiting approval"
