"""Hono's MQTT adapter: QoS 1 on ``telemetry/<tenant>/<device>``, many under way at once."""

from __future__ import annotations

import ssl
from typing import Any, Final

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from collector.uplink.transport import Tell
from racktwin.device_credentials import Credentials
from racktwin.outbox import Pack
from racktwin.senml import CONTENT_TYPE

KEEPALIVE_S: Final = 15
CONNECT_TIMEOUT_S: Final = 10.0
_DENIED: Final = ("Bad user name or password", "Not authorized")
_BAG: Final = "/?content-type=" + CONTENT_TYPE.replace("/", "%2F").replace("+", "%2B")


class MqttTransport:
    """One connection; the library's thread only passes on what happens."""

    hangs_up = True

    def __init__(self, credentials: Credentials, tell: Tell, *, ca_file: str = "") -> None:
        self._credentials, self._tell = credentials, tell
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=credentials.device_id, protocol=MQTTv311, reconnect_on_failure=False
        )
        client.username_pw_set(credentials.username, credentials.password)
        client.connect_timeout = CONNECT_TIMEOUT_S
        # The window is the outbox's; the library must hold nothing back.
        client.max_inflight_messages_set(65535)
        if credentials.tls:
            client.tls_set_context(ssl.create_default_context(cafile=ca_file or None, cadata=credentials.authority))
        client.on_connect = self._connected
        client.on_publish = lambda _c, _u, mid, _r, _p: tell("acked", mid)
        client.on_disconnect = lambda _c, _u, _f, reason, _p: tell("lost", f"connection lost: {reason}")
        self._client = client

    def open(self) -> None:
        """Connect; raises OSError."""
        where = f"{self._credentials.host}:{self._credentials.port}"
        try:
            self._client.connect(self._credentials.host, self._credentials.port, keepalive=KEEPALIVE_S)
        except OSError as error:
            raise OSError(f"MQTT adapter {where}: {error}") from error
        self._client.loop_start()

    def send(self, pack: Pack) -> int:
        """Publish; the key is the packet's id."""
        own = pack.device == self._credentials.device_id
        topic = f"telemetry{_BAG}" if own else f"telemetry/{self._credentials.tenant}/{pack.device}{_BAG}"
        return self._client.publish(topic, pack.payload, qos=1).mid

    def close(self) -> None:
        """Disconnect."""
        self._client.on_disconnect = None
        self._client.on_publish = None
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, _client: Client, _user: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if not reason.is_failure:
            self._tell("connected", f"mqtt {self._credentials.host}:{self._credentials.port}")
        elif reason.getName() in _DENIED:
            self._tell(
                "denied",
                f"the MQTT adapter refused {self._credentials.username}: {reason}; check the gateway's Secret against "
                "Hono's registry",
            )
        else:
            self._tell("lost", f"the MQTT adapter refused the connection: {reason}")
