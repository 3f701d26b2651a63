"""Samples onto the twin: one MQTT connection to Hono's adapter, QoS 1, with a bounded backlog while it is away.

The log on disk has everything, so what does not fit the backlog is counted and not spooled. Next: Hono.
"""

from __future__ import annotations

import ssl
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from paho.mqtt.client import MQTT_ERR_QUEUE_SIZE, Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from racktwin.device_credentials import Credentials
from racktwin.drives import PREFIX
from racktwin.senml import CONTENT_TYPE
from servertwin.failures import Failure
from servertwin.hono.packs import pack

_TOPIC: Final = f"telemetry/?content-type={urllib.parse.quote(CONTENT_TYPE, safe='')}"
_KEEPALIVE_S: Final = 30
_LONGEST_WAIT_S: Final = 30


class Live:
    """Sends packs of rows; never blocks the logger."""

    def __init__(self, read: Callable[[], Credentials], backlog: int, say: Callable[[str], None]) -> None:
        """``read`` gives the credentials, anew before each connection; ``say`` takes lines for people.

        Raises:
            Failure: there are no credentials.
        """
        self._read, self._say = read, say
        self._credentials = read()
        self._seq = int(time.time())
        self.sent = 0
        self.acknowledged = 0
        self.lost = 0
        self._told = ""
        self._idle = threading.Condition()
        who = self._credentials
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"{who.device_id}-{uuid.uuid4().hex[:8]}", protocol=MQTTv311
        )
        client.username_pw_set(who.username, who.password)
        # Of what waits, the library holds up to so many; more are refused and counted.
        client.max_queued_messages_set(backlog)
        client.reconnect_delay_set(1, _LONGEST_WAIT_S)
        if who.tls:
            client.tls_set_context(ssl.create_default_context(cadata=who.authority))
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._not_reached
        client.on_publish = self._published
        self._client = client

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        self._client.connect_async(self._credentials.host, self._credentials.port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    def offer(self, time_ms: int, row: Mapping[str, float | str]) -> None:
        """Send what the twin takes of a row: each disk by itself, since messages are 2,048 bytes at most with Hono."""
        disks: dict[str, dict[str, float | str]] = {}
        others = {}
        for column, value in row.items():
            if column.startswith(PREFIX):
                disks.setdefault(column.partition("/")[0], {})[column] = value
            else:
                others[column] = value
        for part in (others, *disks.values()):
            self._send(time_ms, part)

    def _send(self, time_ms: int, row: Mapping[str, float | str]) -> None:
        payload = pack(time_ms, self._seq + 1, row)
        if payload is None:
            return
        self._seq += 1
        if self._client.publish(_TOPIC, payload, qos=1).rc == MQTT_ERR_QUEUE_SIZE:
            self.lost += 1
        else:
            self.sent += 1

    def stop(self, within_s: float = 5.0) -> None:
        """Wait so long for acknowledgements, then disconnect."""
        with self._idle:
            self._idle.wait_for(lambda: self.acknowledged >= self.sent, within_s)
        self._client.disconnect()
        self._client.loop_stop()

    def summary(self) -> dict[str, Any]:
        """How many packs went, were acknowledged, and found no room."""
        return {
            "thing": self._credentials.device_id,
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "lost": self.lost,
        }

    # Called by the library's thread.

    def _connected(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _more: Any) -> None:
        if reason.is_failure:
            self._tell(f"Hono's MQTT adapter refused {self._credentials.username}: {reason}")
            try:
                # The password may have been renewed.
                self._credentials = self._read()
            except Failure as failure:
                self._tell(str(failure))
                return
            self._client.username_pw_set(self._credentials.username, self._credentials.password)
        else:
            self._tell(
                f"connected to {self._credentials.host}:{self._credentials.port} as {self._credentials.device_id}"
            )

    def _disconnected(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _more: Any) -> None:
        if reason.is_failure:
            self._tell(f"connection to Hono lost: {reason}")

    def _not_reached(self, _client: Client, _data: Any) -> None:
        self._tell(
            f"Hono's MQTT adapter {self._credentials.host}:{self._credentials.port} is not reached; trying again"
        )

    def _published(self, _client: Client, _data: Any, _mid: int, _reason: ReasonCode, _more: Any) -> None:
        with self._idle:
            self.acknowledged += 1
            self._idle.notify_all()

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._say(text)
