"""HTTP of policies: ``/api/2/policies/<id>`` and everything below, and ``/api/2/checkPermissions``.

I/O of one request. Next: :mod:`ditto_lite.policy_commands`.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ditto_lite.auth import subjects_of
from ditto_lite.commands import Command, Kind
from ditto_lite.errors import error
from ditto_lite.http_common import (
    NOT_FOUND_TEXT,
    Services,
    answer,
    ditto_headers,
    json_body,
    json_response,
    plain,
    raw_segments,
    selector_of,
    wants_response,
)
from ditto_lite.ids import check_policy_id
from ditto_lite.pointers import MISSING, parse
from ditto_lite.policies import place_of

_KINDS: dict[str, Kind] = {"GET": "retrieve", "PUT": "modify", "DELETE": "delete"}
_PREFIX = "/api/2/policies/"


class PoliciesHttp:
    """Handlers of policies."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def item(self, request: web.Request) -> web.StreamResponse:
        """Everything below ``/policies/<id>``."""
        subjects = subjects_of(request.headers)
        policy_id, rest = raw_segments(request, _PREFIX)
        check_policy_id(policy_id)
        parts = rest.split("/")
        if "actions" in parts[:3] and request.method == "POST":
            raise error("policies:action.failed", action=parts[-1])
        path = parse(rest)
        if place_of(path) is None:
            return plain(404, NOT_FOUND_TEXT)
        kind = _KINDS.get(request.method)
        if kind is None:
            allowed = "GET, PUT, DELETE"
            return plain(405, f"HTTP method not allowed, supported methods: {allowed}", {"allow": allowed})
        headers = ditto_headers(request)
        selector = selector_of(request) if kind == "retrieve" else None
        value: Any = await json_body(request) if kind == "modify" else MISSING
        command = Command(kind, policy_id, path, subjects, value, headers, selector)
        result = self._services.twin.policy_commands.execute(command)
        if kind != "retrieve":
            await self._services.committer.durable()
            if not wants_response(headers):
                return web.Response(status=202)
        return answer(request, result, subjects[0])

    async def check_permissions(self, request: web.Request) -> web.StreamResponse:
        """``POST /checkPermissions``: which of several questions about permissions are answered with yes."""
        subjects = subjects_of(request.headers)
        body = await json_body(request)
        if not isinstance(body, dict):
            raise error("json.invalid", message=f"<{body}> is not a valid JSON object!")
        answers = {name: self._holds(question, subjects) for name, question in body.items()}
        return json_response(answers, headers={"ditto-originator": subjects[0]})

    def _holds(self, question: Any, subjects: tuple[str, ...]) -> bool:
        if not isinstance(question, dict) or not isinstance(question.get("resource"), str):
            raise error("json.field.missing", field="resource")
        kind, _, path = question["resource"].partition(":")
        entity_id = str(question.get("entityId", ""))
        twin = self._services.twin
        if kind == "policy":
            policy_id = entity_id
        else:
            entity = twin.things.get(entity_id)
            if entity is None:
                return False
            policy_id = entity.document["policyId"]
        access = twin.access(policy_id, subjects)
        return all(
            access.unrestricted(parse(path), permission, kind) for permission in question.get("hasPermissions", [])
        )
