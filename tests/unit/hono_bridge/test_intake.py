"""Settlement: accepted only after Kafka acknowledged, released when it failed, rejected when untranslatable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from proton import Delivery, Message

from hono_bridge.intake import Intake
from hono_bridge.links import Arrival, Source, What
from hono_bridge.upstream import KafkaRecord

NOW = 1_795_000_000_000


class Sink:
    """A Kafka that acknowledges when told."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.records: list[tuple[KafkaRecord, Callable[[bool], None]]] = []

    def produce(self, record: KafkaRecord, done: Callable[[bool], None]) -> bool:
        if not self.full:
            self.records.append((record, done))
        return not self.full


class Amqp:
    """Notes what is settled."""

    def __init__(self) -> None:
        self.settled: list[tuple[Arrival, int]] = []

    def settle(self, batch: list[tuple[Arrival, int]]) -> None:
        self.settled.extend(batch)

    def post(self, call: Callable[[], None]) -> None:
        call()


def make(sink: Sink) -> tuple[Intake, Amqp]:
    intake, amqp = Intake(sink, lambda: NOW, structlog.stdlib.get_logger()), Amqp()  # type: ignore[arg-type]
    intake.attach(amqp)  # type: ignore[arg-type]
    return intake, amqp


def arrival(what: What = What.TELEMETRY, address: str = "telemetry/t1") -> Arrival:
    link: Any = None
    return Arrival(Source(what, "t1", address, link), link)


def telemetry() -> Message:
    return Message(body=b"x", inferred=True, properties={"device_id": "dev-1"})


def test_nothing_is_settled_before_kafka_answers() -> None:
    sink = Sink()
    intake, amqp = make(sink)
    intake.arrived(arrival(), telemetry())
    intake.flush_settlements()
    assert amqp.settled == []
    assert sink.records[0][0].topic == "hono.telemetry.t1"


@pytest.mark.parametrize(("acknowledged", "state"), [(True, Delivery.ACCEPTED), (False, Delivery.RELEASED)])
def test_settled_by_what_kafka_says(acknowledged: bool, state: int) -> None:
    sink = Sink()
    intake, amqp = make(sink)
    one = arrival()
    intake.arrived(one, telemetry())
    sink.records[0][1](acknowledged)
    intake.flush_settlements()
    assert amqp.settled == [(one, state)]


def test_released_at_once_when_the_producers_queue_is_full() -> None:
    intake, amqp = make(Sink(full=True))
    intake.arrived(arrival(), telemetry())
    assert [state for _, state in amqp.settled] == [Delivery.RELEASED]


def test_rejected_when_it_cannot_be_translated() -> None:
    intake, amqp = make(Sink())
    intake.arrived(arrival(), Message(body=b"x", inferred=True))
    assert [state for _, state in amqp.settled] == [Delivery.REJECTED]


def test_events_go_to_the_event_topic() -> None:
    sink = Sink()
    make(sink)[0].arrived(arrival(What.EVENT, "event/t1"), telemetry())
    assert sink.records[0][0].topic == "hono.event.t1"


def test_dead_telemetry_still_goes_its_way() -> None:
    sink = Sink()
    message = telemetry()
    message.address = "DLQ"
    message.annotations = {"x-opt-ORIG-ADDRESS": "telemetry/t1"}
    make(sink)[0].arrived(arrival(What.UNDELIVERED, "DLQ"), message)
    assert sink.records[0][0].topic == "hono.telemetry.t1"


def test_expired_events_are_discarded() -> None:
    sink = Sink()
    intake, amqp = make(sink)
    message = telemetry()
    message.annotations = {"x-opt-ORIG-ADDRESS": "event/t1"}
    intake.arrived(arrival(What.UNDELIVERED, "ExpiryQueue"), message)
    assert sink.records == []
    assert [state for _, state in amqp.settled] == [Delivery.ACCEPTED]
