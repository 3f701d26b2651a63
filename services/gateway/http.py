"""Telemetry over Hono's HTTP adapter, for a device that speaks for itself. Runs in its own thread.

One request at a time over one kept-alive connection: order is kept, and a second's sample takes milliseconds.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import Final

import requests

from gateway.spool import Spool
from gateway.uplink import BACKOFF_S, REFUSED_BACKOFF_S, Ledger, State, UplinkSettings, credentials_or_reason
from racktwin.device_credentials import Credentials, CredentialSource
from racktwin.outbox import Pack
from racktwin.process import Context
from racktwin.senml import CONTENT_TYPE

TIMEOUT_S: Final = 10.0
# Refusals of the message itself: sending it again would end the same way.
_UNACCEPTABLE: Final = (400, 413, 415)


class HttpUplink:
    """Posts packs of one device to ``<httpUrl>/telemetry`` with QoS 1."""

    def __init__(self, settings: UplinkSettings, source: CredentialSource, spool: Spool, context: Context) -> None:
        self._settings, self._source, self._context = settings, source, context
        self._ledger = Ledger(settings, spool, context.log)
        self._state = State(settings.source, context)
        self._offers: queue.SimpleQueue[list[Pack]] = queue.SimpleQueue()
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy for the internet is none for the adapter
        # What trust_env would have read.
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._credentials: Credentials | None = None
        self._attempt = 0
        self._retry_at = 0.0
        self._mid = 0
        self._stop = threading.Event()
        self._drain_until = 0.0
        self._thread = threading.Thread(target=self._run, name=f"http-{settings.source}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def offer(self, packs: list[Pack]) -> None:
        """Take packs; they are sent in this order."""
        self._offers.put(packs)

    def stop(self, drain_s: float) -> None:
        """Wait up to ``drain_s`` for acknowledgements, then end."""
        self._drain_until = time.monotonic() + drain_s
        self._stop.set()
        self._thread.join(drain_s + TIMEOUT_S)
        self._session.close()

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            self._context.health.heartbeat(self._settings.source, 60.0)
            if self._stop.is_set() and (not self._ledger.outbox.backlog() or now >= self._drain_until):
                return
            try:
                while True:
                    self._ledger.offer(self._offers.get(timeout=0.2 if not self._due(now) else 0.0))
            except queue.Empty:
                pass
            if self._due(now):
                self._send_one(now)

    def _due(self, now: float) -> bool:
        return self._ledger.outbox.backlog() > 0 and now >= self._retry_at

    def _send_one(self, now: float) -> None:
        credentials = self._credentials or credentials_or_reason(self._source, self._settings.secret, self._state.down)
        if credentials is None:
            self._retry_at = now + BACKOFF_S[-2]
            return
        self._credentials = credentials
        pack = self._ledger.outbox.take(now)
        if pack is None:
            return
        self._mid += 1
        self._ledger.outbox.sent(self._mid, pack, now)
        self._ledger.handed_over(pack)
        try:
            answer = self._session.post(
                f"{credentials.http_url}/telemetry",
                data=pack.payload,
                auth=(credentials.username, credentials.password),
                headers={"Content-Type": CONTENT_TYPE, "qos-level": "1"},
                timeout=TIMEOUT_S,
            )
        except requests.RequestException as error:
            self._failed(now, f"HTTP adapter {credentials.http_url}: {type(error).__name__}")
            return
        if answer.ok:
            self._ledger.outbox.acked(self._mid)
            self._ledger.acknowledged(pack, time.monotonic())
            self._attempt = 0
            self._state.up(credentials.http_url)
        elif answer.status_code in _UNACCEPTABLE:
            self._ledger.outbox.acked(self._mid)
            self._ledger.give_up([pack], f"refused_{answer.status_code}")
        elif answer.status_code == 401:
            self._failed(
                now,
                f"the HTTP adapter refused {credentials.username}: 401; "
                f"check Secret {self._settings.secret} against the credentials in Hono's registry",
                retry_s=REFUSED_BACKOFF_S,
            )
        else:
            self._failed(now, f"HTTP adapter {credentials.http_url}: {answer.status_code} {answer.text[:100]}")

    def _failed(self, now: float, reason: str, retry_s: float | None = None) -> None:
        # Read anew before the next attempt: a password may have been rotated.
        self._credentials = None
        self._ledger.outbox.retry_all()
        self._state.down(reason)
        self._retry_at = now + (retry_s or BACKOFF_S[min(self._attempt, len(BACKOFF_S) - 1)])
        self._attempt += 1
