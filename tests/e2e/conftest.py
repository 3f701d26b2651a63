"""The stack under test and a small site on it.

The stack is real: etcd, kube-apiserver, Kafka, Artemis, Hono, InfluxDB; Ditto alone is its stand-in. It is started
once and left running for the runner (`make test` stops it at the end, also after a failure).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from tests.e2e.harness import Harness

from local_stack import Stack, model

SITE = "lab"
MODEL = "inlet-temperature"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The running stack (started when it is not)."""
    stack = Stack(os.environ.get("RACKTWIN_STACK", "test"))
    stack.ensure()
    return stack


def rack(name: str, *, room: str = "hall", **spec: Any) -> dict[str, Any]:
    """A Rack resource of the test site."""
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "Rack",
        "metadata": {"name": name, "namespace": SITE},
        "spec": {
            "site": SITE,
            "room": room,
            "row": "r1",
            "position": {"xM": 1.0, "yM": 2.0, "yawDeg": 0},
            "uHeight": 42,
            "availablePowerW": 10000,
            "coolingCapacityW": 10000,
            "gateways": ["main"],
            **spec,
        },
    }


@pytest.fixture(scope="session")
def site(stack: Stack) -> Harness:
    """Site `lab`: one room, one gateway, the trained model, ready."""
    harness = Harness(stack.endpoints(), SITE)
    harness.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SITE}})
    harness.apply(
        model.config_map(MODEL, SITE, model.ensure_trained(MODEL)),
        {
            "apiVersion": "racktwin.io/v1alpha1",
            "kind": "Site",
            "metadata": {"name": SITE, "namespace": SITE},
            "spec": {
                "displayName": "End-to-end tests",
                "rooms": [{"name": "hall", "widthM": 10, "depthM": 10, "heightM": 3}],
                "gateways": [{"name": "main"}],
                "models": [{"name": MODEL, "artifact": {"configMap": "model-inlet-temperature"}}],
            },
        },
    )
    harness.wait_ready("site", SITE, 90)
    return harness


@pytest.fixture(scope="session")
def ready_rack(site: Harness) -> str:
    """A rack with a server, ready, for tests that only send."""
    site.apply(rack("r1", servers=[{"name": "web-1", "position": 10, "uHeight": 1, "allocatedDrawW": 300}]))
    site.wait_ready("rack", "r1")
    return "r1"
