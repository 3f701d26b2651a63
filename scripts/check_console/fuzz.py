"""The running console's API against its own document, longer than the unit tests have time for.

As a viewer, so that nothing on the site is changed: what needs another role must be refused as documented.
"""

from __future__ import annotations

from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

_EXAMPLES: Final = 25
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
# Signing in and out by chance would end the session or use up its attempts.
_LEFT_ALONE: Final = ("/api/v1/session", "/api/v1/oidc/begin", "/api/v1/oidc/done")


def run(url: str, password: str) -> tuple[int, list[str]]:
    """How many requests were sent, and what failed."""
    session = requests.Session()
    session.trust_env = False
    signed_in = session.post(f"{url}/api/v1/session", json={"user": "viewer", "password": password}, timeout=10)
    signed_in.raise_for_status()
    headers = {"x-csrf-token": signed_in.json()["csrf"]}
    cookies = session.cookies.get_dict()
    sent, failures = 0, []
    schemathesis.checks.load_all_checks()
    checks: list[Any] = [schemathesis.checks.CHECKS.get_one(name) for name in _CHECKS]
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    operations: list[Any] = list(schema.get_all_operations())
    for found in operations:
        operation = found.ok()
        if operation.path in _LEFT_ALONE:
            continue

        def send(case: Any) -> None:
            nonlocal sent
            sent += 1
            case.call_and_validate(headers=headers, cookies=cookies, checks=checks, allow_redirects=False)

        for mode in GenerationMode:
            try:
                _each(operation, mode, send)
            except FailureGroup as group:
                failures += [f"{operation.label}: {each}" for each in group.exceptions]
    return sent, failures


def _each(operation: Any, mode: GenerationMode, send: Any) -> None:
    names = {"site": "berlin"} if "{site}" in operation.path else None
    if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
        return

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=names))
    def attempt(case: Any) -> None:
        send(case)

    attempt()
