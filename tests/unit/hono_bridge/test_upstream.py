"""Telemetry and events: what a Kafka-messaging Hono 2.7 would have written, from what Hono 1.0.3 sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proton import Message, int32, symbol

from hono_bridge.upstream import EMPTY_NOTIFICATION, Untranslatable, property_bag, text_of, to_record

NOW = 1_795_222_465_000
TOPIC = "hono.telemetry.t1"


def received(body: Any = b'{"a":1}', *, inferred: bool = True, **fields: Any) -> Message:
    """A message as it comes off the wire: encoded and decoded again."""
    properties = fields.pop("properties", {})
    annotations = fields.pop("annotations", {})
    sent = Message(
        body=body,
        inferred=inferred,
        creation_time=1_795_222_464.921,
        properties={"orig_adapter": "hono-mqtt", "device_id": "dev-1", "orig_address": "telemetry", **properties},
        annotations={symbol("device_id"): "dev-1", symbol("tenant_id"): "t1", **annotations},
        **fields,
    )
    message = Message()
    message.decode(sent.encode())
    return message


def headers(message: Message, *, event: bool = False) -> dict[str, str]:
    return {name: value.decode() for name, value in to_record(message, TOPIC, event=event, now_ms=NOW).headers}


def test_mqtt_telemetry_has_exactly_the_headers_of_a_kafka_messaging_hono() -> None:
    record = to_record(received(content_type=symbol("application/octet-stream")), TOPIC, event=False, now_ms=NOW)
    assert (record.topic, record.key, record.value) == (TOPIC, "dev-1", b'{"a":1}')
    assert record.headers == [
        ("content-type", b"application/octet-stream"),
        ("orig_adapter", b"hono-mqtt"),
        ("orig_address", b"telemetry"),
        ("qos", b"1"),
        ("device_id", b"dev-1"),
        ("creation-time", b"1795222464921"),
    ]


def test_neither_tenant_nor_gateway_is_passed_on() -> None:
    found = headers(received(properties={"tenant_id": "t1", "gateway_id": "gw-1", "resource": "telemetry/t1/dev-1"}))
    assert not {"tenant_id", "gateway_id", "resource"} & set(found)


def test_content_type_in_the_topics_property_bag_is_honoured() -> None:
    message = received(
        content_type=symbol("application/octet-stream"),
        properties={"orig_address": "telemetry/t1/dev-1/?content-type=application%2Fsenml%2Bjson"},
    )
    assert headers(message)["content-type"] == "application/senml+json"


def test_a_bag_does_not_overrule_a_content_type_that_the_adapter_gave() -> None:
    message = received(content_type=symbol("text/csv"), properties={"orig_address": "event/?content-type=text%2Fplain"})
    assert headers(message, event=True)["content-type"] == "text/csv"


def test_only_mqtt_addresses_have_a_bag() -> None:
    message = received(properties={"orig_adapter": "hono-http", "orig_address": "/telemetry/?content-type=a%2Fb"})
    assert headers(message)["content-type"] == "application/octet-stream"


def test_missing_content_type_is_octet_stream() -> None:
    assert headers(received())["content-type"] == "application/octet-stream"


def test_event_ttl_is_in_milliseconds() -> None:
    assert headers(received(ttl=10.0), event=True)["ttl"] == "10000"


def test_no_ttl_no_header() -> None:
    assert "ttl" not in headers(received())


def test_ttd_is_text_in_seconds() -> None:
    assert headers(received(properties={"ttd": int32(20)}))["ttd"] == "20"


def test_retain_flag() -> None:
    assert headers(received(annotations={symbol("x-opt-retain"): True}))["x-opt-retain"] == "true"


def test_registered_defaults_are_kept_as_text() -> None:
    found = headers(received(properties={"unit": "kPa", "level": int32(3), "on": True, "gain": 1.5}))
    assert (found["unit"], found["level"], found["on"], found["gain"]) == ("kPa", "3", "true", "1.5")


def test_qos_as_sent_by_a_newer_hono() -> None:
    assert headers(received(properties={"qos": int32(0)}))["qos"] == "0"


@pytest.mark.parametrize(
    ("adapter", "event", "qos"), [("hono-mqtt", False, "1"), ("hono-http", False, "0"), ("hono-http", True, "1")]
)
def test_qos_that_the_adapter_does_not_tell(adapter: str, event: bool, qos: str) -> None:
    assert headers(received(properties={"orig_adapter": adapter}), event=event)["qos"] == qos


def test_the_adapters_own_connection_event_has_a_null_value_and_no_address() -> None:
    message = received(
        body=None,
        content_type=symbol(EMPTY_NOTIFICATION),
        ttl=45.0,
        properties={"ttd": int32(-1), "orig_address": "event"},
    )
    record = to_record(message, "hono.event.t1", event=True, now_ms=NOW)
    found = dict(record.headers)
    assert record.value is None
    assert "orig_address" not in found
    assert (found["content-type"], found["ttd"], found["ttl"]) == (EMPTY_NOTIFICATION.encode(), b"-1", b"45000")


def test_an_empty_payload_is_not_a_null_value() -> None:
    assert to_record(received(b""), TOPIC, event=False, now_ms=NOW).value == b""


def test_text_body_becomes_utf8() -> None:
    assert to_record(received("text böd", inferred=False), TOPIC, event=False, now_ms=NOW).value == "text böd".encode()


def test_list_body_is_refused() -> None:
    with pytest.raises(Untranslatable, match="list"):
        to_record(received([1, 2], inferred=False), TOPIC, event=False, now_ms=NOW)


def test_device_id_from_the_annotations() -> None:
    message = received()
    del message.properties["device_id"]
    assert to_record(message, TOPIC, event=False, now_ms=NOW).key == "dev-1"


def test_without_any_device_id_it_is_refused() -> None:
    message = Message(body=b"x", inferred=True)
    with pytest.raises(Untranslatable, match="device_id"):
        to_record(message, TOPIC, event=False, now_ms=NOW)


def test_creation_time_defaults_to_now() -> None:
    message = received()
    message.creation_time = 0
    assert headers(message)["creation-time"] == str(NOW)


def test_last_of_a_repeated_name_wins_in_a_bag() -> None:
    assert property_bag("t/?a=1&a=2&b=") == {"a": "2", "b": ""}
    assert property_bag("telemetry/t1/dev-1") == {}


@given(st.one_of(st.integers(-(2**31), 2**31 - 1).map(int32), st.booleans(), st.text(), st.floats(allow_nan=False)))
def test_header_text_never_names_an_amqp_type(value: Any) -> None:
    text = text_of(value)
    assert isinstance(text, str)
    if not isinstance(value, str):
        assert "(" not in text


@given(st.binary(max_size=200))
def test_payload_bytes_are_never_changed(payload: bytes) -> None:
    assert to_record(received(payload), TOPIC, event=False, now_ms=NOW).value == payload
