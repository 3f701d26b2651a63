"""Kafka in and out: commands, answers, errors, events with their headers, messages."""

from __future__ import annotations

import os
import threading
import uuid
from typing import Any

import pytest
from tests.contract.ditto.wires import MERGE, UNKNOWN, Wires, command


@pytest.fixture(scope="module")
def wires(ditto, eventually):
    bootstrap = os.environ.get("RACKTWIN_KAFKA_BOOTSTRAP")
    if not bootstrap:
        pytest.fail("RACKTWIN_KAFKA_BOOTSTRAP is not set: these tests need a Kafka that Ditto reaches too")
    wires = Wires(ditto, bootstrap)
    try:
        for name in wires.ids:
            eventually(
                lambda name=name: ditto.get(f"/connections/{name}/status").json().get("liveStatus") == "open", 120
            )
        # What was sent before a consumer had its partitions is not lost: wait until one command came through.
        thing = ditto.new_thing()
        assert wires.ask("retrieve", thing, "/").value["status"] == 200
        yield wires
    finally:
        wires.close()


@pytest.fixture
def thing(ditto):
    return ditto.new_thing(
        attributes={"serial": "A-1", "row": "K"}, features={"air": {"properties": {"t": 1.5, "h": 2}}}
    )


class TestCommands:
    def test_merge_is_applied_and_answered(self, ditto, wires, thing):
        reply = wires.ask("merge", thing, "/features/air/properties", {"t": 26.5, "h": None}, content_type=MERGE)
        assert reply.value["status"] == 204
        assert reply.value["path"] == "/features/air/properties"
        headers = reply.value["headers"]
        assert headers["entity-revision"] == 2
        assert headers["content-type"] == MERGE
        assert headers["ditto-originator"] == ditto.subject
        assert headers["response-required"] is False
        assert reply.headers["ditto-connection-id"] == wires.ids[0]
        assert ditto.get(f"/things/{thing}/features/air/properties").json() == {"t": 26.5}

    def test_modify_create_delete_and_retrieve(self, ditto, wires, thing):
        assert wires.ask("modify", thing, "/attributes/row", "K1").value["status"] == 204
        made = wires.ask("modify", thing, "/attributes/new", "yes").value
        assert (made["status"], made["value"]) == (201, "yes")
        assert wires.ask("retrieve", thing, "/attributes").value["value"] == {
            "serial": "A-1",
            "row": "K1",
            "new": "yes",
        }
        assert wires.ask("delete", thing, "/attributes/new").value["status"] == 204
        other, policy = ditto.new_id(), ditto.get(f"/things/{thing}").json()["policyId"]
        created = wires.ask("create", other, "/", {"policyId": policy}).value
        assert (created["status"], created["value"]) == (201, {"thingId": other, "policyId": policy})
        assert wires.ask("delete", other, "/").value["status"] == 204

    def test_outer_content_type_of_answers(self, wires, thing):
        assert wires.ask("retrieve", thing, "/").headers["content-type"] == "application/vnd.eclipse.ditto+json"

    def test_fields_reduce_a_retrieve(self, wires, thing):
        correlation = uuid.uuid4().hex
        wires.send({**command("retrieve", thing, "/"), "fields": "thingId,attributes/serial,_revision"}, correlation)
        value = wires.wait(wires.topic_reply, correlation).value["value"]
        assert value == {"thingId": thing, "attributes": {"serial": "A-1"}, "_revision": 1}

    def test_no_answer_when_none_is_wanted(self, ditto, wires, thing, eventually):
        correlation = uuid.uuid4().hex
        wires.send(command("modify", thing, "/attributes/row", "quiet", response_required=False), correlation)
        eventually(lambda: ditto.get(f"/things/{thing}/attributes/row").json() == "quiet")
        assert wires.ask("retrieve", thing, "/").value["status"] == 200
        replies = [record for record in wires.records if record.topic == wires.topic_reply]
        assert all(record.headers.get("correlation-id") != correlation for record in replies)

    @pytest.mark.parametrize(
        ("action", "path", "value", "headers", "status", "code"),
        [
            ("merge", "/features/air/properties", {"t": 1}, {}, 415, "mediatype.unsupported"),
            ("delete", "/attributes/none", None, {}, 404, "things:attribute.notfound"),
            ("create", "/", {}, {}, 409, "things:thing.conflict"),
            ("modify", "/attributes/row", "x", {"if_match": '"rev:1"'}, 412, "things:precondition.failed"),
            (
                "modify",
                "/attributes/row",
                "x",
                {"condition": 'eq(attributes/row,"zz")'},
                412,
                "things:condition.failed",
            ),
        ],
    )
    def test_errors_are_answered(self, wires, thing, action, path, value, headers, status, code):
        reply = wires.ask(action, thing, path, value, **headers).value
        assert (reply["status"], reply["value"]["error"]) == (status, code)
        namespace, _, name = thing.partition(":")
        assert reply["topic"] == f"{namespace}/{name}/things/twin/errors"

    def test_error_of_a_policy_is_answered_under_the_policy(self, ditto, wires):
        thing = ditto.new_id()
        reply = wires.ask("create", thing, "/", {"policyId": ditto.new_id("absent")}).value
        assert (reply["status"], reply["value"]["error"]) == (404, "policies:policy.notfound")
        assert reply["topic"] == thing.replace(":", "/") + "/policies/errors"

    def test_own_correlation_id_goes_before_the_records(self, wires, thing):
        own, records = uuid.uuid4().hex, uuid.uuid4().hex
        wires.send(command("modify", thing, "/attributes/row", "x", correlation_id=own), records, thing)
        reply = wires.wait(wires.topic_reply, own)
        assert reply.headers["correlation-id"] == reply.value["headers"]["correlation-id"] == own

    def test_missing_thing_is_404(self, ditto, wires):
        reply = wires.ask("modify", ditto.new_id(), "/attributes/row", "x").value
        assert (reply["status"], reply["value"]["error"]) == (404, "things:thing.notfound")

    @pytest.mark.parametrize(
        ("payload", "code", "topic"),
        [
            ('{"topic":', "json.invalid", UNKNOWN),
            ("[1]", "json.invalid", UNKNOWN),
            ({"path": "/"}, "json.field.missing", UNKNOWN),
            ({"topic": "a/b/things/twin/commands/modify", "value": 1}, "json.field.missing", UNKNOWN),
            ({"topic": "a/b/stuff/twin/commands/modify", "path": "/"}, "protocoladapter:unknown.topicpath", UNKNOWN),
            ({"topic": "a/b/things/twin/commands/dance", "path": "/"}, "protocoladapter:unknown.topicpath", UNKNOWN),
            ({"topic": "a b/b/things/twin/commands/modify", "path": "/", "value": {}}, "things:id.invalid", UNKNOWN),
            (
                {"topic": "a/b/things/twin/commands/modify", "path": "/nowhere", "value": 1},
                "protocoladapter:unknown.path",
                "a/b/things/twin/errors",
            ),
            (
                {"topic": "a/b/policies/commands/modify", "path": "/nowhere", "value": 1},
                "protocoladapter:unknown.path",
                "a/b/policies/errors",
            ),
        ],
    )
    def test_what_cannot_be_read_is_400_and_what_follows_is_done(self, wires, thing, payload, code, topic):
        correlation = uuid.uuid4().hex
        wires.send(payload, correlation)
        reply = wires.wait(wires.topic_reply, correlation).value
        assert (reply["status"], reply["value"]["error"]) == (400, code)
        assert reply["topic"] == topic
        assert "ditto-originator" not in reply["headers"]
        assert wires.ask("retrieve", thing, "/").value["status"] == 200

    def test_order_per_thing_is_kept(self, ditto, wires, thing, eventually):
        for number in range(200):
            wires.send(command("modify", thing, "/attributes/n", number, response_required=False), f"n-{number}", thing)
        eventually(lambda: ditto.get(f"/things/{thing}/attributes/n").json() == 199)
        assert ditto.get(f"/things/{thing}").headers["entity-revision"] == "201"


