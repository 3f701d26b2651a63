"""Hono's AMQP adapter: one link without an address, each message to ``telemetry/<tenant>/<device>``, unsettled.

python-qpid-proton's container runs in a thread of its own; messages reach it through an event injector.
"""

from __future__ import annotations

import itertools
import ssl
import threading
from typing import Any, Final

from proton import Message, SSLDomain
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector

from collector.uplink.transport import Tell
from racktwin.device_credentials import Credentials
from racktwin.outbox import Pack
from racktwin.senml import CONTENT_TYPE

IDLE_S: Final = 20


class AmqpTransport(MessagingHandler):  # type: ignore[misc]
    """One connection, one sender."""

    hangs_up = False

    def __init__(self, credentials: Credentials, tell: Tell, *, address: str, tls: bool, ca_file: str = "") -> None:
        super().__init__(auto_settle=True)
        self._credentials, self._tell = credentials, tell
        self._address, self._tls, self._ca_file = address, tls, ca_file
        self._keys = itertools.count(1)
        self._injector = EventInjector()
        self._container: Container | None = None
        self._sender: Any = None
        self._connection: Any = None
        # Waiting for the adapter's credit.
        self._queue: list[tuple[int, Pack]] = []
        self._deliveries: dict[Any, int] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="uplink-amqp", daemon=True)

    def open(self) -> None:
        """Start the container's thread."""
        self._thread.start()

    def send(self, pack: Pack) -> int:
        """Hand it to the container's thread."""
        key = next(self._keys)
        self._injector.trigger(ApplicationEvent("outgoing", subject=(key, pack)))
        return key

    def close(self) -> None:
        """Disconnect and end the thread."""
        self._closed = True
        self._injector.trigger(ApplicationEvent("quit"))
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    # --- proton's thread ---

    def _run(self) -> None:
        try:
            self._container = Container(self)
            self._container.selectable(self._injector)
            self._container.run()
        except Exception as error:
            self._say("lost", f"AMQP adapter {self._address}: {error}")

    def on_start(self, event: Any) -> None:
        """Connect, without reconnecting: that is the pump's."""
        options: dict[str, Any] = {}
        if self._tls:
            domain = SSLDomain(SSLDomain.MODE_CLIENT)
            # The first heeds SSL_CERT_FILE, as everything else of ours does.
            default = ssl.get_default_verify_paths()
            domain.set_trusted_ca_db(self._ca_file or default.cafile or default.openssl_cafile)
            domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
            options["ssl_domain"] = domain
        self._connection = event.container.connect(
            f"{'amqps' if self._tls else 'amqp'}://{self._address}",
            user=self._credentials.username or None,
            password=self._credentials.password or None,
            allowed_mechs="PLAIN" if self._credentials.username else "ANONYMOUS",
            # Plain text on loopback or behind a tunnel is the user's own choice, by amqpTls: false.
            allow_insecure_mechs=not self._tls,
            sasl_enabled=True,
            reconnect=False,
            heartbeat=IDLE_S,
            **options,
        )
        self._sender = event.container.create_sender(self._connection, None)

    def on_link_opened(self, event: Any) -> None:
        """Ready to send."""
        if event.link == self._sender:
            self._say("connected", f"amqp {self._address}")

    def on_outgoing(self, event: Any) -> None:
        """A message from the pump."""
        self._queue.append(event.subject)
        self._flush()

    def on_sendable(self, event: Any) -> None:
        """The adapter gave credit."""
        self._flush()

    def on_quit(self, event: Any) -> None:
        """The pump hangs up."""
        if self._connection is not None:
            self._connection.close()
        if self._container is not None:
            self._container.stop()

    def on_accepted(self, event: Any) -> None:
        """Hono has it."""
        self._settled("acked", event.delivery)

    def on_rejected(self, event: Any) -> None:
        """It is unacceptable."""
        self._settled("refused", event.delivery)

    def on_released(self, event: Any) -> None:
        """Not now (also: modified)."""
        self._settled("again", event.delivery)

    def on_transport_error(self, event: Any) -> None:
        """The connection broke, or was refused."""
        condition = event.transport.condition
        text = f"{condition.name}: {condition.description}" if condition else "connection lost"
        if condition and condition.name == "amqp:unauthorized-access":
            self._say("denied", f"the AMQP adapter refused {self._credentials.username}; check the gateway's Secret")
        else:
            self._say("lost", f"AMQP adapter {self._address}: {text}")

    def on_connection_error(self, event: Any) -> None:
        """The adapter closed the connection."""
        self._say("lost", f"AMQP adapter {self._address}: {event.connection.remote_condition}")

    def on_link_error(self, event: Any) -> None:
        """The adapter closed the link."""
        self._say("lost", f"AMQP adapter {self._address}: {event.link.remote_condition}")

    def on_disconnected(self, event: Any) -> None:
        """The socket is gone."""
        self._say("lost", f"AMQP adapter {self._address}: disconnected")

    def _flush(self) -> None:
        while self._queue and self._sender is not None and self._sender.credit > 0:
            key, pack = self._queue.pop(0)
            message = Message(
                address=f"telemetry/{self._credentials.tenant}/{pack.device}",
                body=pack.payload,
                content_type=CONTENT_TYPE,
                inferred=True,
            )
            self._deliveries[self._sender.send(message)] = key

    def _settled(self, what: str, delivery: Any) -> None:
        key = self._deliveries.pop(delivery, None)
        if key is not None:
            self._say(what, key)

    def _say(self, what: str, detail: object) -> None:
        if not self._closed:
            self._tell(what, detail)  # type: ignore[arg-type]
