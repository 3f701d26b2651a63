"""One MQTT connection to Hono's adapter: pipelined QoS 1, resending, commands. Runs in its own thread.

A new client per connection: what is resent, and in which order, is the outbox's decision and not the MQTT library's.
The library's thread only passes events on; all state belongs to the uplink's thread.
"""

from __future__ import annotations

import math
import queue
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway import commands, metrics
from gateway.spool import Spool
from gateway.uplink import BACKOFF_S, REFUSED_BACKOFF_S, Ledger, State, UplinkSettings, credentials_or_reason
from racktwin.device_credentials import Credentials, CredentialSource
from racktwin.outbox import Pack
from racktwin.process import Context
from racktwin.senml import CONTENT_TYPE

KEEPALIVE_S: Final = 15
CONNECT_TIMEOUT_S: Final = 10.0
# How long to wait before asking again for a subscription that was not granted (an adapter that is still starting).
SUBSCRIBE_AGAIN_S: Final = 4.0
_CREDENTIALS_REFUSED: Final = ("Bad user name or password", "Not authorized")
_BAG: Final = "/?content-type=" + CONTENT_TYPE.replace("/", "%2F").replace("+", "%2B")

Event = tuple[Literal["connected", "acked", "lost", "message", "subscribed", "offer", "forget"], int, Any]


