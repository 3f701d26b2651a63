"""Ditto as the reconcilers see it: single calls over HTTP, and over Kafka while much is to be done.

Both ways have the same effects and the same answers, so a command that got none over Kafka may be repeated over HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from rack_operator.clients.ditto import DittoClient
from rack_operator.clients.ditto_bulk import Answer, BulkCommands
from rack_operator.clients.http import DependencyError, HttpDependency
from racktwin import names

JsonObject = dict[str, Any]
POLICIES, THINGS = "policies", "things/twin"


class DittoRouter(DittoClient):
    """A `DittoClient` that sends over Kafka what `busy()` says is part of much."""

    def __init__(
        self,
        http: HttpDependency,
        devops: HttpDependency | None,
        bulk: BulkCommands,
        busy: Callable[[], bool],
    ) -> None:
        super().__init__(http, devops)
        self._bulk = bulk
        self._busy = busy

    async def open_bulk(self, site: str) -> None:
        """Kafka may be used for the site: its connection is open. Raises `DependencyError`."""
        await self._bulk.open(site)

    def shut_bulk(self, site: str) -> None:
        """Kafka is not to be used for the site."""
        self._bulk.shut(site)

    async def get_policy(self, policy_id: str) -> JsonObject | None:
        """The policy, or None."""
        if not self._in_bulk(policy_id):
            return await super().get_policy(policy_id)
        return await self._retrieve(policy_id, POLICIES)

    async def create_policy(self, policy: JsonObject) -> bool:
        """Creates the policy; False when there is one already, which is left as it is."""
        if not self._in_bulk(policy["policyId"]):
            return await super().create_policy(policy)
        return await self._create(policy["policyId"], POLICIES, policy)

    async def get_thing(self, thing_id: str) -> JsonObject | None:
        """The thing, or None."""
        if not self._in_bulk(thing_id):
            return await super().get_thing(thing_id)
        return await self._retrieve(thing_id, THINGS)

    async def create_thing(self, thing: JsonObject) -> bool:
        """Creates the thing; False when there is one already, which is left as it is."""
        if not self._in_bulk(thing["thingId"]):
            return await super().create_thing(thing)
        return await self._create(thing["thingId"], THINGS, thing)

    async def merge_thing(self, thing_id: str, patch: JsonObject) -> None:
        """Merges `patch` (RFC 7396) into the thing."""
        if not self._in_bulk(thing_id):
            await super().merge_thing(thing_id, patch)
            return
        headers = {"content-type": "application/merge-patch+json", "if-match": "*"}
        answer = await self._bulk.ask(thing_id, THINGS, "merge", patch, headers)
        if answer.status != 204:
            raise _refused("merge", thing_id, answer)

    def _in_bulk(self, entity_id: str) -> bool:
        """Whether commands on the entity go over Kafka now."""
        return self._busy() and self._bulk.is_open(names.site_of(entity_id))

    async def _retrieve(self, entity_id: str, group: str) -> JsonObject | None:
        answer = await self._bulk.ask(entity_id, group, "retrieve")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _refused("retrieve", entity_id, answer)
        body: JsonObject = msgspec.json.decode(answer.value)
        return body

    async def _create(self, entity_id: str, group: str, body: JsonObject) -> bool:
        answer = await self._bulk.ask(entity_id, group, "create", body)
        if answer.status not in (201, 409):
            raise _refused("create", entity_id, answer)
        return answer.status == 201


def _refused(action: str, entity_id: str, answer: Answer) -> DependencyError:
    body = msgspec.json.decode(answer.value)
    message = body.get("message", "") if isinstance(body, dict) else str(body)
    return DependencyError("Ditto", f"{action} {entity_id} over Kafka", answer.status, message)
