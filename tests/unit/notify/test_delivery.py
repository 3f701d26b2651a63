"""Delivery to a real receiver: retries, refusals, order, offsets, and what is put aside."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog
from tests.unit.kafka_fakes import Consumer, Message, Producer

from notify import signing
from notify.delivery import Delivery, Outcome, Terms
from notify.events import Filter
from notify.settings import NotifySettings
from notify.work import NotifyWork
from racktwin import health
from racktwin.messages import decode_reject
from racktwin.process import Context

SECRET = "a secret that nobody knows"
NOW = 1_790_000_000_000
TOPIC = "racktwin.events.berlin"


class Receiver:
    """Answers with the statuses of `plan` (a function of the event's id and the attempt)."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.attempts: dict[str, int] = {}
        self.plan: Callable[[str, int], int] = lambda _id, _attempt: 204
        self.url = ""
        self._lock = threading.Lock()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        assert signing.valid(SECRET, {name.lower(): value for name, value in headers.items()}, body, NOW // 1000)
        identity = json.loads(body)["id"]
        with self._lock:
            self.attempts[identity] = self.attempts.get(identity, 0) + 1
            status = self.plan(identity, self.attempts[identity])
            if status < 300:
                self.got.append(identity)
        return status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"].startswith("application/cloudevents+json")
            self.send_response(receiver.take(dict(self.headers), body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield receiver
    server.shutdown()
    server.server_close()


def terms(url: str, tries: int = 4) -> Terms:
    return Terms(url, SECRET, tries, first_wait_s=1.0, longest_wait_s=3.0, timeout_s=5.0)


def delivery(receiver: Receiver, waits: list[float] | None = None, **options: Any) -> Delivery:
    def pause(seconds: float) -> bool:
        if waits is not None:
            waits.append(seconds)
        return False

    return Delivery(terms(receiver.url, **options), lambda: NOW, pause, spread=lambda: 1.0)


def body(identity: str = "1") -> bytes:
    return json.dumps({"id": identity}).encode()


def test_retries_with_growing_waits(receiver: Receiver) -> None:
    receiver.plan = lambda _id, attempt: 204 if attempt == 4 else 503
    waits: list[float] = []
    assert delivery(receiver, waits).send("1", body()) == Outcome(True)
    assert waits == [1.0, 2.0, 3.0] and receiver.attempts == {"1": 4}


def test_gives_up_after_its_tries(receiver: Receiver) -> None:
    receiver.plan = lambda _id, _attempt: 500
    outcome = delivery(receiver).send("1", body())
    assert outcome.taken is False and outcome.reason.startswith("4 attempts, the last: 500")


def test_what_is_refused_is_not_asked_again(receiver: Receiver) -> None:
    receiver.plan = lambda _id, _attempt: 422
    assert delivery(receiver).send("1", body()).taken is False and receiver.attempts == {"1": 1}
    # A redirect is not followed: the signature is for one receiver.
    receiver.plan = lambda _id, _attempt: 302
    assert "302" in delivery(receiver).send("2", body("2")).reason


def test_nobody_there() -> None:
    away = Delivery(terms("http://127.0.0.1:1/", tries=2), lambda: NOW, lambda _s: False)
    assert "ConnectionError" in away.send("1", body()).reason
    stopping = Delivery(terms("http://127.0.0.1:1/", tries=2), lambda: NOW, lambda _s: True)
    assert stopping.send("1", body()).taken is None


def record(offset: int, thing: str, revision: int, path: str = "/features/alerts", partition: int = 0) -> Message:
    value = {
        "topic": f"racktwin.berlin/{thing}/things/twin/events/merged",
        "path": path,
        "revision": revision,
        "value": {},
    }
    return Message(TOPIC, partition, offset, json.dumps(value).encode(), key=f"racktwin.berlin:{thing}".encode())


class Bench:
    def __init__(self, receiver: Receiver, most_waiting: int = 100) -> None:
        self.consumer, self.aside = Consumer(), Producer()
        self.stop = threading.Event()
        self.context = Context("notify", structlog.get_logger(), health.Health(), self.stop, clock=lambda: NOW)
        self.work = NotifyWork(
            chosen=Filter("alerts", "*"),
            lanes=3,
            most_waiting=most_waiting,
            sender=lambda: Delivery(terms(receiver.url, tries=2), lambda: NOW, lambda _s: False),
            aside=self.aside,
            consumer=self.consumer,
            context=self.context,
        )

    def offsets(self) -> dict[int, int]:
        self.work.tick()
        return {at.partition: at.offset for at in self.work.settle()}

    def until(self, wanted: dict[int, int]) -> None:
        deadline = time.monotonic() + 60
        while self.offsets() != wanted:
            assert time.monotonic() < deadline, self.offsets()
            time.sleep(0.005)


def test_offsets_wait_for_the_slowest_and_order_is_kept(receiver: Receiver) -> None:
    held = threading.Event()
    slow = "racktwin.berlin:rack-a/1"
    bench = Bench(receiver)
    take = receiver.take

    def waiting(headers: dict[str, str], data: bytes) -> int:
        if json.loads(data)["id"] == slow:
            held.wait(60)
        return take(headers, data)

    receiver.take = waiting  # type: ignore[method-assign]
    messages = [record(0, "rack-a", 1), record(1, "rack-a", 2), *(record(n, f"rack-b{n}", 1) for n in range(2, 40))]
    messages.append(record(40, "rack-c", 1, path="/features/power"))
    bench.work.handle(messages)
    deadline = time.monotonic() + 60
    while len(receiver.got) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    # Others are delivered, but the commit waits at the first that is not.
    assert bench.offsets() == {0: 0} and slow not in receiver.got
    held.set()
    bench.until({0: 41})
    assert receiver.got.index(slow) < receiver.got.index("racktwin.berlin:rack-a/2")
    assert len(receiver.got) == 40


def test_what_cannot_be_delivered_is_kept_and_passed(receiver: Receiver) -> None:
    receiver.plan = lambda identity, _attempt: 500 if "rack-bad" in identity else 204
    bench = Bench(receiver)
    bench.work.handle([record(5, "rack-bad", 1), record(6, "rack-a", 1)])
    bench.until({0: 7})
    ((topic, key, value),) = bench.aside.sent
    reject = decode_reject(value)
    assert topic == "racktwin.rejects.berlin" and key == "racktwin.berlin:rack-bad"
    assert reject.reason == "undelivered" and "2 attempts, the last: 500" in reject.detail
    # Replayed to where it came from, it is sent again.
    assert reject.topic == TOPIC and json.loads(reject.payload)["revision"] == 1


def test_kafka_keeps_what_does_not_fit(receiver: Receiver) -> None:
    held = threading.Event()
    take = receiver.take
    receiver.take = lambda headers, data: take(headers, data) if held.wait(60) else 500  # type: ignore[method-assign]
    bench = Bench(receiver, most_waiting=10)
    bench.work.handle([record(n, f"rack-{n}", 1) for n in range(20)])
    bench.work.tick()
    assert bench.consumer.paused
    held.set()
    bench.until({0: 20})
    assert not bench.consumer.paused


def test_a_stop_leaves_the_rest_to_the_next_start(receiver: Receiver) -> None:
    begun, held = threading.Event(), threading.Event()
    take = receiver.take

    def waiting(headers: dict[str, str], data: bytes) -> int:
        begun.set()
        return take(headers, data) if held.wait(60) else 500

    receiver.take = waiting  # type: ignore[method-assign]
    bench = Bench(receiver)
    bench.work.handle([record(n, "rack-a", n) for n in range(5)])
    assert begun.wait(60)
    bench.stop.set()
    threading.Timer(0.1, held.set).start()
    found = {at.partition: at.offset for at in bench.work.settle()}
    # The one that was under way got through; the others are not committed.
    assert found == {0: 1} and receiver.got == ["racktwin.berlin:rack-a/0"]


def test_records_that_are_no_events_are_passed(receiver: Receiver) -> None:
    bench = Bench(receiver)
    bench.work.handle([Message(TOPIC, 1, 3, b"nonsense"), Message(TOPIC, 1, 4, b'{"topic": "a/b"}')])
    bench.until({1: 5})
    assert receiver.got == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"notify_url": "https://a/"}, "16 characters"),
        ({"notify_url": "http://example.net/", "notify_secret": SECRET}, "http to another machine"),
        ({"notify_url": "", "notify_secret": SECRET}, "expected https://"),
    ],
)
def test_settings_are_safe(values: dict[str, str], told: str) -> None:
    settings = NotifySettings(**values)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=told):
        assert settings.checked_url() and settings.secret()
    assert NotifySettings(notify_url="http://127.0.0.1:1/x").checked_url()
