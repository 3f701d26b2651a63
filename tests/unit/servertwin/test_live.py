"""Samples go to Hono's MQTT adapter, each until it is acknowledged; a renewed password is taken up."""

from __future__ import annotations

import json
import socketserver
import threading

import pytest

from racktwin.device_credentials import Credentials
from servertwin.hono.live import Live


class Adapter(socketserver.ThreadingTCPServer):
    """As much of an MQTT 3.1.1 server as one publisher needs (OASIS, sections 3.1 to 3.4)."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, password):
        self.password, self.logins, self.got, self.drop = password, [], [], 0
        super().__init__(("127.0.0.1", 0), Connection)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class Connection(socketserver.StreamRequestHandler):
    def packet(self):
        head = self.rfile.read(1)
        if not head:
            return None, b""
        length, shift = 0, 0
        while True:
            byte = self.rfile.read(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return head[0], self.rfile.read(length)

    def handle(self):
        kind, body = self.packet()
        # A message that is offered in the moment a connection is made can come before its CONNECT: servers close then.
        if kind is None or kind >> 4 != 1:
            return
        texts, rest = [], body[10:]
        while rest:
            size = int.from_bytes(rest[:2])
            texts.append(rest[2 : 2 + size].decode())
            rest = rest[2 + size :]
        self.server.logins.append(tuple(texts[1:]))
        good = texts[2] == self.server.password
        self.wfile.write(bytes([0x20, 2, 0, 0 if good else 4]))
        while good:
            kind, body = self.packet()
            if kind is None or kind >> 4 == 14:
                return
            if kind >> 4 != 3:
                continue
            if self.server.drop:
                self.server.drop -= 1
                return
            size = int.from_bytes(body[:2])
            number = body[2 + size : 4 + size]
            self.server.got.append((body[2 : 2 + size].decode(), json.loads(body[4 + size :])))
            self.wfile.write(bytes([0x40, 2]) + number)


@pytest.fixture
def adapter():
    server = Adapter("renewed")
    yield server
    server.shutdown()
    server.server_close()


def login(adapter, password):
    host, port = adapter.server_address
    return Credentials(host, port, "u@berlin", password, "berlin", "racktwin.berlin:server-a", "http://x")


def test_samples_arrive_in_order_and_are_numbered(adapter):
    live = Live(lambda: login(adapter, "renewed"), 100, lambda text: None)
    live.start()
    for second in range(5):
        live.offer(1000 * second, {"cpu/utilization": float(second), "cpu/core0": 1.0})
    live.offer(9000, {"processes/count": 3})
    live.stop(30.0)
    assert live.summary() == {"thing": "racktwin.berlin:server-a", "sent": 5, "acknowledged": 5, "lost": 0}
    assert {topic for topic, _ in adapter.got} == {"telemetry/?content-type=application%2Fsenml%2Bjson"}
    assert [pack[0]["v"] for _, pack in adapter.got] == [0.0, 1.0, 2.0, 3.0, 4.0]
    numbers = [pack[1]["v"] for _, pack in adapter.got]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def test_a_renewed_password_is_taken_up_and_nothing_is_lost(adapter):
    passwords = ["old", "renewed"]
    said = []
    live = Live(lambda: login(adapter, passwords.pop(0) if len(passwords) > 1 else passwords[0]), 100, said.append)
    live.start()
    live.offer(1000, {"cpu/utilization": 5.0})
    live.stop(30.0)
    assert live.summary()["acknowledged"] == 1
    assert [each[1] for each in adapter.logins] == ["old", "renewed"]
    assert any("refused u@berlin" in text for text in said)
    assert not any("renewed" in text for text in said), "no password is told"


def test_what_was_not_acknowledged_goes_again(adapter):
    adapter.drop = 1
    live = Live(lambda: login(adapter, "renewed"), 100, lambda text: None)
    live.start()
    live.offer(1000, {"cpu/utilization": 5.0})
    live.stop(30.0)
    assert len(adapter.got) == 1
    assert live.summary()["acknowledged"] == 1


def test_the_backlog_is_bounded_and_what_finds_no_room_is_counted():
    nobody = Credentials("127.0.0.1", 9, "u@berlin", "p", "berlin", "racktwin.berlin:server-a", "http://x")
    live = Live(lambda: nobody, 10, lambda text: None)
    live.start()
    for second in range(50):
        live.offer(1000 * second, {"cpu/utilization": 1.0})
    live.stop(0.1)
    summary = live.summary()
    assert summary["lost"] > 0
    assert summary["sent"] + summary["lost"] == 50
    assert summary["sent"] <= 31
