"""The Kubernetes API, raw JSON: single calls and lists. Watches are in `watch`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import msgspec

from rack_operator.api import GROUP, VERSION
from rack_operator.clients.http import DependencyError, HttpDependency

JsonObject = dict[str, Any]
_PAGE = 500
# A watch is renewed this often, so that one that is dead without a sign does not last.
_WATCH_S = 300
_MERGE = {"content-type": "application/merge-patch+json"}
# Of what was just written, its new version is all that is news: a whole answer would be encoded and parsed for nothing.
_METADATA_BACK = {"accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}


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
COOLING_UNITS = Resource(f"/apis/{GROUP}/{VERSION}", "coolingunits")
SCENARIOS = Resource(f"/apis/{GROUP}/{VERSION}", "scenarios")
TWIN_MODELS = Resource(f"/apis/{GROUP}/{VERSION}", "twinmodels")
JOBS = Resource("/apis/batch/v1", "jobs")
PODS = Resource("/api/v1", "pods")
BUDGETS = Resource("/apis/policy/v1", "poddisruptionbudgets")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")


class _ListMeta(msgspec.Struct, rename={"token": "continue", "version": "resourceVersion"}):
    token: str = ""
    version: str = ""


class Page(msgspec.Struct):
    """One page of a list; its items are left as they came, as few are looked at closely."""

    metadata: _ListMeta
    # Lists of metadata alone are null when they are empty.
    items: list[msgspec.Raw] | None = None


class ExpiredError(Exception):
    """A page token or resource version is too old: list again from the beginning."""


_PAGES = msgspec.json.Decoder(Page)


class KubeClient:
    """Single calls, each raising `DependencyError` for what it does not expect."""

    def __init__(self, http: HttpDependency) -> None:
        self._http = http

    async def get(self, resource: Resource, namespace: str, name: str) -> JsonObject | None:
        """The object, or None."""
        answer = await self._http.call("GET", resource.path(namespace, name), expect={200, 404})
        return None if answer.status == 404 else answer.body

    async def page(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        token: str = "",
        labels: str | None = None,
        accept: str = "application/json",
    ) -> Page:
        """One page of the namespace's (None: of all) objects, after the page whose `token` is given.

        Raises `ExpiredError` for a token that ran out.
        """
        params = {"limit": str(_PAGE)}
        if labels is not None:
            params["labelSelector"] = labels
        if token:
            params["continue"] = token
        headers = {"accept": accept}
        answer = await self._http.call(
            "GET", resource.path(namespace), params=params, headers=headers, expect={200, 410}
        )
        if answer.status == 410:
            raise ExpiredError
        return _PAGES.decode(answer.content)

    async def raw_items(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> AsyncIterator[bytes]:
        """Every object of the namespace (None: of all) as JSON text, page by page.

        A page token that ran out starts the list again; an object may then come twice.
        """
        token = ""
        while True:
            try:
                page = await self.page(resource, namespace, token=token, labels=labels)
            except ExpiredError:
                token = ""
                continue
            for item in page.items or ():
                yield bytes(item)
            token = page.metadata.token
            if not token:
                return

    async def items(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> AsyncIterator[JsonObject]:
        """As `raw_items`, parsed."""
        async for item in self.raw_items(resource, namespace, labels=labels):
            yield msgspec.json.decode(item)

    def watch(
        self, resource: Resource, namespace: str | None, version: str, *, silent_s: float, **options: str
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Chunks of a watch from the resource version on; `options`: labels, accept.

        Raises `DependencyError` (410: the version is too old), also when nothing comes for `silent_s` seconds.
        """
        params = {
            "watch": "1", "allowWatchBookmarks": "true", "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_S),
        }  # fmt: skip
        if "labels" in options:
            params["labelSelector"] = options["labels"]
        headers = {"accept": options.get("accept", "application/json")}
        return self._http.stream(resource.path(namespace), params, silent_s=silent_s, headers=headers)

    async def create(self, resource: Resource, body: JsonObject) -> bool:
        """Creates the object; False when there is one of its name already."""
        path = resource.path(body["metadata"]["namespace"])
        answer = await self._http.call("POST", path, json=body, headers=_METADATA_BACK, expect={201, 409})
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

    async def replace_status(self, resource: Resource, body: JsonObject) -> JsonObject | None:
        """Replaces the status of exactly the version that `body` names; returns the object's new metadata.

        None when it is gone, or another version by now.
        """
        metadata = body["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"], "status")
        answer = await self._http.call("PUT", path, json=body, headers=_METADATA_BACK, expect={200, 404, 409})
        return answer.body["metadata"] if answer.status == 200 else None

    async def delete(self, resource: Resource, namespace: str, name: str) -> bool:
        """Deletes the object, its dependents in the background; False when there was none."""
        body = {"propagationPolicy": "Background"}
        answer = await self._http.call("DELETE", resource.path(namespace, name), json=body, expect={200, 202, 404})
        return answer.status != 404


__all__ = [
    "BUDGETS", "CONFIG_MAPS", "COOLING_UNITS", "DEPLOYMENTS", "EVENTS", "JOBS", "LEASES", "PODS", "RACKS", "SCENARIOS",
    "SECRETS", "SITES", "TWIN_MODELS", "DependencyError", "ExpiredError", "KubeClient", "Page", "Resource",
]  # fmt: skip
