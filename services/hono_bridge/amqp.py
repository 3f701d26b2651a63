"""The AMQP side: one connection, links per site, credit, settlement, commands out. Runs in its own thread.

Everything here but :meth:`AmqpSide.post` belongs to proton's thread. What a message means is decided elsewhere:
:mod:`hono_bridge.intake` for messages in, :mod:`hono_bridge.command_source` for commands out. Proton's own reconnect
is not used: after a lost connection every delivery is void, and starting from nothing makes that plain.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog
from proton import Connection, Delivery, Event, Link
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector, Handler

from hono_bridge import commands, metrics
from hono_bridge.commands import Command
from hono_bridge.links import Arrival, Listener, Source, Target, What

# Delays between attempts to connect; the last repeats (s).
BACKOFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
# How long a link waits for credit after Kafka failed, or to open again after an error (s).
LINK_PAUSE_S: Final = 1.0
TICK_S: Final = 1.0
# An idle connection is taken for dead after this long (s).
IDLE_TIMEOUT_S: Final = 10.0
# So is one that does not open: who vanished with his machine never refuses, and TCP alone waits for minutes (s).
OPEN_TIMEOUT_S: Final = 10.0


class _Call(Handler):  # type: ignore[misc]  # proton is untyped
    """A timer that calls a function."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def on_timer_task(self, event: Event) -> None:
        self._function()


