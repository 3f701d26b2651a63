"""Devices at a real Hono, records in a real Kafka: the bridge writes what a Kafka-messaging Hono 2.7 writes.

The expectations are :mod:`recorded`'s. Run against a Hono 2.x the same tests check Hono itself. Needs the addresses of
Kafka, of the registry and of both adapters, and fails without them.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import requests
from kafka.admin import KafkaAdminClient, NewTopic
from paho.mqtt.enums import CallbackAPIVersion
from tests.contract.hono.dialects import dialect_of
from tests.contract.hono.registry import Registry, credentials, hashed
from tests.contract.hono_bridge.recorded import LEFT, LISTENS, MALFORMED, ONLY_IN_2, PUBLISHED, RESPONSE, Sent
from tests.kafka_clients import consumer, producer

from racktwin.names import hono_topic

NEEDED = (
    "RACKTWIN_KAFKA_BOOTSTRAP",
    "RACKTWIN_HONO_REGISTRY_URL",
    "RACKTWIN_HONO_MQTT_HOST",
    "RACKTWIN_HONO_MQTT_PORT",
    "RACKTWIN_HONO_HTTP_URL",
)
KINDS = ("telemetry", "event", "command", "command_response")
WAIT_S = 60.0


@dataclass(frozen=True)
class Record:
    """A record that came out."""

    kind: str
    key: str
    headers: dict[str, str]
    value: bytes | None


class Site:
    """A tenant with a device, a gateway and a device behind it, its topics, and what arrives on them."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._registry = Registry(env["RACKTWIN_HONO_REGISTRY_URL"].rstrip("/"))
        self.dialect = dialect_of(self._registry.url)
        self.tenant = f"contract-x{uuid.uuid4().hex[:8]}"
        bootstrap = env["RACKTWIN_KAFKA_BOOTSTRAP"]
        self._topics = [hono_topic(kind, self.tenant) for kind in KINDS]
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self._admin.create_topics([NewTopic(name, 1, 1) for name in self._topics])
        self._registry.call("POST", f"/tenants/{self.tenant}", {"enabled": True})
        self.ids = {"tenant": self.tenant} | {name: f"{name}-1" for name in ("device", "gateway", "child")}
        self.password = uuid.uuid4().hex
        self._register("device")
        self._register("gateway")
        self._register("child", via=["gateway-1"], defaults={"unit": "kPa"})
        self._producer = producer(bootstrap)
        self._consumer = consumer(bootstrap, self.tenant)
        self._consumer.subscribe([name for name in self._topics if ".command." not in name])
        self.records: list[Record] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _register(self, name: str, **body: Any) -> None:
        device = self.ids[name]
        assert self._registry.call("POST", f"/devices/{self.tenant}/{device}", body).status_code == 201
        secret = credentials(device, hashed(self.password))
        assert self._registry.call("PUT", f"/credentials/{self.tenant}/{device}", secret).status_code == 204

    def _read(self) -> None:
        while not self._stop.is_set():
            for record in self._consumer.consume(100, 0.2):
                if record.error() is None:
                    kind = record.topic().split(".")[1]
                    headers = {name: (value or b"").decode() for name, value in record.headers() or ()}
                    self.records.append(Record(kind, (record.key() or b"").decode(), headers, record.value()))

    def wait(self, kind: str, **wanted: str) -> Record:
        """The first record of a kind with these header values, not given out before."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            for record in list(self.records):
                if record.kind == kind and wanted.items() <= record.headers.items():
                    self.records.remove(record)
                    return record
            time.sleep(0.02)
        raise AssertionError(f"no {kind} with {wanted} within {WAIT_S} s; there are {self.records}")

    def filled(self, headers: dict[str, str]) -> dict[str, str]:
        """Expected headers with the ids of this run."""
        return {name: text.format(**self.ids) for name, text in headers.items()}

    def connect(self, who: str) -> mqtt.Client:
        """A connected MQTT client of a device."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{who}-{uuid.uuid4().hex[:6]}")
        client.username_pw_set(f"{self.ids[who]}@{self.tenant}", self.password)
        client.connect(self._env["RACKTWIN_HONO_MQTT_HOST"], int(self._env["RACKTWIN_HONO_MQTT_PORT"]))
        client.loop_start()
        deadline = time.monotonic() + WAIT_S
        while not client.is_connected():
            assert time.monotonic() < deadline, "no MQTT connection"
            time.sleep(0.02)
        return client

    def publish(self, sent: Sent, payload: str) -> None:
        """Do what a device does."""
        where = sent.where.format(**self.ids)
        if sent.method is None:
            client = self.connect(sent.who)
            client.publish(where, payload, sent.qos, sent.retain).wait_for_publish(WAIT_S)
            client.disconnect()
            client.loop_stop()
            return
        answer = requests.request(
            sent.method, self._env["RACKTWIN_HONO_HTTP_URL"].rstrip("/") + where, data=payload.encode(),
            headers=sent.request, auth=(f"{self.ids[sent.who]}@{self.tenant}", self.password), timeout=WAIT_S,
        )  # fmt: skip
        assert answer.status_code == 202, answer.text

    def command(self, value: str, **headers: str) -> None:
        """Send a command to the device."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        pairs = [("device_id", self.ids["device"].encode()), *((name, text.encode()) for name, text in named.items())]
        self._producer.produce(hono_topic("command", self.tenant), value.encode(), self.ids["device"], headers=pairs)
        assert self._producer.flush(WAIT_S) == 0

    def close(self) -> None:
        """Leave nothing behind."""
        self._stop.set()
        self._thread.join(5)
        self._consumer.close()
        for name in ("device", "gateway", "child"):
            self._registry.call("DELETE", f"/devices/{self.tenant}/{self.ids[name]}")
        self._registry.call("DELETE", f"/tenants/{self.tenant}")
        self._admin.delete_topics(self._topics)
        self._admin.close()


@pytest.fixture(scope="module")
def site():
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.fail(f"not set: {', '.join(missing)}; these tests need a Hono and a Kafka")
    site = Site(dict(os.environ))
    try:
        # The bridge has found the new tenant's topics when the first record comes through.
        site.publish(PUBLISHED[0], "first")
        site.wait("telemetry")
        yield site
    finally:
        site.close()


def written(record: Record) -> dict[str, str]:
    """Headers but the time, which is looked at for itself: milliseconds of just now."""
    headers = dict(record.headers)
    created_ms = int(headers.pop("creation-time"))
    assert abs(time.time() * 1000 - created_ms) < 1000 * WAIT_S
    return headers


@pytest.mark.parametrize("sent", PUBLISHED, ids=lambda sent: sent.name)
def test_what_devices_publish(site, sent):
    check_published(site, sent)


@pytest.mark.parametrize("sent", ONLY_IN_2, ids=lambda sent: sent.name)
def test_topics_without_the_tenant(site, sent):
    if site.dialect.name != "1.0":
        check_published(site, sent)
        return
    client = site.connect(sent.who)
    gone = threading.Event()
    client.on_disconnect = lambda *_: gone.set()
    client.publish(sent.where.format(**site.ids), "{}", 1)
    assert gone.wait(WAIT_S)
    client.disconnect()
    client.loop_stop()


def check_published(site, sent):
    """Publish, and compare what comes out of Kafka."""
    payload = f'{{"id": "{uuid.uuid4().hex}"}}'
    site.publish(sent, payload)
    deadline = time.monotonic() + WAIT_S
    record = site.wait(sent.kind)
    while record.value != payload.encode():
        assert time.monotonic() < deadline
        record = site.wait(sent.kind)
    expected = site.filled(sent.headers | (sent.in_1_0 if site.dialect.name == "1.0" else {}))
    assert written(record) == expected
    assert record.key == expected["device_id"]


@pytest.fixture
def listening(site):
    """The device, subscribed to its commands; gives what it hears."""
    client = site.connect("device")
    heard: list[mqtt.MQTTMessage] = []
    client.on_message = lambda _client, _data, message: heard.append(message)
    client.subscribe("command///req/#", 1)
    yield client, heard
    client.disconnect()
    client.loop_stop()


def test_a_device_that_subscribes_and_leaves(site):
    client = site.connect("device")
    client.subscribe("command///req/#", 1)
    came = site.wait("event", ttd="-1")
    client.disconnect()
    client.loop_stop()
    went = site.wait("event", ttd="0")
    for record, expected in ((came, LISTENS), (went, LEFT)):
        headers = written(record)
        assert record.value is None
        if site.dialect.name != "1.0":
            # 2.x names the instance of the adapter.
            assert headers.pop("orig_adapter").startswith("HonoMQTTAdapter-")
            headers["orig_adapter"] = "hono-mqtt"
        headers.pop("ttl", None)  # the tenant's, or the adapter's default
        assert headers == site.filled(expected)


def test_a_command_and_its_answer(site, listening):
    client, heard = listening
    site.wait("event", ttd="-1")
    for status, answer in (("200", b'{"done": true}'), ("503", b"")):
        correlation = uuid.uuid4().hex
        site.command('{"c": 1}', subject="set", correlation_id=correlation, response_required="true")
        deadline = time.monotonic() + WAIT_S
        while not heard:
            assert time.monotonic() < deadline, "the device heard nothing"
            time.sleep(0.02)
        message = heard.pop()
        _, _, _, _, request, subject = message.topic.split("/")
        assert (subject, message.payload) == ("set", b'{"c": 1}')
        client.publish(f"command///res/{request}/{status}", answer, 1)
        record = site.wait("command_response", **{"correlation-id": correlation})
        expected = site.filled(RESPONSE) | {"correlation-id": correlation, "status": status}
        assert written(record) == expected
        assert (record.key, record.value) == ("device-1", answer)


def test_a_command_without_a_subject_is_told_to_be_malformed(site):
    correlation = uuid.uuid4().hex
    site.command("{}", correlation_id=correlation, response_required="true")
    record = site.wait("command_response", **{"correlation-id": correlation})
    assert written(record) == site.filled(MALFORMED) | {"correlation-id": correlation}
    assert record.value == b'{"error":"malformed command message"}'


def test_one_way_commands_answer_nothing(site, listening):
    _, heard = listening
    site.wait("event", ttd="-1")
    site.command('{"c": 2}', subject="set")
    deadline = time.monotonic() + WAIT_S
    while not heard:
        assert time.monotonic() < deadline, "the device heard nothing"
        time.sleep(0.02)
    assert heard[0].topic.endswith("/set")
    assert not [record for record in site.records if record.kind == "command_response"]
