"""The AMQP side against a broker in the same process: credit, settlement, a lost connection, commands."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from proton import Delivery, Event, Message
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector

from hono_bridge import amqp
from hono_bridge.amqp import AmqpSide
from hono_bridge.commands import Command, CommandRecord
from hono_bridge.links import Arrival
from racktwin.ports import free_port
from racktwin.process import epoch_ms

WAIT_S = 60.0
CREDIT = 5


class Broker(MessagingHandler):  # type: ignore[misc]  # proton is untyped
    """Accepts every link; sends what it is told to, answers commands as it is told to."""

    def __init__(self) -> None:
        super().__init__(auto_accept=False)
        self.port = free_port()
        self.outcomes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.commands: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.links: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.closed: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.answer = Delivery.ACCEPTED
        self._senders: dict[str, Any] = {}
        self._connections: list[Any] = []
        self._waiting: deque[Message] = deque()
        self._injector = EventInjector()
        self._container = Container(self)
        self._calls: deque[Callable[[], None]] = deque()
        self._thread = threading.Thread(target=self._container.run, daemon=True)
        self._thread.start()

    def post(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        self._injector.trigger(ApplicationEvent("mail"))

    def send(self, count: int) -> None:
        self.post(lambda: self._enqueue(count))

    def hang_up(self) -> None:
        self.post(self._hang_up)

    def end(self) -> None:
        self.post(self._container.stop)
        self._thread.join(WAIT_S)

    def on_start(self, event: Event) -> None:
        self._container.selectable(self._injector)
        self._container.listen(f"127.0.0.1:{self.port}")

    def on_mail(self, event: Event) -> None:
        while self._calls:
            self._calls.popleft()()

    def on_connection_opening(self, event: Event) -> None:
        self._connections.append(event.connection)

    def on_link_opening(self, event: Event) -> None:
        link = event.link
        address = link.remote_source.address if link.is_sender else link.remote_target.address
        link.source.address, link.target.address = link.remote_source.address, link.remote_target.address
        link.open()
        if link.is_sender:
            self._senders[address] = link
        self.links.put(address)

    def on_link_closing(self, event: Event) -> None:
        self.closed.put(event.link.source.address if event.link.is_sender else event.link.target.address)
        event.link.close()

    def on_sendable(self, event: Event) -> None:
        self._pump()

    def on_message(self, event: Event) -> None:
        self.commands.put(event.message)
        event.delivery.update(self.answer)
        event.delivery.settle()

    def on_accepted(self, event: Event) -> None:
        self.outcomes.put("accepted")

    def on_released(self, event: Event) -> None:
        self.outcomes.put("released")

    def _hang_up(self) -> None:
        self._senders.clear()
        while self._connections:
            self._connections.pop().close()

    def _enqueue(self, count: int) -> None:
        self._waiting.extend(Message(body=b"%d" % i, inferred=True) for i in range(count))
        self._pump()

    def _pump(self) -> None:
        sender = self._senders.get("telemetry/t1")
        while sender is not None and sender.credit > 0 and self._waiting:
            sender.send(self._waiting.popleft())


class Ears:
    """Notes what the AMQP side reports."""

    def __init__(self) -> None:
        self.arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self.outcomes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.connections: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def arrived(self, arrival: Arrival, message: Message) -> None:
        self.arrivals.put(arrival)

    def outcome(self, command: Command, outcome: str) -> None:
        self.outcomes.put(outcome)

    def connection(self, up: bool, reason: str) -> None:
        self.connections.put(up)

    def wait_for(self, *, up: bool) -> None:
        while self.connections.get(timeout=WAIT_S) is not up:
            pass

    def beat(self) -> None:
        """Not looked at here."""


@pytest.fixture
def broker() -> Iterator[Broker]:
    running = Broker()
    yield running
    running.end()


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def side(broker: Broker, ears: Ears) -> Iterator[AmqpSide]:
    running = AmqpSide(
        f"amqp://127.0.0.1:{broker.port}", "", "", credit=CREDIT, reply_id="r", undelivered=[],
        listener=ears, clock=epoch_ms, log=structlog.stdlib.get_logger(),
    )  # fmt: skip
    running.start()
    ears.wait_for(up=True)  # the broker may still be starting: then the first attempt fails
    running.post(lambda: running.serve_sites({"t1"}))
    yield running
    running.stop(WAIT_S)


def opened(broker: Broker) -> set[str]:
    return {broker.links.get(timeout=WAIT_S) for _ in range(4)}


def command(life_ms: int = 60_000) -> Command:
    record = CommandRecord("t1", "hono.command.t1", 0, 1, epoch_ms(), "dev-1", {}, b"{}")
    return Command(record, "dev-1", "set", "c1", True, None, b"{}", epoch_ms() + life_ms)


def nothing_in(queue_: queue.SimpleQueue[Any]) -> bool:
    try:
        queue_.get(timeout=0.3)
    except queue.Empty:
        return True
    return False


def test_a_site_has_three_receivers_and_a_sender(broker: Broker, side: AmqpSide) -> None:
    assert opened(broker) == {"telemetry/t1", "event/t1", "command_response/t1/r", "command/t1"}


def test_no_more_than_the_credit_is_taken_before_settlement(broker: Broker, ears: Ears, side: AmqpSide) -> None:
    broker.send(2 * CREDIT)
    taken = [ears.arrivals.get(timeout=WAIT_S) for _ in range(CREDIT)]
    assert nothing_in(ears.arrivals)
    side.post(lambda: side.settle([(arrival, Delivery.ACCEPTED) for arrival in taken]))
    assert [broker.outcomes.get(timeout=WAIT_S) for _ in taken] == ["accepted"] * CREDIT
    assert [ears.arrivals.get(timeout=WAIT_S) for _ in range(CREDIT)]


def test_release_gives_the_message_back_and_pauses(broker: Broker, ears: Ears, side: AmqpSide) -> None:
    broker.send(CREDIT + 1)
    taken = [ears.arrivals.get(timeout=WAIT_S) for _ in range(CREDIT)]
    settled = time.monotonic()
    side.post(lambda: side.settle([(arrival, Delivery.RELEASED) for arrival in taken]))
    assert broker.outcomes.get(timeout=WAIT_S) == "released"
    assert ears.arrivals.get(timeout=WAIT_S)
    assert time.monotonic() - settled > 0.9 * amqp.LINK_PAUSE_S, "credit returns after a pause, not at once"


def test_it_connects_again_and_ignores_late_settlement(broker: Broker, ears: Ears, side: AmqpSide) -> None:
    opened(broker)
    broker.send(1)
    old = ears.arrivals.get(timeout=WAIT_S)
    broker.hang_up()
    ears.wait_for(up=False)
    ears.wait_for(up=True)
    opened(broker)
    side.post(lambda: side.settle([(old, Delivery.ACCEPTED)]))
    broker.send(1)
    assert ears.arrivals.get(timeout=WAIT_S)
    assert side.alive()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Delivery.ACCEPTED, "accepted"), (Delivery.REJECTED, "rejected"), (Delivery.RELEASED, "released")],
)
def test_the_brokers_word_on_a_command(broker: Broker, ears: Ears, side: AmqpSide, answer: int, outcome: str) -> None:
    broker.answer = answer
    side.post(lambda: side.send(command()))
    assert broker.commands.get(timeout=WAIT_S).subject == "set"
    assert ears.outcomes.get(timeout=WAIT_S) == outcome


def test_a_command_that_grew_old_is_not_sent(broker: Broker, ears: Ears, side: AmqpSide) -> None:
    side.post(lambda: side.send(command(life_ms=-1)))
    assert ears.outcomes.get(timeout=WAIT_S) == "too_old"
    assert nothing_in(broker.commands)


def test_links_of_a_site_that_went_are_closed(broker: Broker, side: AmqpSide) -> None:
    expected = opened(broker)
    side.post(lambda: side.serve_sites(set()))
    assert {broker.closed.get(timeout=WAIT_S) for _ in expected} == expected


def test_a_broker_that_never_answers_is_left_and_asked_again(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp, "OPEN_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(WAIT_S)
        side = AmqpSide(
            f"amqp://127.0.0.1:{silent.getsockname()[1]}", "", "", credit=CREDIT, reply_id="r", undelivered=[],
            listener=ears, clock=epoch_ms, log=structlog.stdlib.get_logger(),
        )  # fmt: skip
        side.start()
        attempts = [silent.accept()[0]]
        ears.wait_for(up=False)
        attempts.append(silent.accept()[0])
        for attempt in attempts:
            attempt.close()
        side.stop(WAIT_S)
