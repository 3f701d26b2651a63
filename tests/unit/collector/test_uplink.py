"""The way to Hono against adapters that behave as Hono's do: order, resending, refusals, an outage."""

from __future__ import annotations

import dataclasses
import http.server
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from proton import Message
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector

from collector import metrics
from collector.store import Store
from collector.uplink.amqp import AmqpTransport
from collector.uplink.http import HttpTransport
from collector.uplink.pump import Pump
from collector.uplink.transport import EnvironmentCredentials, What
from racktwin.device_credentials import Credentials, CredentialsMissing
from racktwin.health import Health
from racktwin.outbox import Pack

LOG = structlog.stdlib.get_logger("test")


def credentials(url: str = "http://127.0.0.1:1") -> Credentials:
    return Credentials("127.0.0.1", 1, "gw@t", "generated", "t", "racktwin.t:gateway-edge", url)


class Known:
    def __init__(self, found: Credentials) -> None:
        self.found = found

    def read(self, name: str) -> Credentials:
        return self.found


class Adapter:
    """Takes what is sent and answers when told."""

    hangs_up = True

    def __init__(self) -> None:
        self.there = True
        self.sent: list[int] = []
        self.acked: list[int] = []
        self.hates: set[str] = set()
        self.answers = True
        self.tell: Any = None

    def __call__(self, _credentials: Credentials, tell: Any) -> Adapter:
        self.tell = tell
        return self

    def open(self) -> None:
        if not self.there:
            raise OSError("nobody there")
        self.tell("connected", "test")

    def send(self, pack: Pack) -> int:
        number = int(pack.payload)
        self.sent.append(number)
        if pack.device in self.hates:
            self.tell("lost", "hung up")
        elif self.answers:
            self.acked.append(number)
            self.tell("acked", len(self.sent))
        return len(self.sent)

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Pump, Adapter]]:
    monkeypatch.setattr("collector.uplink.pump.BACKOFF_S", (0.02, 0.02))
    store, adapter = Store(tmp_path, 1_000_000), Adapter()
    pump = Pump(
        store, Known(credentials()), "s", adapter, window=20, ack_timeout_s=0.3, health=Health(), log=LOG
    )  # fmt: skip
    yield store, pump, adapter
    pump.stop(0.1)
    store.close()


def keep(store: Store, pump: Pump, numbers: range, device: str = "d") -> None:
    for number in numbers:
        store.append(device, str(number).encode(), 1)
    pump.wake()


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_everything_goes_out_in_order_and_leaves_the_disk(running: Any, tmp_path: Path) -> None:
    store, pump, adapter = running
    pump.start()
    keep(store, pump, range(500))
    until(lambda: store.backlog()[0] == 0)
    assert adapter.acked == list(range(500))
    assert not list(tmp_path.iterdir())


def test_after_an_outage_everything_comes_in_order(running: Any) -> None:
    store, pump, adapter = running
    adapter.there = False
    pump.start()
    keep(store, pump, range(300))
    time.sleep(0.2)
    assert adapter.sent == [] and store.backlog()[0] == 300
    adapter.there = True
    until(lambda: store.backlog()[0] == 0)
    assert adapter.acked == list(range(300))


def test_what_is_never_acknowledged_is_sent_again(running: Any) -> None:
    store, pump, adapter = running
    adapter.answers = False
    pump.start()
    keep(store, pump, range(3))
    until(lambda: len(adapter.sent) >= 4)
    assert store.backlog()[0] == 3
    adapter.answers = True
    until(lambda: store.backlog()[0] == 0)
    assert sorted(set(adapter.acked)) == [0, 1, 2]


def test_a_thing_that_the_adapter_hangs_up_on_does_not_stop_the_others(running: Any) -> None:
    store, pump, adapter = running
    adapter.hates = {"stranger"}
    pump.start()
    keep(store, pump, range(2), "good")
    keep(store, pump, range(100, 101), "stranger")
    keep(store, pump, range(2, 20), "good")
    until(lambda: set(range(20)) <= set(adapter.acked) and store.backlog()[0] == 1)


def test_credentials_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("generated\n")
    for name, value in (
        ("HOST", "h"), ("PORT", "8883"), ("USERNAME", "u@t"), ("PASSWORD_FILE", str(tmp_path / "password")),
        ("TENANT", "t"), ("DEVICE_ID", "racktwin.t:gateway-edge"), ("HTTP_URL", "https://h:8443"), ("TLS", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(f"EDGE_{name}", value)
    found = EnvironmentCredentials().read("EDGE")
    assert (found.port, found.password, found.tls) == (8883, "generated", True)
    monkeypatch.delenv("EDGE_TENANT")
    with pytest.raises(CredentialsMissing, match="tenant"):
        EnvironmentCredentials().read("EDGE")


# --- HTTP ---


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, body, dict(self.headers)))  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def adapter() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.taken, server.answer = [], 202  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()


