"""In-memory Kubernetes API and Kafka admin, as the operator's clients see them. Each counts its writes."""

from __future__ import annotations

import copy
import itertools
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from tests.unit.rack_operator.fuse import Fuse

from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import Resource
from racktwin.merge_patch import merge as merge_patch

JsonObject = dict[str, Any]


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
