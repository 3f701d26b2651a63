"""In-memory Ditto, Hono registry, Kubernetes API and Kafka admin together, sharing one `Fuse`."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from tests.unit.rack_operator.fake_cluster import FakeKube, FakeTopics
from tests.unit.rack_operator.fake_twins import FakeDitto, FakeHono
from tests.unit.rack_operator.fuse import Fuse

from rack_operator.desired.connections import Broker
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.devices import DeviceEndpoints
from rack_operator.desired.ownership import OwnerKind
from rack_operator.reconcile.budget import EventBudget
from rack_operator.reconcile.snapshot import Snapshot
from rack_operator.reconcile.store import Store
from rack_operator.reconcile.surroundings import Surroundings

KIND_OF: dict[str, OwnerKind] = {
    "sites": "Site",
    "racks": "Rack",
    "coolingunits": "CoolingUnit",
    "scenarios": "Scenario",
    "twinmodels": "TwinModel",
}


class World:
    """All fakes together, with a store that sees what the fake API server holds."""

    def __init__(self, *, hides: bool = False) -> None:
        self.fuse = Fuse()
        self.ditto = FakeDitto(self.fuse)
        self.hono = FakeHono(self.fuse, hides=hides)
        self.kube = FakeKube(self.fuse)
        self.topics = FakeTopics(self.fuse)
        self.now_ms = 1_700_000_000_000
        self.store = Store()
        self._random = itertools.count()
        self.around = Surroundings(
            kube=self.kube,  # type: ignore[arg-type]
            ditto=self.ditto,  # type: ignore[arg-type]
            hono=self.hono,  # type: ignore[arg-type]
            topics=self.topics,  # type: ignore[arg-type]
            endpoints=DeviceEndpoints("mqtt.example", 1883, "http://http.example"),
            broker=Broker("kafka:9092"),
            pods=PodSettings("racktwin/racktwin:1", "kafka:9092"),
            definitions_url="http://models.example",
            things=Snapshot(lambda: self.now_ms / 1000),
            secrets=Snapshot(lambda: self.now_ms / 1000),
            events=EventBudget(lambda: self.now_ms / 1000),
            rotation_grace_s=600,
            clock=lambda: self.now_ms,
            random_bytes=lambda count: bytes([next(self._random) % 256]) * count,
        )

    def annotate(self, plural: str, name: str, notes: dict[str, str], namespace: str = "lab") -> None:
        """What `kubectl annotate` does."""
        body = self.kube.objects[plural, namespace, name]
        body["metadata"].setdefault("annotations", {}).update(notes)
        self.kube.put(plural, body)

    def watch(self) -> None:
        """Brings the store up to date, as watch and sweep do; a restarted operator begins with this alone."""
        self.store = Store()
        for (plural, _, _), body in self.kube.objects.items():
            if plural in KIND_OF:
                self.store.put(KIND_OF[plural], copy.deepcopy(body))

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """What `kubectl delete` does to an object with a finalizer."""
        body = self.kube.objects[plural, namespace, name]
        if body["metadata"].get("finalizers"):
            body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self.kube.put(plural, body)
        else:
            del self.kube.objects[plural, namespace, name]

    def edit(self, plural: str, namespace: str, name: str, spec: dict[str, Any]) -> None:
        """What `kubectl apply` of a changed spec does."""
        body = self.kube.objects[plural, namespace, name]
        body["spec"].update(spec)
        body["metadata"]["generation"] += 1
        self.kube.put(plural, body)