def told(events: queue.Queue[tuple[What, Any]]) -> tuple[What, Any]:
    return events.get(timeout=60)


@pytest.mark.parametrize(("answer", "what"), [(202, "acked"), (404, "refused"), (503, "lost"), (401, "denied")])
def test_http_puts_on_behalf_of_a_device(adapter: Any, answer: int, what: str) -> None:
    adapter.answer = answer
    events: queue.Queue[tuple[What, Any]] = queue.Queue()
    transport = HttpTransport(
        credentials(f"http://127.0.0.1:{adapter.server_address[1]}"), lambda kind, detail: events.put((kind, detail))
    )
    transport.open()
    assert told(events)[0] == "connected"
    key = transport.send(Pack("racktwin.t:rack-a", 1, b"[]", 1))
    kind, detail = told(events)
    assert kind == what and (kind not in ("acked", "refused") or detail == key)
    ((path, body, headers),) = adapter.taken
    assert (path, body) == ("/telemetry/t/racktwin.t%3Arack-a", b"[]")
    assert headers["Content-Type"] == "application/senml+json" and headers["QoS-Level"] == "1"
    transport.close()


def test_http_nobody_there() -> None:
    with pytest.raises(OSError, match="HTTP adapter"):
        HttpTransport(credentials(), lambda _kind, _detail: None).open()


# --- AMQP ---


class AmqpAdapter(MessagingHandler):  # type: ignore[misc]
    """Takes messages on links without an address, as Hono's adapter does, and settles them."""

    def __init__(self) -> None:
        super().__init__(auto_accept=False)
        self.taken: list[Message] = []
        self.outcome = "accept"
        self.port: queue.Queue[int] = queue.Queue()
        self.injector = EventInjector()
        self.container: Any = None

    def on_start(self, event: Any) -> None:
        event.container.selectable(self.injector)
        self.acceptor = event.container.listen("127.0.0.1:0")
        self.port.put(int(self.acceptor._selectable._delegate.getsockname()[1]))

    def on_message(self, event: Any) -> None:
        self.taken.append(event.message)
        if self.outcome == "accept":
            self.accept(event.delivery)
        elif self.outcome == "reject":
            self.reject(event.delivery)
        else:
            self.release(event.delivery, delivered=False)

    def on_quit(self, event: Any) -> None:
        self.container.stop()


@pytest.mark.parametrize(("outcome", "what"), [("accept", "acked"), ("reject", "refused"), ("release", "again")])
def test_amqp_sends_to_the_devices_address_and_heeds_the_outcome(outcome: str, what: str) -> None:
    adapter = AmqpAdapter()
    adapter.outcome = outcome
    container = adapter.container = Container(adapter)
    thread = threading.Thread(target=container.run, daemon=True)
    thread.start()
    events: queue.Queue[tuple[What, Any]] = queue.Queue()
    # proton's own server end knows no passwords.
    anonymous = dataclasses.replace(credentials(), username="", password="")
    transport = AmqpTransport(
        anonymous, lambda kind, detail: events.put((kind, detail)), tls=False,
        address=f"127.0.0.1:{adapter.port.get(timeout=60)}",
    )  # fmt: skip
    transport.open()
    assert told(events)[0] == "connected"
    key = transport.send(Pack("racktwin.t:rack-a", 1, b"[1]", 1))
    assert told(events) == (what, key)
    (message,) = adapter.taken
    assert (message.address, message.content_type) == ("telemetry/t/racktwin.t:rack-a", "application/senml+json")
    assert bytes(message.body) == b"[1]" and message.inferred
    transport.close()
    adapter.injector.trigger(ApplicationEvent("quit"))
    thread.join(60)


def test_amqp_nobody_there() -> None:
    events: queue.Queue[tuple[What, Any]] = queue.Queue()
    transport = AmqpTransport(
        credentials(), lambda kind, detail: events.put((kind, detail)), tls=False, address="127.0.0.1:1"
    )
    transport.open()
    assert told(events)[0] == "lost"
    transport.close()


def test_a_full_store_is_counted_whole_and_told_once_in_a_while(tmp_path: Path) -> None:
    before = metrics.LOST.labels("store_full")._value.get()
    with structlog.testing.capture_logs() as lines:
        store, adapter = Store(tmp_path, 100_000), Adapter()
        adapter.there = False
        pump = Pump(
            store, Known(credentials()), "s", adapter, window=1, ack_timeout_s=5, health=Health(),
            log=structlog.get_logger(),
        )  # fmt: skip
        for _ in range(3):
            while store.append("d", b"x" * 1000, 2):
                pass
            pump._report()
    assert store.dropped_readings == metrics.LOST.labels("store_full")._value.get() - before == 6
    assert [line["readings"] for line in lines if line["event"].startswith("store full")] == [2]
