"""What reconcilers are given: clients, pod and device settings, a clock, a source of randomness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rack_operator.clients.ditto import DittoClient
from rack_operator.clients.hono import HonoRegistry
from rack_operator.clients.kafka_topics import KafkaTopics
from rack_operator.clients.kube import KubeClient
from rack_operator.desired.connections import Broker
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.devices import DeviceEndpoints


@dataclass(frozen=True)
class Surroundings:
    """Everything outside that a reconcile touches.

    `clock` gives the time in epoch milliseconds; `random_bytes` gives that many unguessable bytes.
    """

    kube: KubeClient
    ditto: DittoClient
    hono: HonoRegistry
    topics: KafkaTopics
    endpoints: DeviceEndpoints
    broker: Broker
    pods: PodSettings
    definitions_url: str
    clock: Callable[[], int]
    random_bytes: Callable[[int], bytes]

    def now(self) -> str:
        """The time in RFC 3339, to the second, as conditions carry it."""
        return datetime.fromtimestamp(self.clock() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
