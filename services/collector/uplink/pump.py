"""From the store to Hono: a window of messages under way, resending, back-off. Runs in its own thread.

All state belongs to that thread; transports only tell it what happened. What is resent and in which order, and what
happens to a device that the adapter hangs up on, is `racktwin.outbox`'s. Next: a transport beside this module.
"""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from collector import metrics
from collector.store import Store
from collector.uplink.transport import Tell, Transport, What
from racktwin.device_credentials import Credentials, CredentialsMissing, CredentialSource
from racktwin.health import Health
from racktwin.outbox import Outbox, Pack

BACKOFF_S: Final = (0.3, 0.6, 1.2, 2.5, 5.0)
# When the adapter refuses the password, asking it again at once helps nobody (s).
DENIED_S: Final = 4.9
CONNECT_S: Final = 10.0
# The file that is written is taken so often at most (s): a file per reading would wear out a flash card.
_TAKE_S: Final = 0.1
# In memory beyond the window; the rest stays on disk.
_AHEAD: Final = 200
# A store that is full drops with every reading; it is told so often at most (s).
_FULL_S: Final = 60.0
# Messages of things that are left out may fill the memory; beyond, the oldest of them go.
_PARKED: Final = 2_000

Make = Callable[[Credentials, Tell], Transport]


class Pump:
    """Gives what the store holds to Hono. `start`, `wake` and `stop` are for other threads."""

    def __init__(
        self,
        store: Store,
        source: CredentialSource,
        secret: str,
        make: Make,
        *,
        window: int,
        ack_timeout_s: float,
        health: Health,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        """``secret`` names the gateway's credentials in ``source``; they are read anew for each connection."""
        self._store, self._source, self._secret, self._make = store, source, secret, make
        self._ack_timeout_s, self._health, self._log = ack_timeout_s, health, log
        self._most = window + _AHEAD
        # The store bounds what is kept, so the outbox need not.
        self._outbox = Outbox(window, sys.maxsize)
        self._events: queue.SimpleQueue[tuple[What, int, Any]] = queue.SimpleQueue()
        self._transport: Transport | None = None
        self._generation = 0
        self._connected = False
        self._attempt = 0
        self._retry_at = 0.0
        self._opened_at = 0.0
        self._reason: str | None = "?"
        self._mids: dict[Any, int] = {}
        self._mid = 0
        self._under_way: dict[int, float] = {}
        self._dropped = self._told = 0
        self._tell_at = 0.0
        self._took_at = 0.0
        self._stop = threading.Event()
        self._drain_until = 0.0
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._down("not connected yet", quiet=True)

    # --- called from other threads ---

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the store."""
        self._events.put(("wake", 0, None))

    def stop(self, drain_s: float) -> None:
        """Wait up to ``drain_s`` for acknowledgements, then disconnect. What is left stays in the store."""
        self._drain_until = time.monotonic() + drain_s
        self._stop.set()
        self.wake()
        self._thread.join(drain_s + CONNECT_S)

    # --- the pump's thread ---

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            self._health.heartbeat("uplink", 60.0)
            if self._stop.is_set() and (
                not self._connected or now >= self._drain_until or not self._store.backlog()[0]
            ):
                break
            if self._transport is None and now >= self._retry_at and not self._stop.is_set():
                self._connect(now)
            self._wait()
            self._watch(time.monotonic())
            self._send()
            self._report()
        self._hang_up()

    def _wait(self) -> None:
        try:
            what, generation, detail = self._events.get(timeout=_TAKE_S)
            while True:
                if what != "wake" and generation == self._generation:
                    self._handle(what, detail)
                what, generation, detail = self._events.get_nowait()
        except queue.Empty:
            return

    def _handle(self, what: What, detail: Any) -> None:
        if what == "connected":
            self._connected, self._attempt = True, 0
            self._up(str(detail))
        elif what in ("acked", "refused"):
            mid = self._mids.pop(detail, None)
            pack = self._outbox.acked(mid) if mid is not None else None
            if pack is None or mid is None:
                return
            self._under_way.pop(mid, None)
            self._store.done(pack)
            if what == "acked":
                metrics.ACKED.inc(pack.readings)
            else:
                metrics.LOST.labels("refused").inc(pack.readings)
                self._log.warning("Hono refused a message", thing=pack.device, readings=pack.readings)
        elif what == "again":
            self._lost("the adapter could not take a message")
        elif what == "denied":
            self._lost(str(detail), retry_s=DENIED_S)
        elif what == "lost":
            self._lost(str(detail))
        metrics.QUARANTINED.set(len(self._outbox.quarantined()))

    def _connect(self, now: float) -> None:
        try:
            credentials = self._source.read(self._secret)
        except CredentialsMissing as error:
            self._down(str(error))
            self._retry_at = now + BACKOFF_S[-2]
            return
        self._generation += 1
        generation = self._generation
        self._transport = self._make(credentials, lambda what, detail: self._events.put((what, generation, detail)))
        self._opened_at = now
        try:
            self._transport.open()
        except OSError as error:
            self._lost(str(error))

    def _watch(self, now: float) -> None:
        """An adapter that says nothing is as good as gone."""
        if self._transport is None:
            return
        if not self._connected:
            if now - self._opened_at > CONNECT_S:
                self._lost(f"no answer to the connection within {CONNECT_S:.0f} s")
            return
        oldest = next(iter(self._under_way.values()), now)
        if now - oldest > self._ack_timeout_s:
            self._lost(f"no acknowledgement within {self._ack_timeout_s:.0f} s")

    def _send(self) -> None:
        self._fill()
        if not self._connected or self._transport is None:
            return
        now = time.monotonic()
        while (pack := self._outbox.take(now)) is not None:
            key = self._transport.send(pack)
            self._mid += 1
            self._mids[key] = self._mid
            self._under_way[self._mid] = now
            self._outbox.sent(self._mid, pack, now)
            if pack.attempts > 1:
                metrics.RESENT.inc()
            self._fill()

    def _fill(self) -> None:
        while self._connected and self._outbox.ready() < self._most:
            now = time.monotonic()
            newest = now - self._took_at >= _TAKE_S
            packs = self._store.claim(newest=newest)
            if newest:
                self._took_at = now
            if not packs:
                break
            for pack in packs:
                self._outbox.offer(pack)
        if self._outbox.backlog() - self._outbox.ready() > _PARKED:
            for thing in self._outbox.quarantined():
                self._give_up(self._outbox.forget(thing), "thing_refused")

    def _give_up(self, packs: list[Pack], reason: str) -> None:
        for pack in packs:
            self._store.done(pack)
            metrics.LOST.labels(reason).inc(pack.readings)

    def _lost(self, reason: str, retry_s: float | None = None) -> None:
        now = time.monotonic()
        suspicious = self._transport is not None and self._transport.hangs_up
        self._hang_up()
        left_out = None
        if suspicious:
            left_out = self._outbox.connection_lost(now)
        else:
            self._outbox.retry_all()
        if left_out is not None:
            self._log.error("thing left out for a while: the adapter hangs up when it reports", thing=left_out)
        self._down(reason)
        delay = retry_s if retry_s is not None else BACKOFF_S[min(self._attempt, len(BACKOFF_S) - 1)]
        self._attempt += 1
        # Jitter: a hall full of boxes must not come back in one instant.
        self._retry_at = now + delay * random.uniform(0.7, 1.3)  # noqa: S311 - no secret

    def _hang_up(self) -> None:
        transport, self._transport = self._transport, None
        self._connected = False
        self._generation += 1
        self._mids.clear()
        self._under_way.clear()
        if transport is not None:
            transport.close()

    def _up(self, where: str) -> None:
        self._log.info("connected", to=where)
        self._reason = None
        metrics.CONNECTED.set(1)
        self._health.set_ready(True, part="hono")

    def _down(self, reason: str, *, quiet: bool = False) -> None:
        if reason != self._reason and not quiet:
            self._log.error("not connected", reason=reason)
        self._reason = reason
        metrics.CONNECTED.set(0)
        self._health.set_ready(False, reason, part="hono")

    def _report(self) -> None:
        packs, size = self._store.backlog()
        metrics.BACKLOG.set(packs)
        metrics.BACKLOG_BYTES.set(size)
        dropped = self._store.dropped_readings
        if dropped > self._dropped:
            metrics.LOST.labels("store_full").inc(dropped - self._dropped)
            self._dropped = dropped
        if dropped > self._told and time.monotonic() >= self._tell_at:
            self._log.warning("store full: readings were dropped", readings=dropped - self._told)
            self._told, self._tell_at = dropped, time.monotonic() + _FULL_S