class MqttUplink:
    """Gives packs to Hono over MQTT on behalf of a gateway's devices, or of one device for itself."""

    def __init__(
        self,
        settings: UplinkSettings,
        source: CredentialSource,
        spool: Spool,
        context: Context,
        *,
        tls: bool = False,
        knows: Callable[[str], bool] | None = None,
        handle: commands.Handle = commands.no_controller,
    ) -> None:
        """``knows`` says whether a device is one of the gateway's; None takes no commands. ``handle`` carries them
        out."""
        self._settings, self._source, self._context = settings, source, context
        self._tls, self._knows, self._handle_command = tls, knows, handle
        self._ledger = Ledger(settings, spool, context.log)
        self._state = State(settings.source, context)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._client: Client | None = None
        self._credentials: Credentials | None = None
        self._connected = False
        self._generation = 0
        self._attempt = 0
        self._filter = 0
        self._subscribe_at = math.inf
        self._retry_at = 0.0
        self._stop = threading.Event()
        self._drain_until = 0.0
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{settings.source}", daemon=True)

    # --- called from other threads ---

    def start(self) -> None:
        """Start the thread; it connects as soon as there are credentials."""
        self._thread.start()

    def offer(self, packs: list[Pack]) -> None:
        """Take packs; they are sent in this order."""
        self._events.put(("offer", 0, packs))

    def forget(self, device: str) -> None:
        """The device is no longer ours."""
        self._events.put(("forget", 0, device))

    def stop(self, drain_s: float) -> None:
        """Wait up to ``drain_s`` for acknowledgements, then disconnect."""
        self._drain_until = time.monotonic() + drain_s
        self._stop.set()
        self._thread.join(drain_s + 5.0)

    # --- the uplink's thread ---

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            self._context.health.heartbeat(self._settings.source, 60.0)
            if self._stop.is_set() and (
                not self._connected or not self._ledger.outbox.backlog() or now >= self._drain_until
            ):
                break
            if self._client is None and now >= self._retry_at and not self._stop.is_set():
                self._connect(now)
            self._wait_for_events()
            if self._connected and time.monotonic() >= self._subscribe_at:
                self._subscribe()
            self._pump()
        self._hang_up()

    def _wait_for_events(self) -> None:
        try:
            event = self._events.get(timeout=0.2)
            while True:
                self._handle(*event)
                event = self._events.get_nowait()
        except queue.Empty:
            return

    def _handle(self, what: str, generation: int, detail: Any) -> None:
        if what == "offer":
            self._ledger.offer(detail)
        elif what == "forget":
            self._ledger.give_up(self._ledger.outbox.forget(detail), "removed")
        elif generation != self._generation:
            return
        elif what == "acked":
            now = time.monotonic()
            pack = self._ledger.outbox.acked(detail)
            if pack is not None:
                self._ledger.acknowledged(pack, now)
            self._pump()
        elif what == "connected":
            self._on_connected(detail)
        elif what == "message":
            self._on_message(*detail)
        elif what == "subscribed":
            self._on_subscribed(detail)
        elif what == "lost":
            self._lost(str(detail))

    def _connect(self, now: float) -> None:
        credentials = credentials_or_reason(self._source, self._settings.secret, self._state.down)
        if credentials is None:
            self._retry_at = now + BACKOFF_S[-2]
            return
        self._credentials = credentials
        self._generation += 1
        client = self._make_client(credentials, self._generation)
        self._client = client
        try:
            client.connect(credentials.host, credentials.port, keepalive=KEEPALIVE_S)
        except OSError as error:
            self._lost(f"MQTT adapter {credentials.host}:{credentials.port}: {error}")
            return
        client.loop_start()

    def _make_client(self, credentials: Credentials, generation: int) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=credentials.device_id, protocol=MQTTv311, reconnect_on_failure=False
        )
        client.username_pw_set(credentials.username, credentials.password)
        client.connect_timeout = CONNECT_TIMEOUT_S
        # The window is the outbox's; the library must hold nothing back.
        client.max_inflight_messages_set(65535)
        if self._tls or credentials.tls:
            client.tls_set_context(ssl.create_default_context(cadata=credentials.authority))

        def connected(_c: Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
            self._events.put(("connected", generation, reason))

        def acked(_c: Client, _u: Any, mid: int, _r: ReasonCode, _p: Any) -> None:
            self._events.put(("acked", generation, mid))

        def lost(_c: Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
            self._events.put(("lost", generation, f"connection lost: {reason}"))

        def message(_c: Client, _u: Any, received: MQTTMessage) -> None:
            self._events.put(("message", generation, (received.topic, bytes(received.payload))))

        def subscribed(_c: Client, _u: Any, _mid: int, reasons: list[ReasonCode], _p: Any) -> None:
            self._events.put(("subscribed", generation, all(not reason.is_failure for reason in reasons)))

        client.on_connect = connected
        client.on_publish = acked
        client.on_disconnect = lost
        client.on_message = message
        client.on_subscribe = subscribed
        return client

    def _on_connected(self, reason: ReasonCode) -> None:
        assert self._credentials is not None and self._client is not None
        if reason.is_failure:
            if reason.getName() in _CREDENTIALS_REFUSED:
                self._lost(
                    f"the MQTT adapter refused {self._credentials.username}: {reason}; "
                    f"check Secret {self._settings.secret} against the credentials in Hono's registry",
                    retry_s=REFUSED_BACKOFF_S,
                )
            else:
                self._lost(f"the MQTT adapter refused the connection: {reason}")
            return
        self._connected = True
        self._attempt = 0
        self._state.up(f"mqtt {self._credentials.host}:{self._credentials.port}")
        if self._knows is not None:
            self._filter = 0
            self._subscribe()

    def _subscribe(self) -> None:
        self._subscribe_at = math.inf
        if self._client is not None:
            self._client.subscribe(commands.FILTERS[self._filter], qos=1)

    def _on_subscribed(self, granted: bool) -> None:
        if granted:
            self._context.log.info("commands subscribed", filter=commands.FILTERS[self._filter])
            return
        self._filter += 1
        if self._filter < len(commands.FILTERS):
            self._subscribe()
            return
        self._filter = 0
        self._subscribe_at = time.monotonic() + SUBSCRIBE_AGAIN_S
        self._context.log.warning("no subscription to commands granted, asking again", filters=commands.FILTERS)

    def _on_message(self, topic: str, payload: bytes) -> None:
        command = commands.parse(topic, payload)
        if command is None or self._knows is None or self._credentials is None or self._client is None:
            return
        own, knows = self._credentials.device_id, self._knows
        status, answer = commands.answer(
            command,
            own,
            self._credentials.tenant,
            lambda device: device == own or knows(device),
            self._context.clock(),
            handle=self._handle_command,
        )
        metrics.COMMANDS.labels(str(status)).inc()
        self._context.log.info("command", device=command.device or own, subject=command.subject, status=status)
        if answer is not None:
            self._client.publish(answer.topic, answer.payload, qos=1)

    def _pump(self) -> None:
        if not self._connected or self._client is None or self._credentials is None:
            return
        now = time.monotonic()
        while (pack := self._ledger.outbox.take(now)) is not None:
            if pack.device == self._credentials.device_id:
                topic = f"telemetry{_BAG}"
            else:
                topic = f"telemetry/{self._credentials.tenant}/{pack.device}{_BAG}"
            info = self._client.publish(topic, pack.payload, qos=1)
            self._ledger.outbox.sent(info.mid, pack, time.monotonic())
            self._ledger.handed_over(pack)

    def _lost(self, reason: str, retry_s: float | None = None) -> None:
        now = time.monotonic()
        self._hang_up()
        left_out = self._ledger.outbox.connection_lost(now)
        if left_out is not None:
            self._context.log.error(
                "device left out for a while: the adapter hangs up when it reports", device=left_out
            )
        metrics.QUARANTINED.set(len(self._ledger.outbox.quarantined()))
        self._state.down(reason)
        delay = retry_s if retry_s is not None else BACKOFF_S[min(self._attempt, len(BACKOFF_S) - 1)]
        self._attempt += 1
        self._retry_at = now + delay

    def _hang_up(self) -> None:
        """End the present connection; late events of it are ignored."""
        client, self._client = self._client, None
        self._connected = False
        self._generation += 1
        if client is not None:
            client.disconnect()
            client.loop_stop()
