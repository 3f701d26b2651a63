"""Promise: a command put on Kafka reaches the MQTT device, and its response returns on Kafka."""

from __future__ import annotations

import json
import uuid

import paho.mqtt.client as mqtt
from tests.e2e.harness import Harness, eventually


def send(site: Harness, device: str, subject: str, body: dict[str, object], correlation: str) -> None:
    producer = site.producer()
    producer.produce(
        site.hono("command"),
        key=device,
        value=json.dumps(body),
        headers=[
            ("device_id", device.encode()),
            ("subject", subject.encode()),
            ("correlation-id", correlation.encode()),
            ("response-required", b"true"),
            ("content-type", b"application/json"),
        ],
    )
    assert producer.flush(60) == 0


def headers(message: object) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in message.headers() or []}  # type: ignore[attr-defined]


def test_command_and_response(site: Harness, ready_rack: str) -> None:
    device, login, correlation = site.thing("rack", ready_rack), site.login("rack", ready_rack), uuid.uuid4().hex
    received: list[tuple[str, bytes]] = []

    def on_message(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        received.append((message.topic, bytes(message.payload)))
        request = message.topic.split("/")[4]
        client.publish(f"command///res/{request}/200", json.dumps({"accepted": True}), qos=1)

    with site.listening(site.hono("command_response")) as wait, site.mqtt(login) as client:
        client.on_message = on_message
        granted: list[object] = []
        client.on_subscribe = lambda *args: granted.append(args[3])
        client.subscribe("command///req/#", qos=1)
        eventually(lambda: granted, "the command subscription")
        send(site, device, "setFanSpeed", {"fanSpeed": 60}, correlation)
        eventually(lambda: received, "the command at the device")
        response = wait(lambda m: headers(m).get("correlation-id") == correlation, "the response")

    assert received[0][0].endswith("/setFanSpeed")
    assert json.loads(received[0][1]) == {"fanSpeed": 60}
    assert json.loads(response.value() or b"null") == {"accepted": True}
    assert headers(response)["status"] == "200"
    assert headers(response)["device_id"] == device
    assert headers(response)["tenant_id"] == site.site


def test_a_command_to_an_absent_device_is_answered(site: Harness, ready_rack: str) -> None:
    device, correlation = site.thing("server", "web-1"), uuid.uuid4().hex
    with site.listening(site.hono("command_response")) as wait:
        send(site, device, "setFanSpeed", {"fanSpeed": 60}, correlation)
        answer = wait(lambda m: headers(m).get("correlation-id") == correlation, "the delivery failure")
    assert headers(answer)["content-type"] == "application/vnd.eclipse-hono-delivery-failure-notification+json"
    assert headers(answer)["status"] == "503"
