"""What a Kafka-messaging Hono 2.7 writes for what a device does, header by header. Facts noted from a real one.

``headers`` are all headers of the record but ``creation-time``, which every record has. ``{tenant}``, ``{device}`` and
``{gateway}`` stand for the ids of a run. ``in_1_0`` is what differs behind an AMQP-messaging Hono 1.0, because it does
not say: that is the whole list of what a reader has to get along with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OCTETS = "application/octet-stream"
EMPTY = "application/vnd.eclipse-hono-empty-notification"
FAILURE = "application/vnd.eclipse-hono-delivery-failure-notification+json"


@dataclass(frozen=True)
class Sent:
    """What a device (``who``) publishes; an MQTT topic, or an HTTP path with method and headers."""

    name: str
    where: str
    headers: dict[str, str]
    who: str = "device"
    payload: str = '{{"t": 1}}'
    qos: int = 1
    retain: bool = False
    method: str | None = None
    request: dict[str, str] = field(default_factory=dict)
    in_1_0: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``telemetry`` or ``event``."""
        return "event" if self.where.strip("/").startswith("e") else "telemetry"


def _mqtt(name: str, topic: str, more: dict[str, str] | None = None, **how: object) -> Sent:
    told = {"content-type": OCTETS, "orig_adapter": "hono-mqtt", "orig_address": topic, "qos": "1"}
    return Sent(name, topic, {**told, "device_id": "{device}", **(more or {})}, **how)  # type: ignore[arg-type]


def _http(name: str, path: str, more: dict[str, str] | None = None, method: str = "POST", **how: object) -> Sent:
    qos = "1" if path.startswith("/event") else "0"
    told = {"content-type": "application/json", "orig_adapter": "hono-http", "orig_address": path, "qos": qos}
    request = {"content-type": "application/json", **how.pop("request", {})}  # type: ignore[dict-item]
    return Sent(name, path, {**told, "device_id": "{device}", **(more or {})}, method=method, request=request, **how)  # type: ignore[arg-type]


_CHILD = {"device_id": "{child}", "unit": "kPa"}

PUBLISHED = (
    _mqtt("telemetry", "telemetry"),
    _mqtt("short telemetry", "t"),
    _mqtt("telemetry with its own ids", "telemetry/{tenant}/{device}"),
    _mqtt("event", "event"),
    _mqtt("short event", "e"),
    _mqtt("telemetry at most once", "telemetry", {"qos": "0"}, qos=0, in_1_0={"qos": "1"}),
    _mqtt("content type in the topic", "telemetry/?content-type=text%2Fplain", {"content-type": "text/plain"}),
    _mqtt(
        "other properties in the topic are dropped",
        "telemetry/?content-type=application%2Fsenml%2Bjson&foo=b%20ar&num=5",
        {"content-type": "application/senml+json"},
    ),
    _mqtt("event with a time to live", "event/?hono-ttl=12", {"ttl": "12000"}),
    _mqtt(
        "event with a time to live and a content type",
        "event/?hono-ttl=12&content-type=application%2Fx",
        {"ttl": "12000", "content-type": "application/x"},
    ),
    _mqtt("retained telemetry", "telemetry", {"x-opt-retain": "true"}, retain=True),
    _mqtt("a gateway's own", "telemetry", {"device_id": "{gateway}"}, who="gateway"),
    _mqtt("a gateway for a device", "telemetry/{tenant}/{child}", _CHILD, who="gateway"),
    _mqtt("a gateway's event for a device", "e/{tenant}/{child}/?hono-ttl=9", {**_CHILD, "ttl": "9000"}, who="gateway"),
    _http("http telemetry", "/telemetry"),
    _http("http telemetry at least once", "/telemetry", {"qos": "1"}, request={"qos-level": "1"}, in_1_0={"qos": "0"}),
    _http("http telemetry with its own ids", "/telemetry/{tenant}/{device}", method="PUT"),
    _http("http event", "/event"),
    _http(
        "http event with a time to live", "/event/{tenant}/{device}", {"ttl": "7000"}, "PUT", request={"hono-ttl": "7"}
    ),
    _http("http headers of one's own are dropped", "/telemetry", request={"x-mine": "1"}),
    _http("http telemetry of a device that listens", "/telemetry?hono-ttd=1", {"ttd": "1"}),
    _http("http telemetry of a gateway for a device", "/telemetry/{tenant}/{child}", _CHILD, "PUT", who="gateway"),
)

# Topics that Hono 1.0 does not know: it disconnects who publishes there.
ONLY_IN_2 = (
    _mqtt("telemetry with its own device id", "telemetry//{device}"),
    _mqtt("a gateway for a device, short", "telemetry//{child}", _CHILD, who="gateway"),
)

# A device subscribed to its commands, and left: written by the adapter, with its instance as the origin in 2.7.
LISTENS = {"content-type": EMPTY, "orig_adapter": "hono-mqtt", "qos": "1", "device_id": "{device}", "ttd": "-1"}
LEFT = {**LISTENS, "ttd": "0"}

# The answer of a device to a command.
RESPONSE = {"tenant_id": "{tenant}", "content-type": OCTETS, "device_id": "{device}"}
# What the sender is told of a command without a subject.
MALFORMED = {"tenant_id": "{tenant}", "content-type": FAILURE, "device_id": "{device}", "status": "400"}
