"""In-memory Ditto and Hono registry, as the operator's clients see them. Each counts its writes."""

from __future__ import annotations

import copy
import itertools
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from tests.unit.rack_operator.fuse import Fuse

from rack_operator.clients.http import DependencyError
from racktwin.merge_patch import merge as merge_patch

JsonObject = dict[str, Any]


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
