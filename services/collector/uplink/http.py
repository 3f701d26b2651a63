"""Hono's HTTP adapter: ``PUT /telemetry/<tenant>/<device>`` with QoS 1, over a few kept-alive connections.

A device always takes the same connection, so that its messages stay in their order.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import queue
import ssl
import threading
import zlib
from typing import Final
from urllib.parse import quote, urlsplit

from collector.uplink.transport import Tell
from racktwin.device_credentials import Credentials
from racktwin.outbox import Pack
from racktwin.senml import CONTENT_TYPE

LANES: Final = 4
TIMEOUT_S: Final = 10.0
# Refusals of the message itself: sending it again would end the same way. 404: the device is not in the registry.
_UNACCEPTABLE: Final = (400, 404, 413, 415)
_DENIED: Final = (401,)


class HttpTransport:
    """Posts from a few threads, one request at a time each."""

    hangs_up = False

    def __init__(self, credentials: Credentials, tell: Tell, *, ca_file: str = "") -> None:
        self._credentials, self._tell = credentials, tell
        self._url = urlsplit(credentials.http_url)
        self._tls = (
            ssl.create_default_context(cafile=ca_file or None, cadata=credentials.authority)
            if self._url.scheme == "https"
            else None
        )
        login = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": CONTENT_TYPE, "QoS-Level": "1"}
        self._keys = itertools.count(1)
        self._lanes: list[queue.SimpleQueue[tuple[int, Pack] | None]] = [queue.SimpleQueue() for _ in range(LANES)]
        self._closed = False

    def open(self) -> None:
        """Start the threads. HTTP has no connection to speak of: whether it works shows with the first message."""
        for number, lane in enumerate(self._lanes):
            threading.Thread(target=self._run, args=(lane,), name=f"uplink-http-{number}", daemon=True).start()
        # A probe: a lane that cannot connect tells it at once, before messages are handed over.
        connection = self._connect()
        try:
            connection.connect()
        except OSError as error:
            self.close()
            raise OSError(f"HTTP adapter {self._credentials.http_url}: {error}") from error
        finally:
            connection.close()
        self._tell("connected", self._credentials.http_url)

    def send(self, pack: Pack) -> int:
        """Hand it to its device's lane."""
        key = next(self._keys)
        self._lanes[zlib.crc32(pack.device.encode()) % LANES].put((key, pack))
        return key

    def close(self) -> None:
        """End the threads; what they have not sent is not sent."""
        self._closed = True
        for lane in self._lanes:
            lane.put(None)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def _run(self, lane: queue.SimpleQueue[tuple[int, Pack] | None]) -> None:
        connection = self._connect()
        while (item := lane.get()) is not None and not self._closed:
            key, pack = item
            path = f"{self._url.path.rstrip('/')}/telemetry/{quote(self._credentials.tenant)}/{quote(pack.device)}"
            try:
                connection.request("PUT", path, pack.payload, self._headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._say("lost", f"HTTP adapter {self._credentials.http_url}: {type(error).__name__} {error}")
                return
            if answer.status < 300:
                self._say("acked", key)
            elif answer.status in _UNACCEPTABLE:
                self._say("refused", key)
            elif answer.status in _DENIED:
                self._say(
                    "denied",
                    f"the HTTP adapter refused {self._credentials.username}: {answer.status}; check the gateway's "
                    "Secret against Hono's registry",
                )
                return
            else:
                text = body[:100].decode(errors="replace")
                self._say("lost", f"HTTP adapter {self._credentials.http_url}: {answer.status} {text}")
                return
        connection.close()

    def _say(self, what: str, detail: object) -> None:
        if not self._closed:
            self._tell(what, detail)  # type: ignore[arg-type]
