"""Ditto Protocol envelopes: what we send is what Ditto takes over Kafka, what it sends is read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin.ditto_protocol import Envelope, Topic, decode, merge_features, parse_topic

THING = "racktwin.berlin:rack-r01-01"
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FEATURES = st.dictionaries(st.text(max_size=12), st.dictionaries(st.text(max_size=12), JSON, max_size=4), max_size=4)


def test_a_merge_is_what_the_twin_topic_promises() -> None:
    properties = {"temperature": 23.4, "relativeHumidity": 41.0, "quality": "good", "observedAt": 1763683200000}
    assert json.loads(merge_features(THING, {"environment.top": properties}, "c-1")) == {
        "topic": "racktwin.berlin/rack-r01-01/things/twin/commands/merge",
        "headers": {
            "content-type": "application/merge-patch+json",
            "response-required": False,
            "correlation-id": "c-1",
        },
        "path": "/features",
        "value": {"environment.top": {"properties": properties}},
    }


@given(FEATURES, st.text(max_size=20))
def test_a_merge_reads_back_with_every_feature(features: dict[str, dict[str, Any]], correlation: str) -> None:
    envelope = decode(merge_features(THING, features, correlation))
    assert envelope.path == "/features"
    assert envelope.headers["correlation-id"] == correlation
    assert envelope.value == {name: {"properties": properties} for name, properties in features.items()}
    topic = parse_topic(envelope.topic)
    assert topic.thing_id == THING
    assert (topic.group, topic.channel, topic.criterion, topic.action) == ("things", "twin", "commands", "merge")


def test_a_merge_never_touches_definitions_or_desired_properties() -> None:
    value = decode(merge_features(THING, {"a": {"definition": 1}, "b": {}}, "c")).value
    assert all(set(feature) == {"properties"} for feature in value.values())


def test_an_event_as_ditto_publishes_it_is_read() -> None:
    event = decode(
        json.dumps(
            {
                "topic": "racktwin.berlin/rack-r01-01/things/twin/events/merged",
                "headers": {"content-type": "application/merge-patch+json", "version": 2, "requested-acks": []},
                "path": "/features",
                "value": {"power": {"properties": {"power": 4200}}},
                "extra": {"attributes": {"row": "r01"}},
                "revision": 17,
                "timestamp": "2026-11-20T23:33:31.921705614Z",
                "unheardOf": True,
            }
        ).encode()
    )
    assert event.revision == 17
    assert event.timestamp == "2026-11-20T23:33:31.921705614Z"
    assert event.extra == {"attributes": {"row": "r01"}}
    assert parse_topic(event.topic).action == "merged"


def test_an_absent_value_is_not_a_null_one() -> None:
    topic = "racktwin.berlin/rack-x/things/twin/events/deleted"
    assert decode(json.dumps({"topic": topic}).encode()).value is msgspec.UNSET
    assert decode(json.dumps({"topic": topic, "value": None}).encode()).value is None
    assert decode(json.dumps({"topic": topic}).encode()) == Envelope(topic=topic, path="/", headers={})


def test_envelopes_do_not_share_their_headers() -> None:
    first, second = (decode(b'{"topic":"a/b/things/twin/events/deleted"}') for _ in range(2))
    first.headers["x"] = 1
    assert second.headers == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"topic":1}',
        b'{"topic":"a","path":null}',
        b'{"topic":"a","headers":[]}',
        b'{"topic":"a","revision":"1"}',
        b"\xff\xfe",
        b'{"topic":"\xff"}',
        b"null",
    ],
)
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(data)


@given(*(st.from_regex(r"[a-zA-Z0-9._-]{1,12}", fullmatch=True) for _ in range(6)))
def test_a_topic_is_split_into_its_parts(
    namespace: str, name: str, group: str, channel: str, criterion: str, action: str
) -> None:
    text = f"{namespace}/{name}/{group}/{channel}/{criterion}/{action}"
    assert parse_topic(text) == Topic(namespace, name, group, channel, criterion, action)


def test_a_message_subject_keeps_its_slashes() -> None:
    topic = parse_topic("racktwin.berlin/cooling-c1/things/live/messages/set/fan")
    assert topic.criterion == "messages"
    assert topic.action == "set/fan"


@pytest.mark.parametrize("topic", ["", "/", "a/b/things/twin/commands", "racktwin.berlin:rack-x"])
def test_a_short_topic_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        parse_topic(topic)
