"""In-memory Ditto, Hono registry, Kubernetes API and Kafka admin, as the operator's clients see them.

Each counts its writes; all share a `Fuse` that fails or kills at a chosen write, so that tests can
cut a reconcile short at every step.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import Resource
from rack_operator.desired.connections import Broker
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.devices import DeviceEndpoints
from rack_operator.desired.ownership import OwnerKind
from rack_operator.reconcile.budget import EventBudget
from rack_operator.reconcile.snapshot import Snapshot
from rack_operator.reconcile.store import Store
from rack_operator.reconcile.surroundings import Surroundings
from racktwin.merge_patch import merge as merge_patch

JsonObject = dict[str, Any]


KIND_OF: dict[str, OwnerKind] = {
    "sites": "Site",
    "racks": "Rack",
    "coolingunits": "CoolingUnit",
    "scenarios": "Scenario",
    "twinmodels": "TwinModel",
}


class KilledError(BaseException):
    """Stands for kill -9: nothing in the operator may catch it."""


@dataclass
class Fuse:
    """Counts writes; `kill_at` ends the process at that write, before or after it took effect."""

    writes: int = 0
    kill_at: int | None = None
    after: bool = False
    down: dict[str, int] = field(default_factory=dict)
    """Dependency -> status with which it fails (0: unreachable)."""

    def check(self, dependency: str, what: str) -> None:
        if dependency in self.down:
            raise DependencyError(dependency, what, self.down[dependency], "made to fail")

    def write(self, dependency: str, what: str) -> None:
        self.check(dependency, what)
        if self.kill_at == self.writes and not self.after:
            raise KilledError
        self.writes += 1

    def written(self) -> None:
        if self.after and self.kill_at is not None and self.writes == self.kill_at + 1:
            raise KilledError


class FakeDitto:
    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.policies: dict[str, JsonObject] = {}
        self.things: dict[str, JsonObject] = {}
        self.connections: dict[str, JsonObject] = {}
        self.bulk: set[str] = set()
        self.reads = 0

    def _get(self, shelf: dict[str, JsonObject], key: str) -> JsonObject | None:
        self.fuse.check("Ditto", f"GET {key}")
        self.reads += 1
        return copy.deepcopy(shelf.get(key))

    def _put(self, shelf: dict[str, JsonObject], key: str, value: JsonObject) -> None:
        self.fuse.write("Ditto", f"PUT {key}")
        shelf[key] = copy.deepcopy(value)
        self.fuse.written()

    def _delete(self, shelf: dict[str, JsonObject], key: str) -> bool:
        self.fuse.write("Ditto", f"DELETE {key}")
        found = shelf.pop(key, None) is not None
        self.fuse.written()
        return found

    async def get_policy(self, policy_id: str) -> JsonObject | None:
        return self._get(self.policies, policy_id)

    async def create_policy(self, policy: JsonObject) -> bool:
        if policy["policyId"] in self.policies:
            return False
        await self.put_policy(policy)
        return True

    async def put_policy(self, policy: JsonObject) -> None:
        for imported in policy["imports"]:
            if imported not in self.policies:
                raise DependencyError("Ditto", "PUT policy", 404, f"policy {imported} not found")
        self._put(self.policies, policy["policyId"], policy)

    async def delete_policy(self, policy_id: str) -> bool:
        return self._delete(self.policies, policy_id)

    async def get_thing(self, thing_id: str) -> JsonObject | None:
        return self._get(self.things, thing_id)

    async def create_thing(self, thing: JsonObject) -> bool:
        self.fuse.check("Ditto", "PUT thing")
        if thing["thingId"] in self.things:
            return False
        if thing["policyId"] not in self.policies:
            raise DependencyError("Ditto", "PUT thing", 404, "policy not found")
        self._put(self.things, thing["thingId"], thing)
        return True

    async def merge_thing(self, thing_id: str, patch: JsonObject) -> None:
        self._put(self.things, thing_id, merge_patch(self.things[thing_id], patch))

    async def delete_thing(self, thing_id: str) -> bool:
        return self._delete(self.things, thing_id)

    async def get_connection(self, connection_id: str) -> JsonObject | None:
        return self._get(self.connections, connection_id)

    async def put_connection(self, connection: JsonObject) -> None:
        self._put(self.connections, connection["id"], connection)

    async def connection_status(self, connection_id: str) -> JsonObject | None:
        return {"liveStatus": "open"} if connection_id in self.connections else None

    async def delete_connection(self, connection_id: str) -> bool:
        return self._delete(self.connections, connection_id)

    async def raw_search(self, namespace: str, rql: str, fields: str) -> AsyncIterator[bytes]:
        self.fuse.check("Ditto", "GET search")
        for thing_id, thing in sorted(self.things.items()):
            if thing_id.startswith(f"{namespace}:"):
                yield msgspec.json.encode(thing)

    async def open_bulk(self, site: str) -> None:
        self.bulk.add(site)

    def shut_bulk(self, site: str) -> None:
        self.bulk.discard(site)


class FakeHono:
    """Behaves as 1.0.3 (returns hashes), or as 2.x (hides them) with `hides`."""

    def __init__(self, fuse: Fuse, *, hides: bool = False) -> None:
        self.fuse = fuse
        self.hides = hides
        self.tenants: dict[str, JsonObject] = {}
        self.devices: dict[tuple[str, str], JsonObject] = {}
        self.credentials: dict[tuple[str, str], list[JsonObject]] = {}
        self._ids = itertools.count()

    async def get_tenant(self, tenant: str) -> JsonObject | None:
        self.fuse.check("HonoRegistry", "GET tenant")
        return copy.deepcopy(self.tenants.get(tenant))

    async def create_tenant(self, tenant: str, body: JsonObject) -> bool:
        if tenant in self.tenants:
            return False
        await self.put_tenant(tenant, body)
        return True

    async def put_tenant(self, tenant: str, body: JsonObject) -> None:
        self.fuse.write("HonoRegistry", "PUT tenant")
        self.tenants[tenant] = copy.deepcopy(body)
        self.fuse.written()

    async def delete_tenant(self, tenant: str) -> bool:
        self.fuse.write("HonoRegistry", "DELETE tenant")
        found = self.tenants.pop(tenant, None) is not None
        self.fuse.written()
        return found

    async def get_device(self, tenant: str, device: str) -> JsonObject | None:
        self.fuse.check("HonoRegistry", "GET device")
        return copy.deepcopy(self.devices.get((tenant, device)))

    async def create_device(self, tenant: str, device: str, body: JsonObject) -> bool:
        self.fuse.check("HonoRegistry", "POST device")
        if (tenant, device) in self.devices:
            return False
        await self.put_device(tenant, device, body)
        return True

    async def put_device(self, tenant: str, device: str, body: JsonObject) -> None:
        self.fuse.write("HonoRegistry", "PUT device")
        self.devices[tenant, device] = copy.deepcopy(body)
        self.fuse.written()

    async def delete_device(self, tenant: str, device: str) -> bool:
        self.fuse.write("HonoRegistry", "DELETE device")
        found = self.devices.pop((tenant, device), None) is not None
        self.credentials.pop((tenant, device), None)
        self.fuse.written()
        return found

    async def get_credentials(self, tenant: str, device: str) -> list[JsonObject] | None:
        self.fuse.check("HonoRegistry", "GET credentials")
        return copy.deepcopy(self.credentials.get((tenant, device), [] if (tenant, device) in self.devices else None))

    async def put_credentials(self, tenant: str, device: str, body: list[JsonObject]) -> bool:
        self.fuse.check("HonoRegistry", "PUT credentials")
        if (tenant, device) not in self.devices:
            return False
        self.fuse.write("HonoRegistry", "PUT credentials")
        held = copy.deepcopy(body)
        if self.hides:
            for entry in held:
                entry["secrets"] = [
                    {
                        "id": str(next(self._ids)),
                        **{part: secret[part] for part in ("comment", "not-after") if part in secret},
                    }
                    for secret in entry["secrets"]
                ]
        self.credentials[tenant, device] = held
        self.fuse.written()
        return True


class FakeKube:
    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.objects: dict[tuple[str, str, str], JsonObject] = {}
        self.events: list[JsonObject] = []
        self._versions = itertools.count(1)

    def put(self, plural: str, body: JsonObject) -> JsonObject:
        metadata = body["metadata"]
        metadata["resourceVersion"] = str(next(self._versions))
        metadata.setdefault("uid", f"uid-{metadata['name']}")
        metadata.setdefault("generation", 1)
        self.objects[plural, metadata["namespace"], metadata["name"]] = copy.deepcopy(body)
        return body

    def names(self, plural: str) -> set[str]:
        return {name for kind, _, name in self.objects if kind == plural}

    async def get(self, resource: Resource, namespace: str, name: str) -> JsonObject | None:
        self.fuse.check("Kubernetes", "GET")
        return copy.deepcopy(self.objects.get((resource.plural, namespace, name)))

    async def raw_items(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> AsyncIterator[bytes]:
        self.fuse.check("Kubernetes", "GET list")
        key, _, value = (labels or "").partition("=")
        for (plural, space, _), body in list(self.objects.items()):
            if plural != resource.plural or namespace not in (None, space):
                continue
            if labels is None or (body["metadata"].get("labels") or {}).get(key) == value:
                yield msgspec.json.encode(body)

    async def items(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> AsyncIterator[JsonObject]:
        async for item in self.raw_items(resource, namespace, labels=labels):
            yield msgspec.json.decode(item)

    async def create(self, resource: Resource, body: JsonObject) -> bool:
        if resource.plural == "events":
            self.events.append(body)
            return True
        self.fuse.check("Kubernetes", "POST")
        if (resource.plural, body["metadata"]["namespace"], body["metadata"]["name"]) in self.objects:
            return False
        self.fuse.write("Kubernetes", f"POST {resource.plural}")
        self.put(resource.plural, copy.deepcopy(body))
        self.fuse.written()
        return True

    async def merge(
        self, resource: Resource, namespace: str, name: str, patch: JsonObject, *, subresource: str | None = None
    ) -> JsonObject | None:
        self.fuse.check("Kubernetes", f"PATCH {resource.plural}")
        key = (resource.plural, namespace, name)
        if key not in self.objects:
            return None
        asked = (patch.get("metadata") or {}).get("resourceVersion")
        if asked is not None and asked != self.objects[key]["metadata"]["resourceVersion"]:
            raise DependencyError("Kubernetes", "PATCH", 409, "the object has been modified")
        self.fuse.write("Kubernetes", f"PATCH {resource.plural} {subresource or ''}")
        merged = merge_patch(self.objects[key], patch)
        merged["metadata"]["resourceVersion"] = str(next(self._versions))
        if merged["metadata"].get("deletionTimestamp") and not merged["metadata"].get("finalizers"):
            del self.objects[key]
        else:
            self.objects[key] = merged
        self.fuse.written()
        return copy.deepcopy(merged)

    async def replace_status(self, resource: Resource, body: JsonObject) -> JsonObject | None:
        self.fuse.check("Kubernetes", f"PUT {resource.plural} status")
        key = (resource.plural, body["metadata"]["namespace"], body["metadata"]["name"])
        held = self.objects.get(key)
        if held is None or held["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            return None
        self.fuse.write("Kubernetes", f"PUT {resource.plural} status")
        self.objects[key] = {**held, "status": copy.deepcopy(body["status"])}
        self.objects[key]["metadata"] = {**held["metadata"], "resourceVersion": str(next(self._versions))}
        self.fuse.written()
        return copy.deepcopy(self.objects[key]["metadata"])

    async def delete(self, resource: Resource, namespace: str, name: str) -> bool:
        self.fuse.write("Kubernetes", f"DELETE {resource.plural}")
        found = self.objects.pop((resource.plural, namespace, name), None) is not None
        self.fuse.written()
        return found


class FakeTopics:
    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.topics: dict[str, Any] = {}
        self.lags: dict[tuple[str, str], int] = {}

    async def lag(self, topic: str, group: str) -> int | None:
        self.fuse.check("Kafka", "lag")
        return self.lags.get((topic, group))

    async def ensure(self, wanted: list[Any]) -> list[str]:
        self.fuse.check("Kafka", "topics")
        missing = [topic for topic in wanted if topic.name not in self.topics]
        for topic in missing:
            self.fuse.write("Kafka", "create topic")
            self.topics[topic.name] = topic
            self.fuse.written()
        return [topic.name for topic in missing]

    async def delete(self, names: list[str]) -> None:
        for name in names:
            if name in self.topics:
                self.fuse.write("Kafka", "delete topic")
                del self.topics[name]
                self.fuse.written()


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

    def edit(self, plural: str, namespace: str, name: str, spec: JsonObject) -> None:
        """What `kubectl apply` of a changed spec does."""
        body = self.kube.objects[plural, namespace, name]
        body["spec"].update(spec)
        body["metadata"]["generation"] += 1
        self.kube.put(plural, body)
