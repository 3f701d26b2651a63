"""Through the real MQTT adapter, at its own pace: one gateway's connections publish numbered readings with QoS 1, each
with a window of unacknowledged ones, and count what was acknowledged.

Every acknowledged number must then be a point in InfluxDB; `bench.pipeline` looks.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.pipeline_site import rack_id

_CONNECTIONS: Final = 4
_WINDOW: Final = 50
FEATURE: Final = "environment.bottom"


class Sender(threading.Thread):
    """One connection, which sends for one rack."""

    def __init__(self, host: str, port: int, login: tuple[str, str], rack: int, seconds: float) -> None:
        super().__init__(name=f"mqtt-{rack}", daemon=True)
        self.thing = rack_id(rack)
        self._seconds = seconds
        self._window = threading.Semaphore(_WINDOW)
        self._waiting: dict[int, int] = {}
        self._early: set[int] = set()
        self._lock = threading.Lock()
        self.acknowledged: set[int] = set()
        self.sent = 0
        self.first_ms = time.time_ns() // 1_000_000
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"bench-{rack}")
        self._client.username_pw_set(*login)
        self._client.max_inflight_messages_set(_WINDOW)
        self._client.on_publish = self._published
        self._connected = threading.Event()
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.connect(host, port)

    def run(self) -> None:
        self._client.loop_start()
        self._connected.wait(30)
        began = time.monotonic()
        number = 0
        at = self.first_ms
        while time.monotonic() - began < self._seconds:
            self._window.acquire(timeout=10)
            number += 1
            # Each has a time of its own, so that none takes another's place.
            at = max(at + 1, time.time_ns() // 1_000_000)
            records: list[dict[str, Any]] = [
                {"bt": at / 1000, "n": f"{self.thing}/seq", "v": number},
                {"n": f"{self.thing}/{FEATURE}/temperature", "u": "Cel", "v": 30.0 + number % 90 / 10},
            ]
            # Not under our lock: paho acknowledges under a lock of its own that it also publishes under.
            info = self._client.publish("telemetry", msgspec.json.encode(records), qos=1)
            with self._lock:
                if info.mid in self._early:
                    self._early.discard(info.mid)
                    self._done(number)
                else:
                    self._waiting[info.mid] = number
            self.sent = number
        self._seconds = time.monotonic() - began
        deadline = time.monotonic() + 20
        while self._waiting and time.monotonic() < deadline:
            time.sleep(0.05)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def per_s(self) -> float:
        """Acknowledged messages per second of sending."""
        return len(self.acknowledged) / self._seconds

    def _published(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        with self._lock:
            number = self._waiting.pop(mid, None)
            if number is None:
                # Faster than the caller of publish.
                self._early.add(mid)
            else:
                self._done(number)

    def _done(self, number: int) -> None:
        self.acknowledged.add(number)
        self._window.release()


def send(host: str, port: int, login: tuple[str, str], seconds: float) -> list[Sender]:
    """Send for so long over several connections; returns when everything is acknowledged or given up."""
    senders = [Sender(host, port, login, rack, seconds) for rack in range(_CONNECTIONS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return senders
