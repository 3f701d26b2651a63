"""What the tests of ingest share: a small fleet, messages as Hono writes them, stand-ins for Kafka's clients."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from tests.unit import kafka_fakes

from ingest import intake
from ingest.intake import Inbound
from racktwin.directory import Entry

NOW = 1767225600000
RACK = "racktwin.berlin:rack-r01-01"
OTHER = "racktwin.berlin:rack-r01-02"
SERVER = "racktwin.berlin:server-s1"
GATEWAY = "racktwin.berlin:gateway-g1"


def entry(thing, kind="rack", **changes):
    values = {
        "site": "berlin",
        "kind": kind,
        "room": "hall-a",
        "row": "r01",
        "gateways": frozenset([GATEWAY]),
        "sensors": {"top": "environment.top", "inlet": "environment.bottom"},
    }
    return Entry(thing=thing, **{**values, **changes})


def fleet():
    return {
        RACK: entry(RACK),
        OTHER: entry(OTHER),
        SERVER: entry(SERVER, "server", sensors={}),
        GATEWAY: entry(GATEWAY, "gateway"),
    }


def inbound(payload, device=RACK, content_type="application/json", **changes):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    values = {
        "topic": "hono.telemetry.berlin",
        "partition": 0,
        "offset": 7,
        "site": "berlin",
        "key": device,
        "headers": {"content-type": content_type, "device_id": device},
        "received_at": NOW,
        "sensor": None,
    }
    values.update(changes)
    return Inbound(device=device, payload=data, format=intake.format_of(content_type, data), **values)


_HEADERS = {"content_type": "content-type", "creation_time": "creation-time"}


class Message(kafka_fakes.Message):
    """A record on Hono's telemetry topic."""

    def __init__(self, payload, device=RACK, offset=0, partition=0, topic="hono.telemetry.berlin", **headers):
        value = payload if isinstance(payload, bytes) or payload is None else json.dumps(payload).encode()
        named = {"device_id": device, "content-type": "application/json", "creation-time": str(NOW)}
        named.update({_HEADERS.get(name, name): value for name, value in headers.items()})
        encoded = [(name, text.encode()) for name, text in named.items() if text is not None]
        super().__init__(topic, partition, offset, value, device.encode(), encoded, NOW)


class Producer(kafka_fakes.Producer):
    """Reads what it is given, for the tests to look at."""

    def produce(self, topic, key, value, headers=None):
        super().produce(topic, key, json.loads(value), headers)


@pytest.fixture(scope="session")
def kit():
    """The helpers, by name."""
    return SimpleNamespace(
        NOW=NOW,
        RACK=RACK,
        OTHER=OTHER,
        SERVER=SERVER,
        GATEWAY=GATEWAY,
        entry=entry,
        fleet=fleet,
        inbound=inbound,
        Message=Message,
        Producer=Producer,
        Consumer=kafka_fakes.Consumer,
    )
