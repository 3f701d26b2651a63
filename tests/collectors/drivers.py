"""Who speaks by itself in the check: a device on MQTT, a Sparkplug node, a poster, a WebSocket client, files."""

from __future__ import annotations

import contextlib
import csv
import json
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pandas as pd
import requests
from paho.mqtt.enums import CallbackAPIVersion
from tests.collectors.peers.sparkplug import PAYLOAD
from tests.collectors.peers.values import wave
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

ROWS = 120


def now_ms() -> int:
    """Now (epoch ms)."""
    return time.time_ns() // 1_000_000


def air(device: int) -> dict[str, float]:
    """Temperature and humidity."""
    return {"t": round(wave(23, 2, device), 2), "h": round(wave(45, 5, device), 1)}


class Drivers(threading.Thread):
    """Each sends once a second until stopped; what cannot be handed over is not counted as sent."""

    def __init__(self, broker: int, push: tuple[int, int], token: str) -> None:
        super().__init__(name="drivers", daemon=True)
        self._push, self._token = push, {"Authorization": f"Bearer {token}"}
        self._ended = threading.Event()
        self._mqtt = paho.Client(CallbackAPIVersion.VERSION2, client_id="driver")
        # Whoever comes late asks to be told the names again.
        self._mqtt.on_message = lambda _c, _u, _m: setattr(self, "_born", 0.0)
        self._mqtt.on_connect = lambda client, *_: client.subscribe("spBv1.0/hall/NCMD/edge")
        self._mqtt.connect("127.0.0.1", broker)
        self._mqtt.loop_start()
        self._socket: Any = None
        self._born = 0.0

    def run(self) -> None:
        while not self._ended.wait(1.0):
            at = now_ms()
            self._mqtt.publish("dc/r1/env", json.dumps({"ts": at, **air(1)}), qos=1)
            self._sparkplug(at)
            message = {"device": "p", "time": at, **air(3)}
            with contextlib.suppress(requests.RequestException):
                requests.post(
                    f"http://127.0.0.1:{self._push[0]}/readings", json=message, headers=self._token, timeout=2
                )
            try:
                if self._socket is None:
                    url = f"ws://127.0.0.1:{self._push[1]}/"
                    self._socket = connect(url, additional_headers=self._token, proxy=None, open_timeout=2)
                self._socket.send(json.dumps(message))
                self._socket.recv(timeout=2)
            except (OSError, WebSocketException, TimeoutError):
                self._socket = None

    def stop(self) -> None:
        """Stop sending."""
        self._ended.set()
        self.join(10)
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def _sparkplug(self, at: int) -> None:
        # A birth when asked; aliases alone otherwise.
        birth = self._born == 0.0
        if birth:
            self._born = time.monotonic()
        metrics = [
            {"alias": alias, "datatype": 9, "float_value": value, "timestamp": at, **({"name": name} if birth else {})}
            for alias, (name, value) in enumerate(air(2).items(), 1)
        ]
        payload = PAYLOAD(timestamp=at, metrics=metrics, seq=0).SerializeToString()
        self._mqtt.publish(f"spBv1.0/hall/{'DBIRTH' if birth else 'DDATA'}/edge/probe", payload, qos=0)


def write_files(folder: Path) -> None:
    """Two minutes of an hour ago, as CSV and as Parquet."""
    folder.mkdir()
    first = now_ms() - 3_600_000
    rows = [{"time": first + 1000 * n, **air(n)} for n in range(ROWS)]
    with (folder / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["time", "t", "h"])
        writer.writeheader()
        writer.writerows(rows)
    table = pd.DataFrame(rows)
    table["time"] = pd.to_datetime(table["time"], unit="ms", utc=True)
    table.to_parquet(folder / "b.parquet")
