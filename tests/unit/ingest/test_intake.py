"""Which format a message has, and what its headers say."""

from __future__ import annotations

import pytest

from ingest.intake import address_parts, format_of, headers_of, sent_at
from ingest.measured import Refusal

DITTO = b'{"topic":"racktwin.berlin/rack-a/things/twin/commands/merge","path":"/features","value":{}}'


@pytest.mark.parametrize(
    ("content_type", "payload", "expected"),
    [
        ("application/json", b'{"temperature":1}', "flat"),
        ("application/json; charset=utf-8", b'{"temperature":1}', "flat"),
        ("application/senml+json", b"[]", "senml"),
        ("application/json", b' [{"n":"a"}]', "senml"),
        ("application/vnd.eclipse.ditto+json", DITTO, "ditto"),
        ("application/octet-stream", b'{"temperature":1}', "flat"),
        ("application/octet-stream", b'\n[{"n":"a"}]', "senml"),
        ("application/octet-stream", DITTO, "ditto"),
        ("", b'{"temperature":', "flat"),
        ("application/vnd.eclipse-hono-empty-notification", b"", "nothing"),
    ],
)
def test_format(content_type, payload, expected):
    assert format_of(content_type, payload) == expected


@pytest.mark.parametrize(
    ("content_type", "payload", "reason"),
    [
        ("text/csv", b"1,2,3", "unsupported_content"),
        ("application/octet-stream", b"\x00\xff\x01", "unsupported_content"),
        ("application/json", b"", "unsupported_content"),
        ("application/octet-stream", b"hello", "malformed_json"),
    ],
)
def test_what_is_not_read(content_type, payload, reason):
    with pytest.raises(Refusal) as caught:
        format_of(content_type, payload)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("address", "sensor"),
    [
        ("telemetry", None),
        ("/telemetry", None),
        ("telemetry/berlin/dev-1", None),
        ("t/berlin/dev-1/top", "top"),
        ("telemetry/?sensor=top", "top"),
        ("/telemetry/berlin/dev-1?sensor=rear-top", "rear-top"),
        ("telemetry//dev-2", None),
    ],
)
def test_sensor_in_the_address(address, sensor):
    assert address_parts(address)[0] == sensor


def test_content_type_in_the_property_bag():
    assert address_parts("event/?hono-ttl=10&content-type=text%2Fplain")[1]["content-type"] == "text/plain"


def test_headers_of_any_bytes():
    assert headers_of([("a", b"x"), ("b", b"\xff"), ("c", None)]) == {"a": "x", "b": "\ufffd", "c": ""}
    assert headers_of(None) == {}


@pytest.mark.parametrize("text", ["", "soon", "-5", "1e3", "9" * 30])
def test_a_creation_time_that_is_none_leaves_kafkas(text):
    assert sent_at({"creation-time": text}, 42) == 42
    assert sent_at({"creation-time": "1767225600000"}, 42) == 1767225600000
