"""ditto_lite alone: killed in the middle of a stream from Kafka, it loses no command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from confluent_kafka import Producer
from kafka.admin import KafkaAdminClient, NewTopic

from racktwin.ditto_protocol import merge_features

SUBJECT = {"x-ditto-pre-authenticated": "nginx:owner"}
THINGS, MERGES = 20, 12_000


def start(db: Path, port: int) -> subprocess.Popen[bytes]:
    """Start it and wait until it answers."""
    environment = {**os.environ, "RACKTWIN_DITTO_LITE_PORT": str(port), "RACKTWIN_DITTO_LITE_DB": str(db)}
    environment["RACKTWIN_LOG_LEVEL"] = "error"
    process = subprocess.Popen([sys.executable, "-m", "ditto_lite"], env=environment)
    deadline = time.monotonic() + 20
    while True:
        try:
            requests.get(f"http://127.0.0.1:{port}/health", timeout=2).raise_for_status()
            return process
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_kill_9_in_the_middle_of_a_stream_loses_no_command(tmp_path: Path) -> None:
    bootstrap = os.environ.get("RACKTWIN_KAFKA_BOOTSTRAP")
    if not bootstrap:
        pytest.fail("RACKTWIN_KAFKA_BOOTSTRAP is not set: this test needs a Kafka")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api/2"
    topic = f"kill-{uuid.uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, 3, 1)])
    process = start(tmp_path / "db", port)

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, api + path, json=body, headers=SUBJECT, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def seen() -> int:
        fields = "fields=attributes,features&option=size(200)"
        items = call("GET", f"/search/things?namespaces=kill.test&{fields}")["items"]
        return sum(len(item.get("features", {}).get("f", {}).get("properties", {})) for item in items)

    try:
        for number in range(THINGS):
            call("PUT", f"/things/kill.test:t{number}", {"features": {"f": {"properties": {}}}})
        producer = Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": 100_000})
        for number in range(MERGES):
            thing = f"kill.test:t{number % THINGS}"
            # Each merge sets a property of its own, so that a lost one leaves a hole.
            payload = merge_features(thing, {"f": {f"m{number // THINGS}": number}}, str(number))
            producer.produce(topic, payload, key=thing)
        producer.flush(30)
        source = {"addresses": [topic], "qos": 1, "authorizationContext": ["nginx:owner"]}
        body = {"connectionType": "kafka", "connectionStatus": "open", "uri": f"tcp://{bootstrap}", "sources": [source]}
        call("PUT", "/connections/kill", body)
        deadline = time.monotonic() + 30
        while seen() < MERGES // 10:
            assert time.monotonic() < deadline, "no merges arrived"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process = start(tmp_path / "db", port)
        assert seen() < MERGES, "it was killed too late to prove anything"
        deadline = time.monotonic() + 60
        while seen() < MERGES:
            assert time.monotonic() < deadline, f"{seen()} of {MERGES} merges"
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(15)
        admin.delete_topics([topic])
        admin.close()
