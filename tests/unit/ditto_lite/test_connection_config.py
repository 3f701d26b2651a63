"""Configurations of connections: defaults, templates, addresses, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from ditto_lite.connection_config import Address, Subscription, kafka_settings, masked, read_connection, unmasked
from ditto_lite.errors import DittoError
from ditto_lite.placeholders import Facts, parse_template

TARGET = {"address": "out/{{ thing:id }}", "topics": ["_/_/things/twin/events"], "authorizationContext": ["a:b"]}


def connection(**more: Any) -> dict[str, Any]:
    body = {"connectionType": "kafka", "uri": "tcp://user:p%40ss@broker:9092", "targets": [TARGET], **more}
    return read_connection(body, "c")


def test_defaults() -> None:
    kept = connection()
    assert (kept["clientCount"], kept["failoverEnabled"], kept["connectionStatus"], kept["tags"]) == (
        1,
        True,
        "open",
        [],
    )
    assert kept["sources"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"targets": [{**TARGET, "payloadMapping": ["javascript"]}]},
        {"mappingDefinitions": {"j": {"mappingEngine": "JavaScript", "options": {}}}},
        {"targets": [{**TARGET, "authorizationContext": []}]},
        {"targets": [{**TARGET, "address": "{{ nonsense }}"}]},
        {"connectionType": "mqtt"},
    ],
)
def test_what_does_not_run_here_is_refused_at_once(change: dict[str, Any]) -> None:
    with pytest.raises(DittoError) as refused:
        connection(**change)
    assert refused.value.code == "connectivity:connection.configuration.invalid"


def test_passwords_are_not_shown_and_survive_being_sent_back() -> None:
    kept = connection()
    shown = masked(kept)
    assert "p%40ss" not in str(shown)
    assert unmasked(shown, kept)["uri"] == kept["uri"]
    settings = kafka_settings(kept)
    assert (settings["sasl.username"], settings["sasl.password"]) == ("user", "p@ss")
    assert settings["security.protocol"] == "SASL_PLAINTEXT"


def test_bootstrap_servers_of_the_specific_config_count() -> None:
    assert kafka_settings(connection())["bootstrap.servers"] == "broker:9092"
    given = connection(specificConfig={"bootstrapServers": "a:1,b:2"})
    assert kafka_settings(given)["bootstrap.servers"] == "a:1,b:2"


@pytest.mark.parametrize(
    ("text", "topic", "key", "partition"),
    [
        ("t", "t", None, None),
        ("t/{{ thing:id }}", "t", "ns:x", None),
        ("{{ thing:namespace }}.events/{{thing:name}}", "ns.events", "x", None),
        ("t#3", "t", None, 3),
        ("t/{{ header:a/b }}", "t", "slash", None),
    ],
)
def test_addresses(text: str, topic: str, key: str | None, partition: int | None) -> None:
    address = Address.of(text)
    facts = Facts("ns:x", {"a/b": "slash"})
    assert address.topic.resolve(facts) == topic
    assert (address.key.resolve(facts) if address.key else None) == key
    assert address.partition == partition


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ header:revision }}", "7"),
        ("{{ header:none }}", None),
        ("{{ header:none | fn:default('x') }}", "x"),
        ("{{ header:none | fn:default(header:revision) }}", "7"),
        ("a-{{ header:flag|fn:upper() }}-b", "a-TRUE-b"),
        ("plain", "plain"),
    ],
)
def test_templates(text: str, value: str | None) -> None:
    assert parse_template(text).resolve(Facts("ns:x", {"revision": 7, "flag": True})) == value


def test_subscriptions() -> None:
    text = (
        "_/_/things/twin/events?namespaces=a.b,c.d&filter=gt(attributes/n,5)&extraFields=attributes/serial,features/x"
    )
    read = Subscription.of(text)
    assert read.what == "things/twin/events"
    assert read.namespaces == {"a.b", "c.d"}
    assert read.extra == (("attributes", "serial"), ("features", "x"))
    assert read.filter is not None
    assert read.filter({"attributes": {"n": 6}}, {})
