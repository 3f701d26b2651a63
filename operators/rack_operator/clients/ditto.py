"""Ditto's HTTP API: policies, things, connections, search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec

from rack_operator.clients.http import HttpDependency

JsonObject = dict[str, Any]
_PAGE = 200
_MERGE = {"content-type": "application/merge-patch+json"}


class _Found(msgspec.Struct):
    items: list[msgspec.Raw] = []
    cursor: str | None = None


_FOUND = msgspec.json.Decoder(_Found)


def _segment(identifier: str) -> str:
    """An id as one path segment; its colon may stand as it is."""
    return quote(identifier, safe=":")


class DittoClient:
    """Single calls, each raising `DependencyError` for what it does not expect.

    `http` speaks as the operator's subject; `devops` is used for connections, which a Ditto behind
    nginx keeps for another user.
    """

    def __init__(self, http: HttpDependency, devops: HttpDependency | None = None) -> None:
        self._http = http
        self._devops = devops or http

    async def get_policy(self, policy_id: str) -> JsonObject | None:
        """The policy, or None."""
        return await self._get(self._http, f"/api/2/policies/{_segment(policy_id)}")

    async def create_policy(self, policy: JsonObject) -> bool:
        """Creates the policy; False when there is one already, which is left as it is."""
        answer = await self._http.call(
            "PUT",
            f"/api/2/policies/{_segment(policy['policyId'])}",
            json=policy,
            headers={"if-none-match": "*"},
            expect={201, 412},
        )
        return answer.status == 201

    async def put_policy(self, policy: JsonObject) -> None:
        """Creates or replaces the policy."""
        await self._http.call("PUT", f"/api/2/policies/{_segment(policy['policyId'])}", json=policy, expect={201, 204})

    async def delete_policy(self, policy_id: str) -> bool:
        """Deletes the policy; False when there was none."""
        return await self._delete(self._http, f"/api/2/policies/{_segment(policy_id)}")

    async def get_thing(self, thing_id: str) -> JsonObject | None:
        """The thing, or None."""
        return await self._get(self._http, f"/api/2/things/{_segment(thing_id)}")

    async def create_thing(self, thing: JsonObject) -> bool:
        """Creates the thing; False when there is one already, which is left as it is."""
        answer = await self._http.call(
            "PUT",
            f"/api/2/things/{_segment(thing['thingId'])}",
            json=thing,
            headers={"if-none-match": "*"},
            expect={201, 412},
        )
        return answer.status == 201

    async def merge_thing(self, thing_id: str, patch: JsonObject) -> None:
        """Merges `patch` (RFC 7396) into the thing."""
        # if-match: a thing deleted meanwhile must not be made anew by the merge.
        headers = {**_MERGE, "if-match": "*"}
        await self._http.call("PATCH", f"/api/2/things/{_segment(thing_id)}", json=patch, headers=headers, expect={204})

    async def delete_thing(self, thing_id: str) -> bool:
        """Deletes the thing; False when there was none."""
        return await self._delete(self._http, f"/api/2/things/{_segment(thing_id)}")

    async def get_connection(self, connection_id: str) -> JsonObject | None:
        """The connection, or None."""
        return await self._get(self._devops, f"/api/2/connections/{_segment(connection_id)}")

    async def put_connection(self, connection: JsonObject) -> None:
        """Creates or replaces the connection."""
        await self._devops.call(
            "PUT", f"/api/2/connections/{_segment(connection['id'])}", json=connection, expect={200, 201, 204}
        )

    async def connection_status(self, connection_id: str) -> JsonObject | None:
        """The connection's status, or None when there is no such connection."""
        return await self._get(self._devops, f"/api/2/connections/{_segment(connection_id)}/status")

    async def delete_connection(self, connection_id: str) -> bool:
        """Deletes the connection; False when there was none."""
        return await self._delete(self._devops, f"/api/2/connections/{_segment(connection_id)}")

    async def raw_search(self, namespace: str, rql: str, fields: str) -> AsyncIterator[bytes]:
        """Every thing of the namespace that matches, as JSON text, in pages. The index may lag a second or two."""
        cursor: str | None = None
        while True:
            option = f"size({_PAGE})" + (f",cursor({cursor})" if cursor else ",sort(+thingId)")
            params = {"namespaces": namespace, "filter": rql, "fields": fields, "option": option}
            answer = await self._http.call("GET", "/api/2/search/things", params=params, expect={200})
            page = _FOUND.decode(answer.content)
            for item in page.items:
                yield bytes(item)
            cursor = page.cursor
            if cursor is None:
                return

    async def _get(self, http: HttpDependency, path: str) -> JsonObject | None:
        answer = await http.call("GET", path, expect={200, 404})
        return None if answer.status == 404 else answer.body

    async def _delete(self, http: HttpDependency, path: str) -> bool:
        answer = await http.call("DELETE", path, expect={200, 204, 404})
        return answer.status != 404
