"""ditto_lite alone: killed at any moment, it loses nothing that it acknowledged, and no command from Kafka."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from kafka.admin import KafkaAdminClient, NewTopic
from tests.kafka_clients import producer

from racktwin.ditto_protocol import merge_features
from racktwin.ports import free_port

SUBJECT = {"x-ditto-pre-authenticated": "nginx:owner"}
THINGS, MERGES = 20, 12_000
# Nothing here is about speed: on two busy cores a start alone may take a minute.
START_S, CALL_S, WORK_S = 120.0, 60.0, 180.0


def start(db: Path, port: int) -> subprocess.Popen[bytes]:
    """Start it and wait until it answers."""
    environment = {**os.environ, "RACKTWIN_DITTO_LITE_PORT": str(port), "RACKTWIN_DITTO_LITE_DB": str(db)}
    environment["RACKTWIN_LOG_LEVEL"] = "error"
    process = subprocess.Popen([sys.executable, "-m", "ditto_lite"], env=environment)
    deadline = time.monotonic() + START_S
    while True:
        try:
            requests.get(f"http://127.0.0.1:{port}/health", timeout=CALL_S).raise_for_status()
            return process
        except requests.RequestException:
            assert process.poll() is None, f"it ended with {process.poll()}"
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_status_says_that_it_is_a_stand_in(tmp_path: Path) -> None:
    port = free_port()
    process = start(tmp_path / "db", port)
    try:
        told = requests.get(f"http://127.0.0.1:{port}/status", timeout=CALL_S).json()
    finally:
        process.terminate()
        process.wait(START_S)
    assert told["racktwin-stand-in"] is True
    assert "stand-in" in told["description"]


class Writer(threading.Thread):
    """Counts up on a thing of its own, by HTTP, until nobody answers; remembers what was acknowledged."""

    def __init__(self, api: str, number: int) -> None:
        super().__init__()
        self.path = f"{api}/things/kill.test:w{number}"
        self.acknowledged = 0
        self.sent = 0

    def run(self) -> None:
        with requests.Session() as session:
            session.headers.update(SUBJECT)
            try:
                while True:
                    self.sent += 1
                    answer = session.put(f"{self.path}/attributes/n", json=self.sent, timeout=CALL_S)
                    assert answer.status_code in (201, 204)
                    self.acknowledged = self.sent
            except requests.RequestException:
                return


def test_kill_9_loses_no_acknowledged_write(tmp_path: Path) -> None:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api/2"
    process = start(tmp_path / "db", port)
    try:
        writers = [Writer(api, number) for number in range(8)]
        for writer in writers:
            assert requests.put(writer.path, json={}, headers=SUBJECT, timeout=CALL_S).status_code == 201
            writer.start()
        for _ in range(3):
            began = sum(writer.acknowledged for writer in writers)
            deadline = time.monotonic() + WORK_S
            while sum(writer.acknowledged for writer in writers) < began + 300:
                assert time.monotonic() < deadline, "writes are not acknowledged"
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait(START_S)
            for writer in writers:
                writer.join(START_S)
            process = start(tmp_path / "db", port)
            for writer in writers:
                kept = requests.get(f"{writer.path}/attributes/n", headers=SUBJECT, timeout=CALL_S).json()
                # What was on its way may have arrived: it was sent, though not acknowledged.
                assert writer.acknowledged <= kept <= writer.sent
            again = [Writer(api, number) for number in range(8)]
            for old, new in zip(writers, again, strict=True):
                new.sent = new.acknowledged = old.sent
                new.start()
            writers = again
    finally:
        process.kill()
        process.wait(START_S)
        for writer in writers:
            writer.join(START_S)


def test_kill_9_in_the_middle_of_a_stream_loses_no_command(tmp_path: Path) -> None:
    bootstrap = os.environ.get("RACKTWIN_KAFKA_BOOTSTRAP")
    if not bootstrap:
        pytest.fail("RACKTWIN_KAFKA_BOOTSTRAP is not set: this test needs a Kafka")
    port = free_port()
    api = f"http://127.0.0.1:{port}/api/2"
    topic = f"kill-{uuid.uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, 3, 1)])
    process = start(tmp_path / "db", port)

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, api + path, json=body, headers=SUBJECT, timeout=CALL_S)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def seen() -> int:
        fields = "fields=attributes,features&option=size(200)"
        items = call("GET", f"/search/things?namespaces=kill.test&{fields}")["items"]
        return sum(len(item.get("features", {}).get("f", {}).get("properties", {})) for item in items)

    try:
        for number in range(THINGS):
            call("PUT", f"/things/kill.test:t{number}", {"features": {"f": {"properties": {}}}})
        sender = producer(bootstrap)
        for number in range(MERGES):
            thing = f"kill.test:t{number % THINGS}"
            # Each merge sets a property of its own, so that a lost one leaves a hole.
            payload = merge_features(thing, {"f": {f"m{number // THINGS}": number}}, str(number))
            sender.produce(topic, payload, key=thing)
        assert sender.flush(WORK_S) == 0
        source = {"addresses": [topic], "qos": 1, "authorizationContext": ["nginx:owner"]}
        body = {"connectionType": "kafka", "connectionStatus": "open", "uri": f"tcp://{bootstrap}", "sources": [source]}
        call("PUT", "/connections/kill", body)
        deadline = time.monotonic() + WORK_S
        while seen() < MERGES // 10:
            assert time.monotonic() < deadline, "no merges arrived"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(START_S)
        process = start(tmp_path / "db", port)
        assert seen() < MERGES, "it was killed too late to prove anything"
        deadline = time.monotonic() + WORK_S
        while seen() < MERGES:
            assert time.monotonic() < deadline, f"{seen()} of {MERGES} merges"
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(START_S)
        admin.delete_topics([topic])
        admin.close()