class TestEvents:
    """Events of changes that came by HTTP and by the other connection."""

    def test_of_a_change(self, ditto, wires, thing):
        correlation = uuid.uuid4().hex
        ditto.put(f"/things/{thing}/attributes/row", "H1", correlation_id=correlation)
        event = wires.wait(wires.topic_events, correlation)
        assert event.key == thing
        assert event.headers["revision"] == "2"
        assert event.headers["content-type"] == "application/vnd.eclipse.ditto+json"
        namespace, _, name = thing.partition(":")
        value = event.value
        assert value["topic"] == f"{namespace}/{name}/things/twin/events/modified"
        assert (value["path"], value["value"], value["revision"]) == ("/attributes/row", "H1", 2)
        assert value["extra"] == {"attributes": {"serial": "A-1"}}
        assert value["timestamp"].endswith("Z")
        assert value["headers"]["ditto-originator"] == ditto.subject

    @pytest.mark.parametrize(
        ("method", "path", "body", "action", "told"),
        [
            ("PUT", "/features/leak", {"properties": {"wet": False}}, "created", True),
            ("PATCH", "", {"features": {"air": {"properties": {"t": 24.25}}}}, "merged", True),
            ("PATCH", "/features/air/properties/t", 24.5, "merged", True),
            ("DELETE", "/features/air", None, "deleted", False),
        ],
    )
    def test_of_each_kind(self, ditto, wires, thing, method, path, body, action, told):
        correlation = uuid.uuid4().hex
        ditto.call(method, f"/things/{thing}{path}", body, correlation_id=correlation)
        value = wires.wait(wires.topic_events, correlation).value
        assert value["topic"].endswith(f"/things/twin/events/{action}")
        assert value["path"] == (path or "/")
        assert ("value" in value) is told
        if told:
            assert value["value"] == body

    def test_of_a_thing_made_and_deleted(self, ditto, wires):
        made, gone = uuid.uuid4().hex, uuid.uuid4().hex
        policy, thing = ditto.new_policy(), ditto.new_id()
        ditto.put(f"/things/{thing}", {"policyId": policy}, correlation_id=made)
        ditto.delete(f"/things/{thing}", correlation_id=gone)
        created = wires.wait(wires.topic_events, made)
        assert (created.key, created.value["value"]) == (thing, {"thingId": thing, "policyId": policy})
        deleted = wires.wait(wires.topic_events, gone)
        assert (deleted.key, deleted.value["path"], deleted.value["revision"]) == (thing, "/", 2)

    def test_of_commands_of_another_connection(self, wires, thing):
        correlation = uuid.uuid4().hex
        wires.send(command("merge", thing, "/attributes", {"row": "M"}, content_type=MERGE), correlation, thing)
        assert wires.wait(wires.topic_events, correlation).value["value"] == {"row": "M"}

    def test_not_of_what_may_not_be_read(self, ditto, wires):
        policy = ditto.new_policy()
        thing = ditto.new_thing(policy, attributes={"a": 1}, features={"f": {"properties": {}}})
        ditto.allow(
            policy,
            {"thing:/": {"grant": ["WRITE"], "revoke": []}, "thing:/features": {"grant": ["READ"], "revoke": []}},
        )
        hidden, seen = uuid.uuid4().hex, uuid.uuid4().hex
        ditto.put(f"/things/{thing}/attributes/a", 2, correlation_id=hidden)
        ditto.put(f"/things/{thing}/features/f/properties/x", 1, correlation_id=seen)
        wires.wait(wires.topic_events, seen)
        events = [record for record in wires.records if record.topic == wires.topic_events]
        assert all(record.headers.get("correlation-id") != hidden for record in events)


