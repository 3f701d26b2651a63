"""Records of a source: executed, answered, refused, without a Kafka."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ditto_lite.connection_config import Plan, read_connection
from ditto_lite.kafka_commands import Inbound, SourceCommands
from ditto_lite.messages import Messages
from ditto_lite.meters import Meters

MERGE = "application/merge-patch+json"


def connection(**source: Any) -> dict[str, Any]:
    parts = {
        "addresses": ["in"],
        "authorizationContext": ["nginx:owner"],
        "headerMapping": {"correlation-id": "{{ header:correlation-id }}"},
        "replyTarget": {"enabled": True, "address": "reply", "expectedResponseTypes": ["response", "error"]},
        **source,
    }
    body = {"connectionType": "kafka", "uri": "tcp://127.0.0.1:9092", "connectionStatus": "closed", "sources": [parts]}
    return read_connection(body, "c1")


@pytest.fixture
def execute(world):
    commands = SourceCommands("c1", world.twin, world.bus, Messages(world.twin, world.bus), Meters(world.clock))

    def run(value: Any, plan: dict[str, Any] | None = None, **headers: str) -> dict[str, Any] | None:
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        named = [(name.replace("_", "-"), text.encode()) for name, text in headers.items()]
        source = Plan.of(plan or connection()).sources[0]
        reply = commands.execute(source, Inbound(payload, "k", "in", 5, named))
        return reply.body if reply else None

    return run


def merge(value: Any, path: str = "/features", thing: str = "ns/t", **headers: Any) -> dict[str, Any]:
    return {
        "topic": f"{thing}/things/twin/commands/merge",
        "headers": {"content-type": MERGE, **headers},
        "path": path,
        "value": value,
    }


def test_a_merge_is_answered_with_revision_and_correlation(world, execute) -> None:
    world.make()
    reply = execute(merge({"f": {"properties": {"a": 1}}}), correlation_id="c-7")
    assert reply["status"] == 204
    assert reply["headers"]["entity-revision"] == 2
    assert reply["headers"]["correlation-id"] == "c-7"
    assert world.twin.things["ns:t"].document["features"] == {"f": {"properties": {"a": 1}}}


def test_the_inner_correlation_id_counts(world, execute) -> None:
    world.make()
    reply = execute(merge({}, **{"correlation-id": "inner"}), correlation_id="outer")
    assert reply["headers"]["correlation-id"] == "inner"


@pytest.mark.parametrize("wanted", [False, "false"])
def test_no_answer_if_none_is_wanted_not_even_an_error(world, execute, wanted) -> None:
    world.make()
    assert execute(merge({}, **{"response-required": wanted})) is None
    assert execute(merge({}, thing="ns/none", **{"response-required": wanted})) is None


def test_events_of_a_source_name_their_connection(world, execute) -> None:
    world.make()
    execute(merge({"f": {}}))
    for publish in world.twin.drain()[1]:
        publish()
    assert world.events[-1].command.origin == "c1"


def test_enforcement_refuses_other_things(world, execute) -> None:
    world.make()
    rule = connection(enforcement={"input": "{{ header:device-id }}", "filters": ["{{ thing:id }}"]})
    assert execute(merge({}), rule, device_id="ns:t")["status"] == 204
    refused = execute(merge({}), rule, device_id="ns:other")
    assert refused["value"]["error"] == "connectivity:connection.id.enforcement.failed"


def test_without_a_reply_target_nothing_is_answered(world, execute) -> None:
    world.make()
    assert execute(merge({}), connection(replyTarget={"enabled": False})) is None
    assert execute(b"{", connection(replyTarget={"enabled": False})) is None


@pytest.mark.parametrize("record", [b'{"topic":', b'{"topic":"\xff"}'])
def test_unreadable_records_are_answered_with_where_they_came_from(execute, record) -> None:
    reply = execute(record, correlation_id="c")
    assert reply["topic"] == "unknown/unknown/things/twin/errors"
    assert reply["headers"]["kafka.topic"] == "in"
    assert reply["headers"]["kafka.timestamp"] == "5"
    assert reply["value"]["error"] == "json.invalid"


def test_policies_too(world, execute) -> None:
    entry = {"subjects": {"a:b": {"type": "t"}}, "resources": {"thing:/": {"grant": ["READ"], "revoke": []}}}
    reply = execute({"topic": "ns/p/policies/commands/modify", "headers": {}, "path": "/entries/x", "value": entry})
    assert (reply["status"], reply["value"]["importable"]) == (201, "implicit")