class AmqpSide(MessagingHandler):  # type: ignore[misc]
    """Connection to the broker. Start with :meth:`start`, feed with :meth:`post`."""

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        credit: int,
        reply_id: str,
        undelivered: list[str],
        listener: Listener,
        clock: Callable[[], int],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        super().__init__(prefetch=0, auto_accept=False, auto_settle=True)
        self._url, self._user, self._password = url, user, password
        self._credit, self._reply_id, self._undelivered = credit, reply_id, undelivered
        self._listener, self._clock, self._log = listener, clock, log
        self._container = Container(self)
        self._injector = EventInjector()
        self._calls: deque[Callable[[], None]] = deque()
        self._rung = False
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._opened = False
        self._attempt = 0
        self._stopping = False
        self._draining = False
        self._sites: set[str] = set()
        self._sources: dict[str, Source] = {}
        self._targets: dict[str, Target] = {}
        self._thread = threading.Thread(target=self._run, name="amqp", daemon=True)
        self.failure: BaseException | None = None

    # --- called from other threads ---

    def start(self) -> None:
        """Start the thread; it connects, and connects again for as long as it takes."""
        self._thread.start()

    def post(self, call: Callable[[], None]) -> None:
        """Run ``call`` in proton's thread, soon. Calls run in the order posted."""
        with self._lock:
            self._calls.append(call)
            ring, self._rung = not self._rung, True
        if ring:
            self._injector.trigger(ApplicationEvent("mail"))

    def drain(self) -> None:
        """Take no more messages; what is in flight may still be settled."""
        self.post(self._drain)

    def stop(self, timeout_s: float) -> None:
        """Close the connection and end the thread."""
        self.post(self._stop)
        self._thread.join(timeout_s)

    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    # --- in proton's thread: what others ask for by post() ---

    def serve_sites(self, sites: set[str]) -> None:
        """Open links of new sites, close those of sites that went."""
        gone = self._sites - sites
        self._sites = set(sites)
        for source in list(self._sources.values()):
            if source.site in gone:
                self._close_source(source)
        for site in gone:
            target = self._targets.get(site)
            # Commands still waiting keep their target until they are sent or too old.
            if target is not None and not target.waiting and not target.unsettled:
                del self._targets[site]
                if target.link is not None:
                    target.link.close()
        self._open_links()

    def send(self, command: Command) -> None:
        """Send a command when the broker takes it, unless it grows too old before."""
        target = self._targets.setdefault(command.source.site, Target(command.source.site))
        target.waiting.append(command)
        self._open_links()
        self._pump(target)

    def settle(self, arrivals: list[tuple[Arrival, int]]) -> None:
        """Settle messages with ``Delivery.ACCEPTED``, ``RELEASED`` or ``REJECTED``, and give credit back.

        A released message pauses its link: the broker would return it at once.
        """
        touched: set[Source] = set()
        for arrival, state in arrivals:
            source = arrival.source
            if not source.open:  # the link is gone, and the broker redelivers by itself
                continue
            arrival.delivery.update(state)
            arrival.delivery.settle()
            source.owed += 1
            if state == Delivery.RELEASED and not source.paused:
                source.paused = True
                self._container.schedule(LINK_PAUSE_S, _Call(lambda source=source: self._resume(source)))  # type: ignore[misc]
            touched.add(source)
        for source in touched:
            self._replenish(source)

    # --- proton's events ---

    def on_start(self, event: Event) -> None:
        self._container.selectable(self._injector)
        self._container.schedule(TICK_S, _Call(self._tick))
        self._connect()

    def on_mail(self, event: Event) -> None:
        with self._lock:
            self._rung = False
            calls, self._calls = self._calls, deque()
        for call in calls:
            call()

    def on_connection_opened(self, event: Event) -> None:
        if event.connection != self._connection:
            return
        self._opened = True
        self._attempt = 0
        metrics.CONNECTS.inc()
        self._log.info("AMQP connected", url=self._url)
        self._open_links()
        self._listener.connection(True, "")

    def on_message(self, event: Event) -> None:
        source = self._sources.get(event.receiver.name)
        if source is None or self._draining or not source.open:
            event.delivery.update(Delivery.RELEASED)
            event.delivery.settle()
            return
        metrics.received(source.what.value).inc()
        self._listener.arrived(Arrival(source, event.delivery), event.message)

    def on_sendable(self, event: Event) -> None:
        for target in self._targets.values():
            if target.link is not None and target.link == event.sender:
                self._pump(target)

    def on_accepted(self, event: Event) -> None:
        self._outcome(event, "accepted")

    def on_rejected(self, event: Event) -> None:
        self._outcome(event, "rejected")

    def on_released(self, event: Event) -> None:
        self._outcome(event, "released")

    def on_modified(self, event: Event) -> None:
        self._outcome(event, "modified")

    def on_link_error(self, event: Event) -> None:
        self._link_lost(event.link, str(event.link.remote_condition))

    def on_link_closed(self, event: Event) -> None:
        self._link_lost(event.link, "closed by the broker")

    def on_connection_error(self, event: Event) -> None:
        self._ended(event, str(event.connection.remote_condition))

    def on_connection_closed(self, event: Event) -> None:
        self._ended(event, "closed by the broker")

    def on_transport_error(self, event: Event) -> None:
        self._ended(event, str(event.transport.condition))

    def on_disconnected(self, event: Event) -> None:
        self._ended(event, "connection lost")

    # --- inner workings ---

    def _run(self) -> None:
        try:
            self._container.run()
        except BaseException as error:  # the process must learn of it and end
            self.failure = error

    def _connect(self) -> None:
        if self._stopping:
            return
        self._opened = False
        self._connection = self._container.connect(
            self._url,
            user=self._user or None,
            password=self._password or None,
            allowed_mechs="PLAIN" if self._user else "ANONYMOUS",
            allow_insecure_mechs=True,
            reconnect=False,
            heartbeat=IDLE_TIMEOUT_S,
        )
        attempt = self._connection
        self._container.schedule(OPEN_TIMEOUT_S, _Call(lambda: self._give_up(attempt)))

    def _give_up(self, attempt: Connection) -> None:
        if attempt == self._connection and not self._opened:
            self._lost(f"no answer within {OPEN_TIMEOUT_S:g} s")
            attempt.close()

    def _ended(self, event: Event, reason: str) -> None:
        # Events of earlier connections may still come: their transports time out on their own.
        if self._connection is not None and event.connection == self._connection:
            condition = event.transport.condition if event.transport is not None else None
            self._lost(str(condition) if condition is not None else reason)
        if event.connection is not None:
            event.connection.close()

    def _lost(self, reason: str) -> None:
        """Void everything that hung on the connection, and connect again after a while."""
        self._connection = None
        self._opened = False
        for source in self._sources.values():
            source.open = False
        self._sources.clear()
        for target in self._targets.values():
            target.link = None
            # The outcome of these is unknown: they go again, first and in their order.
            target.waiting.extendleft(reversed(target.unsettled.values()))
            target.unsettled.clear()
        self._listener.connection(False, reason)
        if self._stopping:
            return
        delay = BACKOFF_S[min(self._attempt, len(BACKOFF_S) - 1)]
        if self._attempt < len(BACKOFF_S):
            self._log.warning("AMQP connection down", url=self._url, reason=reason, retry_s=delay)
        self._attempt += 1
        self._container.schedule(delay, _Call(self._connect))

    def _open_links(self) -> None:
        if not self._opened or self._draining or self._connection is None:
            return
        wanted = [
            (what, site, address)
            for site in sorted(self._sites)
            for what, address in (
                (What.TELEMETRY, f"telemetry/{site}"),
                (What.EVENT, f"event/{site}"),
                (What.RESPONSE, f"command_response/{site}/{self._reply_id}"),
            )
        ] + [(What.UNDELIVERED, "", address) for address in self._undelivered]
        present = {source.address for source in self._sources.values()}
        for what, site, address in wanted:
            if address not in present:
                # The name makes the link findable; a fresh one after each error keeps old events apart.
                name = f"{address}#{self._clock()}"
                link = self._container.create_receiver(self._connection, address, name=name)
                self._sources[name] = Source(what, site, address, link)
                link.flow(self._credit)
        for site in self._sites | {t.site for t in self._targets.values() if t.waiting}:
            target = self._targets.setdefault(site, Target(site))
            if target.link is None:
                target.link = self._container.create_sender(self._connection, f"command/{site}")

    def _close_source(self, source: Source) -> None:
        source.open = False
        self._sources.pop(source.link.name, None)
        source.link.close()

    def _link_lost(self, link: Link, reason: str) -> None:
        source = self._sources.pop(link.name, None)
        target = next((t for t in self._targets.values() if t.link is not None and t.link == link), None)
        if source is None and target is None:
            return
        if source is not None:
            source.open = False
            address = source.address
        else:
            assert target is not None
            address = f"command/{target.site}"
            target.link = None
            target.waiting.extendleft(reversed(target.unsettled.values()))
            target.unsettled.clear()
        self._log.warning("AMQP link down", address=address, reason=reason, retry_s=LINK_PAUSE_S)
        link.close()
        self._container.schedule(LINK_PAUSE_S, _Call(self._open_links))

    def _resume(self, source: Source) -> None:
        source.paused = False
        self._replenish(source, at_least=1)

    def _replenish(self, source: Source, at_least: int = 0) -> None:
        # A flow frame per message would double the traffic; a sixteenth of the window keeps the broker busy.
        threshold = max(1, at_least, self._credit // 16)
        if source.open and not source.paused and not self._draining and source.owed >= threshold:
            source.link.flow(source.owed)
            source.owed = 0

    def _pump(self, target: Target) -> None:
        now = self._clock()
        while target.waiting:
            command = target.waiting[0]
            if command.expires <= now:
                target.waiting.popleft()
                self._listener.outcome(command, "too_old")
                continue
            if target.link is None or target.link.credit <= 0:
                return
            target.waiting.popleft()
            delivery = target.link.send(commands.to_message(command, self._reply_id, now))
            target.unsettled[delivery.tag] = command

    def _outcome(self, event: Event, outcome: str) -> None:
        for target in self._targets.values():
            if target.link is not None and target.link == event.sender:
                command = target.unsettled.pop(event.delivery.tag, None)
                if command is not None:
                    self._listener.outcome(command, outcome)

    def _tick(self) -> None:
        self._listener.beat()
        for target in self._targets.values():
            self._pump(target)
        if not self._stopping:
            self._container.schedule(TICK_S, _Call(self._tick))

    def _drain(self) -> None:
        self._draining = True

    def _stop(self) -> None:
        self._stopping = True
        if self._connection is not None:
            self._connection.close()
        self._injector.close()
        self._container.schedule(TICK_S, _Call(self._container.stop))
