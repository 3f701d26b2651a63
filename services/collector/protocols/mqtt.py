"""MQTT: any topic with JSON or a bare number in it, and Sparkplug B. Listens; a broker that is away is tried again.

A topic filter's wildcards are the device's name (several are joined by ``/``), or a field of the message is. Sparkplug
devices are called ``<group>/<node>/<device>``, or ``<group>/<node>`` where a node measures itself.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from collector import maps, paths, secrets
from collector.config import Common
from collector.mapped import JsonPoint, MappedDevice, Table
from collector.model import ConfigError, Emit, Plugin, Reading, SourceError, Surroundings
from collector.points import Binding
from collector.secrets import Secret
from collector.sparkplug import Nodes, rebirth

KEEPALIVE_S: Final = 20


class Topic(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Messages of one shape. ``device``: path of the field that names the device, instead of the wildcards."""

    filter: str
    points: list[JsonPoint] = []
    map: str = ""
    device: str = ""
    time: str = ""


class MqttOptions(Common, kw_only=True):
    """One broker. ``sparkplug``: points of Sparkplug metrics, by their names as paths."""

    host: str
    port: int = 1883
    client_id: str = ""
    user: str = ""
    password: Secret | None = None
    tls: bool = False
    ca_file: str = ""
    devices: list[MappedDevice]
    topics: list[Topic] = []
    sparkplug: list[JsonPoint] = []
    sparkplug_groups: list[str] = []
    """Groups to listen to; all when left out."""
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.topics and not self.sparkplug:
            raise ValueError("expected topics or sparkplug")


def wildcards(filter_: str, topic: str) -> str:
    """What the wildcards of a filter stand for in a topic, joined by ``/``."""
    parts, names = filter_.split("/"), topic.split("/")
    found = []
    for at, part in enumerate(parts):
        if part == "#":
            found += names[at:]
        elif part == "+":
            found.append(names[at])
    return "/".join(found)


class MqttSource:
    """One connection to a broker."""

    def __init__(self, options: MqttOptions, surroundings: Surroundings) -> None:
        self.name = options.name
        self._options, self._clock = options, surroundings.clock

        def table(points: Sequence[JsonPoint], time: str) -> Table:
            return Table(points, options.devices, site=surroundings.site, time_path=time, clock=surroundings.clock)

        self._tables = []
        for topic in options.topics:
            points = list(topic.points)
            if topic.map:
                points += maps.load("mqtt", topic.map, JsonPoint, options.folder).points
            if topic.device:
                paths.parse(topic.device)
            if not points:
                raise ConfigError(f"topic {topic.filter}: expected points")
            self._tables.append((topic, table(points, topic.time)))
        self._sparkplug = table(options.sparkplug, "") if options.sparkplug else None
        self._nodes = Nodes()
        self.bindings: list[Binding[Any]] = [binding for _, each in self._tables for binding in each.bindings]
        if self._sparkplug is not None:
            self.bindings += self._sparkplug.bindings

    async def listen(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[tuple[str, bytes] | str] = asyncio.Queue(maxsize=10_000)

        def tell(event: tuple[str, bytes] | str) -> None:
            def put() -> None:
                # A flood beyond what we can take is the broker's loss, not our memory's.
                if not events.full():
                    events.put_nowait(event)

            loop.call_soon_threadsafe(put)

        client = self._client(tell)
        try:
            await asyncio.to_thread(client.connect, self._options.host, self._options.port, KEEPALIVE_S)
            client.loop_start()
            while True:
                event = await events.get()
                if isinstance(event, str):
                    raise SourceError(f"{self._options.host}:{self._options.port}: {event}")
                readings = self._readings(client, *event)
                if readings:
                    emit(readings)
        finally:
            client.on_disconnect = None
            client.disconnect()
            client.loop_stop()

    async def close(self) -> None:
        """Nothing is held between two `listen`."""

    def _client(self, tell: Any) -> Client:
        options = self._options
        client = Client(CallbackAPIVersion.VERSION2, client_id=options.client_id, reconnect_on_failure=False)
        client.connect_timeout = options.timeout_s
        if options.user:
            client.username_pw_set(options.user, secrets.read(options.password))
        if options.tls:
            client.tls_set_context(ssl.create_default_context(cafile=options.ca_file or None))
        filters = [topic.filter for topic, _ in self._tables]
        if self._sparkplug is not None:
            filters += [f"spBv1.0/{group}/#" for group in options.sparkplug_groups or ["+"]]

        def connected(one: Client, _user: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
            if reason.is_failure:
                tell(f"the broker refused the connection: {reason}")
            else:
                one.subscribe([(each, 1) for each in filters])

        def subscribed(_one: Client, _user: Any, _mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
            refused = [name for name, reason in zip(filters, reasons, strict=False) if reason.is_failure]
            if refused:
                tell(f"the broker refused the subscription to {', '.join(refused)}")

        def message(_one: Client, _user: Any, received: MQTTMessage) -> None:
            tell((received.topic, bytes(received.payload)))

        client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, message
        client.on_disconnect = lambda _c, _u, _f, reason, _p: tell(f"connection lost: {reason}")
        return client

    def _readings(self, client: Client, topic: str, payload: bytes) -> list[Reading]:
        if topic.startswith("spBv1.0/"):
            return self._of_sparkplug(client, topic, payload)
        found: list[Reading] = []
        for entry, table in self._tables:
            if not topic_matches_sub(entry.filter, topic):
                continue
            document = _document(payload)
            device = wildcards(entry.filter, topic)
            if entry.device:
                device = str(paths.pick(document, entry.device))
            elif not table.knows(device):
                # One device that no topic names.
                device = "" if table.knows("") else device
            found += table.readings(device, document)
        return found

    def _of_sparkplug(self, client: Client, topic: str, payload: bytes) -> list[Reading]:
        if self._sparkplug is None:
            return []
        update = self._nodes.take(topic, payload, self._clock())
        if update is None:
            return []
        if update.unknown:
            # It was born before we came: only it can say what its aliases stand for.
            client.publish(f"spBv1.0/{update.group}/NCMD/{update.node}", rebirth(self._clock()), qos=0)
        return self._sparkplug.named(update.device, update.values)


def _document(payload: bytes) -> Any:
    """JSON, else the text itself as ``{"value": …}``; a bare number likewise."""
    try:
        document = json.loads(payload)
    except ValueError:
        return {"value": payload.decode("utf-8", "replace").strip()}
    return document if isinstance(document, dict | list) else {"value": document}


PLUGIN = Plugin(MqttOptions, MqttSource, shared=True, default_port=1883)
