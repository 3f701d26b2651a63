"""Devices outside of the cluster: numbered readings over MQTT and HTTP to the ports of a node, each sent until Hono has
taken it.

They run on the host and know what a person would be given: the Secret that the operator made for the device.
"""

import base64
import dataclasses
import json
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import paho.mqtt.client as mqtt
import requests
from paho.mqtt.enums import CallbackAPIVersion

INTERVAL_S = 0.5
_RETRY_S = 0.5
_TIMEOUT_S = 10
SENSOR = "top"


@dataclasses.dataclass(frozen=True)
class Login:
    """What the device's Secret says."""

    thing: str
    host: str
    port: int
    http_url: str
    username: str
    password: str

    @classmethod
    def parse(cls, secret: Mapping[str, Any]) -> "Login":
        """From a Secret as the API returns it. Raises KeyError."""
        data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        return cls(
            data["deviceId"], data["host"], int(data["port"]), data["httpUrl"], data["username"], data["password"]
        )


def reading(number: int, at_ms: int) -> bytes:
    """One numbered reading of an inlet sensor that drifts slowly."""
    temperature = 22 + 2 * math.sin(number / 60)
    values = {"sensor": SENSOR, "temperature": round(temperature, 2), "humidity": 45.0}
    return json.dumps({**values, "seq": number, "time": at_ms}).encode()


class Device:
    """Sends a reading every half second until it is told to stop; then what waits."""

    def __init__(self, name: str, login: Login, send: Callable[[bytes], bool]) -> None:
        """`send` returns whether Hono took the reading; it is asked again until it did."""
        self.name = name
        self.thing = login.thing
        self.sent = 0
        """Readings that Hono took: the numbers 1 to `sent`."""
        self.retries = 0
        self._send = send
        self._waiting: queue.Queue[bytes] = queue.Queue()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"{name}-{work.__name__}", daemon=True)
            for work in (self._sample, self._deliver)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, limit_s: float = 60) -> bool:
        """Sample no more, deliver what waits; whether all of it was taken in time."""
        self._stop.set()
        deadline = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return self._waiting.empty() and not any(thread.is_alive() for thread in self._threads)

    def _sample(self) -> None:
        number = 0
        while not self._stop.wait(INTERVAL_S):
            number += 1
            self._waiting.put(reading(number, time.time_ns() // 1_000_000))

    def _deliver(self) -> None:
        while not (self._stop.is_set() and self._waiting.empty()):
            try:
                payload = self._waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            while not self._send(payload):
                self.retries += 1
                time.sleep(_RETRY_S)
            self.sent += 1


def over_http(login: Login) -> Callable[[bytes], bool]:
    """Sends with POST, and waits for Hono's acceptance."""
    session = requests.Session()
    session.trust_env = False
    session.auth = (login.username, login.password)
    headers = {"Content-Type": "application/json", "QoS-Level": "1"}

    def send(payload: bytes) -> bool:
        try:
            answer = session.post(f"{login.http_url}/telemetry", data=payload, headers=headers, timeout=_TIMEOUT_S)
        except requests.RequestException:
            return False
        return answer.ok

    return send


def over_mqtt(login: Login) -> Callable[[bytes], bool]:
    """Publishes with QoS 1, and waits for the acknowledgement."""
    connected: list[mqtt.Client] = []

    def connection() -> mqtt.Client:
        if not connected:
            client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=login.thing)
            client.username_pw_set(login.username, login.password)
            client.connect(login.host, login.port, keepalive=10)
            client.loop_start()
            connected.append(client)
        return connected[0]

    def forget() -> None:
        # A connection of its own for each attempt: one that Hono dropped would repeat readings behind our back.
        for client in connected:
            client.loop_stop()
            client.disconnect()
        connected.clear()

    def send(payload: bytes) -> bool:
        try:
            message = connection().publish("telemetry", payload, qos=1)
            message.wait_for_publish(_TIMEOUT_S)
        except (OSError, ValueError, RuntimeError):
            forget()
            return False
        if not message.is_published():
            forget()
            return False
        return True

    return send
