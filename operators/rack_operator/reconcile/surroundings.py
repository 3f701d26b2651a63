"""What reconcilers are given: clients, pod and device settings, a clock, a source of randomness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rack_operator.clients.ditto_router import DittoRouter
from rack_operator.clients.hono import HonoRegistry
from rack_operator.clients.kafka_topics import KafkaTopics
from rack_operator.clients.kube import KubeClient
from rack_operator.desired.connections import Broker
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.devices import DeviceEndpoints
from rack_operator.desired.rotation import rfc3339
from rack_operator.reconcile.budget import EventBudget
from rack_operator.reconcile.snapshot import Snapshot


@dataclass(frozen=True)
class Surroundings:
    """Everything outside that a reconcile touches.

    `things` and `secrets` hold what the last sweep read. `clock` gives the time in epoch milliseconds;
    `random_bytes` gives that many unguessable bytes; `move_s` is how long a server that its rack no longer has may
    wait for another rack to ask for it.
    """

    kube: KubeClient
    ditto: DittoRouter
    hono: HonoRegistry
    topics: KafkaTopics
    endpoints: DeviceEndpoints
    broker: Broker
    pods: PodSettings
    definitions_url: str
    things: Snapshot
    secrets: Snapshot
    events: EventBudget
    rotation_grace_s: float
    clock: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    move_s: float = 0.0

    def now(self) -> str:
        """The time in RFC 3339, to the second, as conditions carry it."""
        return rfc3339(self.clock())