class TestMessages:
    def test_a_message_reaches_kafka_and_its_answer_returns(self, ditto, wires, thing):
        correlation = uuid.uuid4().hex
        answers: list[Any] = []

        def post() -> None:
            path = f"/things/{thing}/inbox/messages/reboot?timeout=55"
            answers.append(ditto.call("POST", path, {"in": 9}, correlation_id=correlation))

        asker = threading.Thread(target=post)
        asker.start()
        message = wires.wait(wires.topic_messages, correlation)
        assert message.headers["subject"] == "reboot"
        assert message.value["value"] == {"in": 9}
        assert message.value["path"] == "/inbox/messages/reboot"
        assert message.value["headers"]["ditto-message-thing-id"] == thing
        namespace, _, name = thing.partition(":")
        reply = {
            "topic": f"{namespace}/{name}/things/live/messages/reboot",
            "headers": {
                "correlation-id": message.value["headers"]["correlation-id"],
                "content-type": "application/json",
            },
            "path": "/outbox/messages/reboot",
            "value": {"done": True},
            "status": 200,
        }
        wires.send(reply, correlation, thing)
        asker.join(60)
        assert (answers[0].status_code, answers[0].json()) == (200, {"done": True})


def test_status_of_open_connections(ditto, wires):
    source = ditto.get(f"/connections/{wires.ids[0]}/status").json()
    assert (source["connectionStatus"], source["liveStatus"]) == ("open", "open")
    assert source["sourceStatus"][0]["status"] == "open"
    target = ditto.get(f"/connections/{wires.ids[1]}/status").json()
    by_address = {each["address"]: each["status"] for each in target["targetStatus"]}
    assert by_address[wires.topic_messages] == "open"
    metrics = ditto.get(f"/connections/{wires.ids[0]}/metrics").json()
    assert metrics["connectionMetrics"]["inbound"]["consumed"]["success"]["PT1H"] > 0


def test_closing_stops_and_opening_goes_on_where_it_stopped(ditto, wires, thing, eventually):
    def tell(name: str) -> None:
        url = f"{ditto.url}/api/2/connections/{wires.ids[0]}/command"
        text = {"content-type": "text/plain"}
        answer = ditto.devops.post(url, data=f"connectivity.commands:{name}", headers=text, timeout=60)
        assert answer.status_code == 200, answer.text

    tell("closeConnection")
    eventually(lambda: ditto.get(f"/connections/{wires.ids[0]}/status").json()["liveStatus"] == "closed")
    correlation = uuid.uuid4().hex
    wires.send(command("modify", thing, "/attributes/row", "waited"), correlation, thing)
    tell("openConnection")
    assert wires.wait(wires.topic_reply, correlation, 120).value["status"] == 204
    assert ditto.get(f"/things/{thing}/attributes/row").json() == "waited"
