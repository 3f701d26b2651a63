"""Which way commands go to Ditto, and what comes back over Kafka."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from rack_operator.clients.ditto_bulk import Answer, BulkCommands
from rack_operator.clients.ditto_router import DittoRouter
from rack_operator.clients.http import DependencyError, Response

THING = {"thingId": "racktwin.lab:rack-r1", "policyId": "racktwin.lab:rack-r1"}
POLICY = {"policyId": "racktwin.lab:rack-r1", "entries": {}}


class FakeHttp:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    async def call(self, method: str, path: str, **_: Any) -> Response:
        self.calls.append((method, path))
        return Response({"PUT": 201, "GET": 404, "PATCH": 204}[method], b"")


class FakeBulk:
    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []
        self.opened = {"lab"}

    def is_open(self, site: str) -> bool:
        return site in self.opened

    async def ask(self, *command: Any) -> Answer:
        self.asked.append(command)
        return self.answers.pop(0)


def answer(status: int, value: Any = None) -> Answer:
    return Answer(status=status, value=msgspec.Raw(json.dumps(value).encode()))


def router(bulk: FakeBulk, *, busy: bool = True) -> tuple[DittoRouter, FakeHttp]:
    http = FakeHttp()
    return DittoRouter(http, None, bulk, lambda: busy), http  # type: ignore[arg-type]


async def test_single_calls_go_over_http() -> None:
    bulk = FakeBulk()
    ditto, http = router(bulk, busy=False)
    assert await ditto.create_policy(POLICY)
    assert await ditto.create_thing(THING)
    assert await ditto.get_thing("racktwin.lab:rack-r1") is None
    assert len(http.calls) == 3
    assert bulk.asked == []


async def test_many_go_over_kafka_where_the_connection_is_open() -> None:
    bulk = FakeBulk(answer(201, POLICY), answer(201, THING), answer(409, {}), answer(200, THING), answer(404, {}))
    ditto, http = router(bulk)
    assert await ditto.create_policy(POLICY)
    assert await ditto.create_thing(THING)
    assert not await ditto.create_thing(THING)
    assert await ditto.get_thing("racktwin.lab:rack-r1") == THING
    assert await ditto.get_policy("racktwin.lab:rack-r1") is None
    assert [command[1:3] for command in bulk.asked] == [
        ("policies", "create"),
        ("things/twin", "create"),
        ("things/twin", "create"),
        ("things/twin", "retrieve"),
        ("policies", "retrieve"),
    ]
    assert http.calls == []
    # Another site, whose connection is not open yet.
    assert await ditto.create_thing({"thingId": "racktwin.other:rack-r1", "policyId": "p"})
    assert len(http.calls) == 1


async def test_a_merge_carries_the_content_type_that_ditto_demands() -> None:
    bulk = FakeBulk(answer(204))
    ditto, _ = router(bulk)
    await ditto.merge_thing("racktwin.lab:rack-r1", {"attributes": {"row": "r1"}})
    assert bulk.asked[0][4] == {"content-type": "application/merge-patch+json", "if-match": "*"}


async def test_a_refusal_is_said_as_over_http() -> None:
    ditto, _ = router(FakeBulk(answer(403, {"status": 403, "message": "not allowed"})))
    with pytest.raises(DependencyError) as raised:
        await ditto.create_thing(THING)
    assert raised.value.reason == "DittoHTTP403"
    assert "not allowed" in str(raised.value)


class FakeProducer:
    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], str]] = []

    def produce(self, topic: str, value: bytes, *, key: str, headers: list[tuple[str, str]]) -> None:
        self.sent.append((topic, json.loads(value), key))


async def test_answers_find_their_command_in_any_order() -> None:
    bulk, producer = BulkCommands({}, "me", timeout_s=5), FakeProducer()
    bulk._producer = producer  # type: ignore[assignment]
    first = asyncio.create_task(bulk.ask("racktwin.lab:a", "policies", "create", {"x": 1}))
    second = asyncio.create_task(bulk.ask("racktwin.lab:b", "things/twin", "retrieve"))
    await asyncio.sleep(0)
    (topic, envelope, key), (_, other, _) = producer.sent
    assert (topic, key) == ("racktwin.operator.lab", "racktwin.lab:a")
    assert envelope["topic"] == "racktwin.lab/a/policies/commands/create"
    assert envelope["headers"]["response-required"] is True
    assert "value" not in other
    ids = [each["headers"]["correlation-id"] for each in (envelope, other)]
    late = Answer(headers={"correlation-id": "of another replica"}, status=500)
    answers = [Answer(headers={"correlation-id": each}, status=200 + at) for at, each in enumerate(ids)]
    bulk._deliver([late, *reversed(answers)])
    assert (await first).status == 200
    assert (await second).status == 201


class FakeConsumer:
    """Refuses what it holds already, as librdkafka does; the topic's end moves on."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, int], int] = {}
        self.end = 7

    def list_topics(self, topic: str, timeout: float) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: None})})

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, self.end

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic, number in self.held]

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            del self.held[each.topic, each.partition]

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            if (each.topic, each.partition) in self.held:
                raise KafkaException(KafkaError(KafkaError._CONFLICT))
            self.held[each.topic, each.partition] = each.offset


async def test_a_site_that_was_shut_or_made_again_is_listened_to_from_its_present_end() -> None:
    bulk, consumer = BulkCommands({}, "me", timeout_s=5), FakeConsumer()
    bulk._consumer, bulk._thread = consumer, threading.current_thread()  # type: ignore[assignment]
    await bulk.open("lab")
    await bulk.open("north")
    bulk.shut("lab")
    consumer.end = 0
    await bulk.open("lab")
    assert bulk.is_open("lab")
    assert consumer.held == {("racktwin.operator-replies.lab", 0): 0, ("racktwin.operator-replies.north", 0): 7}


async def test_a_missing_answer_is_an_error_and_the_site_goes_back_to_http() -> None:
    bulk = BulkCommands({}, "me", timeout_s=0.05)
    bulk._producer = FakeProducer()  # type: ignore[assignment]
    bulk._open.add("lab")
    with pytest.raises(DependencyError, match="no answer"):
        await bulk.ask("racktwin.lab:a", "policies", "create", {})
    assert not bulk.is_open("lab")
