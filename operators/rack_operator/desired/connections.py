"""Ditto's Kafka connections of a site. Pure.

One takes merges of the pipeline in, one those of models, each under a subject of its own; another puts twin events
out: a Ditto connection does not see the events that its own source causes. The fourth is the operator's own, for bulk
changes with answers. A tag carries a hash of the whole body, so that a change of the broker's password, which Ditto
shows masked, is seen too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rack_operator.desired import bulk
from rack_operator.desired.ownership import OPERATOR
from racktwin import names

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Broker:
    """Kafka as Ditto reaches it."""

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = None
    authority: str | None = None
    """PEM of the authority of the brokers; None: public ones."""


def connections(site: str, broker: Broker) -> list[JsonObject]:
    """The connections of a site, ready to PUT under their ids."""
    twin = _merges(
        names.twin_connection(site), names.own_topic("twin", site), names.pipeline_subject(site), site, broker
    )
    models = _merges(
        names.models_connection(site), names.own_topic("models", site), names.models_subject(site), site, broker
    )
    events = {
        **_common(names.events_connection(site), site, broker),
        "targets": [
            {
                # Topic, slash, key: all events of one thing stay in order.
                "address": f"{names.own_topic('events', site)}/{{{{ thing:id }}}}",
                "topics": [f"_/_/things/twin/events?namespaces={names.namespace(site)}"],
                "qos": 0,
                "authorizationContext": [names.events_subject(site)],
                "headerMapping": {},
            }
        ],
    }
    return [_tagged(twin), _tagged(models), _tagged(events), _tagged(_operator(site, broker))]


def _merges(connection: str, topic: str, subject: str, site: str, broker: Broker) -> JsonObject:
    """Takes merges from a topic and applies them under one subject."""
    body = {
        **_common(connection, site, broker),
        "sources": [
            {
                "addresses": [topic],
                "consumerCount": 1,
                # 1: the offset is committed only after the command was applied.
                "qos": 1,
                "authorizationContext": [subject],
                "headerMapping": {},
                "replyTarget": {"enabled": False},
            }
        ],
    }
    body["specificConfig"] = {**body["specificConfig"], "groupId": connection}
    return body


def _operator(site: str, broker: Broker) -> JsonObject:
    """Takes the operator's commands and answers each on the topic of replies."""
    correlation = {"correlation-id": "{{ header:correlation-id }}"}
    body = {
        **_common(bulk.connection(site), site, broker),
        "sources": [
            {
                "addresses": [bulk.commands_topic(site)],
                "consumerCount": 1,
                "qos": 1,
                "authorizationContext": [bulk.subject(site)],
                "headerMapping": correlation,
                "replyTarget": {
                    "enabled": True,
                    "address": bulk.replies_topic(site),
                    "headerMapping": correlation,
                    "expectedResponseTypes": ["response", "error", "nack"],
                },
            }
        ],
    }
    body["specificConfig"] = {**body["specificConfig"], "groupId": bulk.connection(site)}
    return body


def connection_matches(desired: JsonObject, actual: JsonObject) -> bool:
    """Whether the connection is as desired, apart from what Ditto adds and what it masks."""
    visible = {key: value for key, value in desired.items() if key != "uri"}
    return _contains(actual, visible)


def _common(connection_id: str, site: str, broker: Broker) -> JsonObject:
    first = broker.bootstrap.split(",")[0].strip()
    scheme = "ssl" if broker.security_protocol.endswith("SSL") else "tcp"
    login = ""
    if broker.username is not None:
        login = f"{quote(broker.username, safe='')}:{quote(broker.password or '', safe='')}@"
    specific = {"bootstrapServers": broker.bootstrap}
    if broker.sasl_mechanism is not None:
        specific["saslMechanism"] = broker.sasl_mechanism.lower()
    trust = {} if broker.authority is None else {"ca": broker.authority}
    return {
        **trust,
        "id": connection_id,
        "name": connection_id,
        "connectionType": "kafka",
        "connectionStatus": "open",
        "failoverEnabled": True,
        "uri": f"{scheme}://{login}{first}",
        "specificConfig": specific,
        "tags": [OPERATOR, f"site-{site}"],
    }


def _tagged(body: JsonObject) -> JsonObject:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return {**body, "tags": [*body["tags"], f"hash-{digest}"]}


def _contains(actual: Any, desired: Any) -> bool:
    """Whether everything in `desired` is in `actual`; lists count as sets where they hold plain values."""
    if isinstance(desired, dict):
        return isinstance(actual, dict) and all(
            # Ditto leaves out what is empty or off.
            _contains(actual.get(key), value) or (key not in actual and value in ({}, [], {"enabled": False}))
            for key, value in desired.items()
        )
    if isinstance(desired, list):
        if not isinstance(actual, list) or len(actual) != len(desired):
            return False
        if all(isinstance(item, str) for item in desired):
            return set(actual) == set(desired)
        return all(_contains(a, d) for a, d in zip(actual, desired, strict=True))
    return bool(actual == desired)
