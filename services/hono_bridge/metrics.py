"""What the bridge counts, for /metrics."""

from __future__ import annotations

from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

RECEIVED: Final = Counter("racktwin_bridge_messages_received_total", "AMQP messages taken from the broker.", ["what"])
SETTLED: Final = Counter(
    "racktwin_bridge_messages_settled_total",
    "AMQP messages settled, by outcome: accepted (Kafka has it), released (Kafka failed), rejected (not translatable).",
    ["what", "outcome"],
)
IN_FLIGHT: Final = Gauge("racktwin_bridge_messages_in_flight", "AMQP messages that wait for Kafka's acknowledgement.")
BRIDGE_SECONDS: Final = Histogram(
    "racktwin_bridge_seconds",
    "From an AMQP message's arrival to Kafka's acknowledgement (s).",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10),
)
COMMANDS: Final = Counter(
    "racktwin_bridge_commands_total",
    "Commands by outcome: accepted, rejected, released by the broker; dropped here for the reason named.",
    ["outcome"],
)
COMMANDS_OPEN: Final = Gauge("racktwin_bridge_commands_open", "Commands whose outcome is not known yet.")
NOTIFICATIONS: Final = Counter("racktwin_bridge_failure_notifications_total", "Delivery failure notifications made.")
CONNECTS: Final = Counter("racktwin_bridge_amqp_connects_total", "Connections opened to the AMQP broker.")
SITES: Final = Gauge("racktwin_bridge_sites", "Sites that are bridged.")
DISCARDED: Final = Counter(
    "racktwin_bridge_messages_discarded_total",
    "Messages that expired in the broker, by the first part of their address.",
    ["what"],
)


@cache
def received(what: str) -> Counter:
    """The counter of messages of one kind (looked up once: this is the hot path)."""
    return RECEIVED.labels(what)


@cache
def settled(what: str, outcome: str) -> Counter:
    """The counter of one kind and outcome."""
    return SETTLED.labels(what, outcome)
