"""What Racktwin needs of Hono's device registry, as tests: on the stack's by default, on any with ``HONO_URL``.

``HONO_URL`` ends in ``/v1``; ``RACKTWIN_HONO_REGISTRY_URL`` names the stack's. Logins are tried at the HTTP adapter of
``HONO_HTTP_URL`` or ``RACKTWIN_HONO_HTTP_URL``. Without an address the tests fail: a contract that was not checked is
not kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import requests
from tests.contract.hono.dialects import Dialect, dialect_of
from tests.contract.hono.registry import Registry


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """The registry to test."""
    url = os.environ.get("HONO_URL") or os.environ.get("RACKTWIN_HONO_REGISTRY_URL")
    if not url:
        pytest.fail("neither HONO_URL nor RACKTWIN_HONO_REGISTRY_URL is set: these tests need a registry of Hono")
    registry = Registry(url.rstrip("/"))
    yield registry
    registry.clean()


@pytest.fixture(scope="session")
def dialect(registry: Registry) -> Dialect:
    """How the registry speaks."""
    return dialect_of(registry.url)


@pytest.fixture
def tenant(registry: Registry) -> str:
    """A tenant of this test's own."""
    return registry.new_tenant()


@pytest.fixture
def refused(dialect: Dialect) -> Callable[[requests.Response, int], None]:
    """Checks a failure: its status, and that it is explained where the registry explains anything."""

    def check(answer: requests.Response, status: int) -> None:
        assert answer.status_code == status, answer.text
        if dialect.explains_failures:
            assert answer.json()["error"]

    return check
