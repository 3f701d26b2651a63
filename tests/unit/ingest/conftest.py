"""What the tests of ingest share: a small fleet, messages as Hono writes them, stand-ins for Kafka's clients."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

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


class Message:
    def __init__(self, payload, device=RACK, offset=0, partition=0, topic="hono.telemetry.berlin", **headers):
        self._payload = payload if isinstance(payload, bytes) or payload is None else json.dumps(payload).encode()
        self._device, self._offset, self._partition, self._topic = device, offset, partition, topic
        named = {"device_id": device, "content-type": "application/json", "creation-time": str(NOW)}
        named.update({_HEADERS.get(name, name): value for name, value in headers.items()})
        self._headers = [(name, value.encode()) for name, value in named.items() if value is not None]

    def topic(self):
        return self._topic

    def partition(self):
        return self._partition

    def offset(self):
        return self._offset

    def value(self):
        return self._payload

    def key(self):
        return self._device.encode()

    def headers(self):
        return self._headers

    def timestamp(self):
        return (1, NOW)


class Producer:
    def __init__(self):
        self.sent = []

    def produce(self, topic, key, value, headers=None):
        self.sent.append((topic, key, json.loads(value)))

    def poll(self, timeout_s=0.0):
        pass

    def check(self):
        pass

    def flush(self, timeout_s):
        return 0


class Consumer:
    def __init__(self):
        self.paused = False

    def assignment(self):
        return []

    def pause(self, partitions):
        self.paused = True

    def resume(self, partitions):
        self.paused = False


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
        Consumer=Consumer,
    )
