"""Commands, responses and failure notifications between Kafka and AMQP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from proton import Message, int32, symbol

from hono_bridge.commands import (
    FAILURE_NOTIFICATION,
    Command,
    CommandRecord,
    Dropped,
    expired,
    notify,
    outcome_notification,
    plan,
    response_record,
    to_message,
    undelivered,
)
from hono_bridge.upstream import KafkaRecord, Untranslatable

NOW = 1_795_221_065_000
AGE = 30_000


def record(
    key: str | None = "dev-1", value: bytes | None = b'{"c":1}', timestamp: int = NOW - 5, **headers: str
) -> CommandRecord:
    named = {name.replace("_", "-") if name != "device_id" else name: text for name, text in headers.items()}
    return CommandRecord("t1", "hono.command.t1", 0, 7, timestamp, key, named, value)


def wanted(**more: str) -> CommandRecord:
    fields = {"device_id": "dev-1", "subject": "set", "correlation_id": "c1", "response_required": "true", **more}
    return record(**fields)  # type: ignore[arg-type]


def planned(source: CommandRecord, now: int = NOW) -> Command:
    result = plan(source, now_ms=now, max_age_ms=AGE)
    assert isinstance(result, Command)
    return result


def dropped(source: CommandRecord, now: int = NOW) -> Dropped:
    result = plan(source, now_ms=now, max_age_ms=AGE)
    assert isinstance(result, Dropped)
    return result


def text_headers(found: KafkaRecord) -> dict[str, str]:
    return {name: value.decode() for name, value in found.headers}


def test_request_response_command_as_amqp() -> None:
    message = to_message(planned(wanted(content_type="application/json")), "racktwin", NOW)
    again = Message()
    again.decode(message.encode())
    assert again.address == "command/t1/dev-1"
    assert again.subject == "set"
    assert again.correlation_id == "c1"
    assert again.reply_to == "command_response/t1/racktwin"
    assert str(again.content_type) == "application/json"
    assert again.inferred, "an AmqpValue body makes Hono 1.0.3 redeliver for ever"
    assert bytes(again.body) == b'{"c":1}'


def test_one_way_command_has_no_reply_address() -> None:
    message = to_message(planned(record(device_id="dev-1", subject="beep")), "racktwin", NOW)
    assert message.reply_to is None
    assert message.correlation_id is None


def test_a_command_without_value_has_an_empty_data_section() -> None:
    message = to_message(planned(record(value=None, device_id="dev-1", subject="beep")), "racktwin", NOW)
    again = Message()
    again.decode(message.encode())
    assert again.inferred
    assert bytes(again.body) == b""


def test_the_broker_may_keep_it_only_while_it_is_fresh() -> None:
    message = to_message(planned(wanted(creation_time=str(NOW - 10_000))), "racktwin", NOW)
    assert message.ttl == pytest.approx(20.0)
    assert message.expiry_time == pytest.approx((NOW + 20_000) / 1000, abs=1.0)


def test_sent_twice_it_bears_the_same_duplicate_id() -> None:
    command = planned(wanted())
    first, second = (to_message(command, "racktwin", now).properties["_AMQ_DUPL_ID"] for now in (NOW, NOW + 99))
    assert first == second


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (record(subject="s", correlation_id="c", response_required="true"), "no_device_id"),
        (record(key=None, device_id="dev-1", subject="s"), "key_mismatch"),
        (record(key="dev-2", device_id="dev-1", subject="s"), "key_mismatch"),
        (record(device_id="dev-1", subject="s", response_required="true"), "no_correlation_id"),
        (record(device_id="dev-1"), "no_subject"),
        (wanted(ttl="1000", creation_time=str(NOW - 60_000)), "ttl_expired"),
    ],
)
def test_dropped_in_silence(source: CommandRecord, reason: str) -> None:
    found = dropped(source)
    assert found.reason == reason
    assert found.notification is None


def test_missing_subject_is_told_when_a_response_is_wanted() -> None:
    found = dropped(record(device_id="dev-1", correlation_id="c7", response_required="true"))
    assert found.notification is not None
    assert found.notification.value == b'{"error":"malformed command message"}'
    assert text_headers(found.notification) == {
        "tenant_id": "t1",
        "device_id": "dev-1",
        "correlation-id": "c7",
        "content-type": FAILURE_NOTIFICATION,
        "status": "400",
        "creation-time": str(NOW),
    }


@pytest.mark.parametrize("flag", ["false", "TRUE", "1", ""])
def test_only_true_asks_for_a_response(flag: str) -> None:
    assert not planned(
        record(device_id="dev-1", subject="s", correlation_id="c", response_required=flag)
    ).response_required


def test_old_command_is_not_sent_and_its_sender_is_told() -> None:
    found = dropped(wanted(creation_time=str(NOW - AGE - 1)))
    assert found.reason == "too_old"
    assert found.notification is not None
    assert text_headers(found.notification)["status"] == "503"


def test_age_counts_from_kafkas_time_when_the_sender_gives_none() -> None:
    assert dropped(record(timestamp=NOW - AGE, device_id="dev-1", subject="s")).reason == "too_old"


def test_own_ttl_shortens_the_life() -> None:
    assert planned(wanted(ttl="5000", creation_time=str(NOW))).expires == NOW + 5000


def test_a_command_that_grew_old_while_waiting() -> None:
    assert expired(planned(wanted()), NOW + AGE).notification is not None


@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        ("rejected", "400", "Command message rejected"),
        ("released", "503", "Temporarily unavailable"),
        ("modified", "503", "Temporarily unavailable"),
    ],
)
def test_amqp_outcome_as_notification(outcome: str, status: str, error: str) -> None:
    found = outcome_notification(planned(wanted()), outcome, NOW)
    assert found is not None
    assert (found.topic, found.key) == ("hono.command_response.t1", "dev-1")
    assert text_headers(found)["status"] == status
    assert json.loads(found.value or b"") == {"error": error}


def test_accepted_is_no_news_and_one_way_failures_say_nothing() -> None:
    assert outcome_notification(planned(wanted()), "accepted", NOW) is None
    assert notify(planned(record(device_id="dev-1", subject="s")), 400, "x", NOW) is None


def test_metadata_returns_to_the_sender() -> None:
    source = record(
        **{"device_id": "dev-1", "subject": "s", "correlation-id": "c", "response-required": "true"},
        **{"delivery-failure-notification-metadata[t]": "hi", "other": "zzz"},
    )
    found = outcome_notification(planned(source), "released", NOW)
    assert found is not None
    assert text_headers(found)["delivery-failure-notification-metadata[t]"] == "hi"
    assert "other" not in text_headers(found)


def test_command_that_expired_in_the_broker_becomes_a_notification() -> None:
    source = record(
        **{"device_id": "dev-1", "subject": "s", "correlation-id": "c", "response-required": "true"},
        **{"delivery-failure-notification-metadata[t]": "hi"},
    )
    message = to_message(planned(source), "racktwin", NOW)
    message.address = "ExpiryQueue"  # the broker rewrites it
    found = undelivered(message, dead_letter=False, now_ms=NOW)
    assert found is not None
    device, note = found
    assert device == "dev-1"
    assert note is not None
    assert note.value == b'{"error":"no consumer available"}'
    assert text_headers(note)["status"] == "503"
    assert text_headers(note)["delivery-failure-notification-metadata[t]"] == "hi"


def test_one_way_command_that_expired_tells_nobody() -> None:
    message = to_message(planned(record(device_id="dev-1", subject="s")), "racktwin", NOW)
    assert undelivered(message, dead_letter=False, now_ms=NOW) == ("dev-1", None)


def test_what_expired_and_is_no_command() -> None:
    assert undelivered(Message(body=b"x", inferred=True), dead_letter=False, now_ms=NOW) is None


def response(**fields: Any) -> Message:
    properties = fields.pop("properties", {"tenant_id": "t1", "device_id": "dev-1", "status": int32(200)})
    sent = Message(
        body=fields.pop("body", b'{"ok":1}'), inferred=True, creation_time=1_795_221_976.179, properties=properties,
        correlation_id=fields.pop("correlation_id", "n0"), **fields,
    )  # fmt: skip
    message = Message()
    message.decode(sent.encode())
    return message


def test_response_has_the_headers_of_a_kafka_messaging_hono() -> None:
    found = response_record(response(), "t1", NOW)
    assert (found.topic, found.key, found.value) == ("hono.command_response.t1", "dev-1", b'{"ok":1}')
    assert text_headers(found) == {
        "tenant_id": "t1",
        "content-type": "application/octet-stream",
        "device_id": "dev-1",
        "correlation-id": "n0",
        "status": "200",
        "creation-time": "1795221976179",
    }


def test_response_keeps_content_type_ttl_and_defaults() -> None:
    properties = {"tenant_id": "t1", "device_id": "dev-1", "status": int32(204), "unit": "kPa"}
    found = text_headers(
        response_record(response(content_type=symbol("text/plain"), ttl=45.0, properties=properties), "t1", NOW)
    )
    assert (found["content-type"], found["ttl"], found["unit"], found["status"]) == (
        "text/plain",
        "45000",
        "kPa",
        "204",
    )


def test_response_without_body_has_an_empty_value() -> None:
    assert response_record(response(body=None), "t1", NOW).value == b""


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (response(properties={"status": int32(200)}), "device_id"),
        (response(correlation_id=None), "correlation id"),
        (response(properties={"device_id": "dev-1"}), "status"),
    ],
)
def test_incomplete_responses_are_refused(message: Message, what: str) -> None:
    with pytest.raises(Untranslatable, match=what):
        response_record(message, "t1", NOW)
