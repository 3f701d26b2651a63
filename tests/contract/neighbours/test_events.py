"""The notifier and the exporter as processes, on real Kafka and Ditto: killed without a word, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.contract.neighbours.waiting import END_S, until
from tests.kafka_clients import producer

from local_stack import Stack
from notify import signing
from racktwin.ditto_client import DittoClient
from racktwin.ports import free_port
from racktwin.settings import DittoSettings

SECRET = "of-this-test-alone-and-long-enough"


@pytest.fixture(scope="module")
def stack() -> Stack:
    """Kafka and Ditto's stand-in."""
    stack = Stack(os.environ.get("RACKTWIN_STACK", "test"))
    stack.ensure(["kafka", "ditto-lite"])
    return stack


@pytest.fixture
def site(stack: Stack) -> Iterator[str]:
    """A site's topics, and nothing else of it."""
    name = "ev-" + "".join(c for c in uuid.uuid4().hex if c.isalpha())[:8]
    admin = AdminClient({"bootstrap.servers": stack.endpoints()["kafka_bootstrap"]})
    topics = [f"racktwin.events.{name}", f"racktwin.rejects.{name}"]
    for future in admin.create_topics([NewTopic(topic, 3, 1) for topic in topics]).values():
        future.result(60)
    yield name
    admin.delete_topics(topics)


class Receiver:
    """Takes signed events; `fails` of the requests are answered 503."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.fails = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                good = signing.valid(SECRET, headers, body, int(time.time()))
                if good and receiver.fails <= 0:
                    receiver.got.append(json.loads(body)["id"])
                receiver.fails -= 1
                self.send_response(401 if not good else 204 if receiver.fails < 0 else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


def start(stack: Stack, module: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module],
            env={**os.environ, **stack.user_env(), "RACKTWIN_HEALTH_PORT": "0", **environment},
            stdout=out,
            stderr=out,
        )


def test_killed_in_the_middle_every_event_arrives_in_order(stack: Stack, site: str, tmp_path: Path) -> None:
    receiver = Receiver()
    sender = producer(stack.endpoints()["kafka_bootstrap"])
    things, revisions = 10, 100
    for revision in range(revisions):
        for number in range(things):
            event = {
                "topic": f"racktwin.{site}/rack-r{number}/things/twin/events/merged", "path": "/features/alerts",
                "value": {"properties": {"open": {}}}, "revision": revision, "headers": {},
            }  # fmt: skip
            sender.produce(f"racktwin.events.{site}", json.dumps(event), key=f"racktwin.{site}:rack-r{number}")
        sender.poll(0)
    assert sender.flush(60) == 0
    environment = {
        "RACKTWIN_NOTIFY_URL": receiver.url, "RACKTWIN_NOTIFY_SECRET": SECRET, "RACKTWIN_SITES": site,
        "RACKTWIN_NOTIFY_GROUP": f"test-{site}", "RACKTWIN_NOTIFY_FIRST_WAIT_S": "0.05",
    }  # fmt: skip
    log = tmp_path / "notify.log"
    receiver.fails = 20
    first = start(stack, "notify", log, **environment)
    until(lambda: len(receiver.got) >= 300, log.read_text)
    first.kill()
    first.wait(END_S)
    second = start(stack, "notify", log, **environment)
    wanted = {f"racktwin.{site}:rack-r{number}/{revision}" for number in range(things) for revision in range(revisions)}
    try:
        until(lambda: wanted <= set(receiver.got), log.read_text)
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(END_S) == 0
        receiver.server.shutdown()
    # Repeats are allowed, but a twin's events first arrive in their order.
    for number in range(things):
        seen = list(dict.fromkeys(i for i in receiver.got if i.startswith(f"racktwin.{site}:rack-r{number}/")))
        assert [int(i.rpartition("/")[2]) for i in seen] == list(range(revisions))


def test_a_scrape_shows_twins(stack: Stack, site: str, tmp_path: Path) -> None:
    ditto = DittoClient(
        DittoSettings(ditto_url=stack.endpoints()["ditto_url"], ditto_subject="nginx:operator"), timeout_s=20
    )
    thing = f"racktwin.{site}:rack-r1"
    body = {
        "attributes": {"location": "hall", "row": "r1", "availablePower": 9000},
        "features": {"power": {"properties": {"power": 4200.0, "quality": "good", "observedAt": 1}}},
    }
    assert ditto.request("PUT", f"/api/2/things/{thing}", json=body).status_code in {201, 204}
    port = free_port()
    log = tmp_path / "log"
    running = start(stack, "exporter", log, RACKTWIN_EXPORTER_PORT=str(port), RACKTWIN_SITES=site)
    try:
        found: dict[str, float] = {}

        def scraped() -> bool:
            try:
                answer = requests.get(
                    f"http://127.0.0.1:{port}/metrics",
                    headers={"Accept": "application/openmetrics-text; version=1.0.0"},
                    timeout=60,
                )
            except requests.ConnectionError:
                return False
            if answer.status_code != 200:
                return False
            for family in text_string_to_metric_families(answer.text):
                found.update({one.name: one.value for one in family.samples if one.labels.get("rack") == "r1"})
            return bool(found)

        until(scraped, log.read_text)
        assert found["racktwin_rack_power_watts"] == 4200 and found["racktwin_rack_power_capacity_watts"] == 9000
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(END_S) == 0
        ditto.request("DELETE", f"/api/2/things/{thing}")
