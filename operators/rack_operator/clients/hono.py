"""Hono's device registry (REST, `/v1`): tenants, devices, credentials; versions 1.0.3 and 2.x.

The two differ in small things, all met here: 2.x adds a read-only `status` to devices, hides hashes
and gives secrets ids, and knows no devices of a tenant that does not exist.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rack_operator.clients.http import HttpDependency

JsonObject = dict[str, Any]


class HonoRegistry:
    """Single calls, each raising `DependencyError` for what it does not expect."""

    def __init__(self, http: HttpDependency) -> None:
        self._http = http

    async def get_tenant(self, tenant: str) -> JsonObject | None:
        """The tenant, or None."""
        return await self._get(f"/tenants/{quote(tenant)}")

    async def create_tenant(self, tenant: str, body: JsonObject) -> bool:
        """Creates the tenant; False when there is one already."""
        return await self._create(f"/tenants/{quote(tenant)}", body)

    async def put_tenant(self, tenant: str, body: JsonObject) -> None:
        """Replaces the tenant."""
        await self._http.call("PUT", f"/tenants/{quote(tenant)}", json=body, expect={204})

    async def delete_tenant(self, tenant: str) -> bool:
        """Deletes the tenant; False when there was none."""
        return await self._delete(f"/tenants/{quote(tenant)}")

    async def get_device(self, tenant: str, device: str) -> JsonObject | None:
        """The device as it was registered, or None."""
        body = await self._get(_device(tenant, device))
        if body is not None:
            body.pop("status", None)
        return body

    async def create_device(self, tenant: str, device: str, body: JsonObject) -> bool:
        """Registers the device; False when there is one already."""
        return await self._create(_device(tenant, device), body)

    async def put_device(self, tenant: str, device: str, body: JsonObject) -> None:
        """Replaces the registration."""
        await self._http.call("PUT", _device(tenant, device), json=body, expect={204})

    async def delete_device(self, tenant: str, device: str) -> bool:
        """Deletes the device and its credentials; False when there was none."""
        return await self._delete(_device(tenant, device))

    async def get_credentials(self, tenant: str, device: str) -> list[JsonObject] | None:
        """The device's credentials, or None when the registry has none on record."""
        answer = await self._http.call("GET", _credentials(tenant, device), expect={200, 404})
        return None if answer.status == 404 else answer.body

    async def put_credentials(self, tenant: str, device: str, body: list[JsonObject]) -> bool:
        """Replaces the device's credentials; False when there is no such device."""
        answer = await self._http.call("PUT", _credentials(tenant, device), json=body, expect={204, 404})
        return answer.status == 204

    async def _get(self, path: str) -> JsonObject | None:
        answer = await self._http.call("GET", path, expect={200, 404})
        return None if answer.status == 404 else answer.body

    async def _create(self, path: str, body: JsonObject) -> bool:
        answer = await self._http.call("POST", path, json=body, expect={201, 409})
        return answer.status == 201

    async def _delete(self, path: str) -> bool:
        answer = await self._http.call("DELETE", path, expect={204, 404})
        return answer.status == 204


def _device(tenant: str, device: str) -> str:
    return f"/devices/{quote(tenant)}/{quote(device, safe=':')}"


def _credentials(tenant: str, device: str) -> str:
    return f"/credentials/{quote(tenant)}/{quote(device, safe=':')}"
