"""The Kubernetes API, raw JSON: what the operator reads and writes beside kopf's watch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from rack_operator.api import GROUP, VERSION
from rack_operator.clients.http import DependencyError, HttpDependency

JsonObject = dict[str, Any]
_PAGE = 500
_MERGE = {"content-type": "application/merge-patch+json"}


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, by its API path."""

    prefix: str
    plural: str

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Path of the collection, or of one object or its subresource."""
        parts = [self.prefix]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return "/".join(parts)


RACKS = Resource(f"/apis/{GROUP}/{VERSION}", "racks")
SITES = Resource(f"/apis/{GROUP}/{VERSION}", "sites")
SECRETS = Resource("/api/v1", "secrets")
CONFIG_MAPS = Resource("/api/v1", "configmaps")
EVENTS = Resource("/api/v1", "events")
DEPLOYMENTS = Resource("/apis/apps/v1", "deployments")


class KubeClient:
    """Single calls, each raising `DependencyError` for what it does not expect."""

    def __init__(self, http: HttpDependency) -> None:
        self._http = http

    async def get(self, resource: Resource, namespace: str, name: str) -> JsonObject | None:
        """The object, or None."""
        answer = await self._http.call("GET", resource.path(namespace, name), expect={200, 404})
        return None if answer.status == 404 else answer.body

    async def items(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> AsyncIterator[JsonObject]:
        """Every object of the namespace (None: of all), in pages.

        A page token that ran out (410) starts the list again; an object may then come twice.
        """
        token: str | None = None
        while True:
            params = {"limit": str(_PAGE)}
            if labels is not None:
                params["labelSelector"] = labels
            if token is not None:
                params["continue"] = token
            answer = await self._http.call("GET", resource.path(namespace), params=params, expect={200, 410})
            if answer.status == 410:
                token = None
                continue
            for item in answer.body["items"]:
                yield item
            token = answer.body["metadata"].get("continue") or None
            if token is None:
                return

    async def create(self, resource: Resource, body: JsonObject) -> bool:
        """Creates the object; False when there is one of its name already."""
        path = resource.path(body["metadata"]["namespace"])
        answer = await self._http.call("POST", path, json=body, expect={201, 409})
        return answer.status == 201

    async def merge(
        self, resource: Resource, namespace: str, name: str, patch: JsonObject, *, subresource: str | None = None
    ) -> JsonObject | None:
        """Merges `patch` into the object and returns it; None when it is gone.

        Raises `DependencyError` 409 when the patch names a resourceVersion that is no longer current.
        """
        path = resource.path(namespace, name, subresource)
        answer = await self._http.call("PATCH", path, json=patch, headers=_MERGE, expect={200, 404})
        return None if answer.status == 404 else answer.body

    async def delete(self, resource: Resource, namespace: str, name: str) -> bool:
        """Deletes the object, its dependents in the background; False when there was none."""
        body = {"propagationPolicy": "Background"}
        answer = await self._http.call("DELETE", resource.path(namespace, name), json=body, expect={200, 202, 404})
        return answer.status != 404


__all__ = [
    "CONFIG_MAPS", "DEPLOYMENTS", "EVENTS", "RACKS", "SECRETS", "SITES",
    "DependencyError", "KubeClient", "Resource",
]  # fmt: skip
