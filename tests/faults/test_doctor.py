"""Promise: `racktwin doctor` names whichever part was stopped or forbidden, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.e2e.doctor import (
    RACK,
    doctor,
    examined_rack,
    freshen,
    racktwin,
    states,
    stopped,
    without_the_operator,
)
from tests.e2e.harness import Harness, eventually

from local_stack import Stack


@pytest.fixture(scope="module")
def examined(site: Harness) -> Iterator[str]:
    with examined_rack(site) as name:
        yield name


@pytest.fixture
def fresh(site: Harness, examined: str) -> str:
    """The rack with a reading of now on its twin."""
    return freshen(site, examined)


@pytest.mark.parametrize(
    ("component", "hop", "code"),
    [
        ("hono-bridge", "hono", "bridge_down"),
        ("ingest", "ingest", "ingest_down"),
        ("historian", "history", "historian_down"),
        ("influxd", "history", "influx_unreachable"),
    ],
)
def test_a_stopped_process_is_named(
    stack: Stack, site: Harness, fresh: str, component: str, hop: str, code: str
) -> None:
    with stopped(stack, component):
        found = doctor(stack, site)
    assert [(v["hop"], v["code"]) for v in found["verdicts"]] == [(hop, code)]
    assert found["code"] == 3

    # What waited meanwhile arrives, and so does the marked reading itself.
    def stored() -> bool:
        return found["observedAt"] in dict(site.points("environment", fresh, "temperature"))

    eventually(stored, "the marked reading in InfluxDB after all", 60, every_s=1)


def test_a_stopped_ditto(stack: Stack, site: Harness, fresh: str) -> None:
    with stopped(stack, "ditto-lite"):
        told = racktwin(stack, "doctor", RACK, "--site", site.site)
        assert told.returncode == 1
        assert "cannot be read" in told.stderr
        found = doctor(stack, site, "--value", "temperature=24.5")
    assert [(v["hop"], v["code"]) for v in found["verdicts"]] == [("twin", "ditto_unreachable")]
    assert states(found)["history"] == "passed"


def test_a_policy_that_forbids(stack: Stack, site: Harness, fresh: str) -> None:
    path = f"/api/2/policies/{fresh}/entries/strange"
    entry = {
        "subjects": {f"integration:racktwin-{site.site}-pipeline": {"type": "test"}},
        "resources": {"thing:/features/environment.top": {"grant": [], "revoke": ["WRITE"]}},
    }
    with without_the_operator(stack):
        assert site.ditto.request("PUT", path, json=entry).ok
        try:
            found = doctor(stack, site)
        finally:
            assert site.ditto.request("DELETE", path).ok
    assert [(v["hop"], v["code"]) for v in found["verdicts"]] == [("twin", "policy_forbids")]


def test_a_paused_model(stack: Stack, site: Harness, fresh: str) -> None:
    def replicas(number: int) -> None:
        change = [{"op": "add", "path": "/spec/models/0/replicas", "value": number}]
        site.kubectl("patch", "site", site.site, "-n", site.site, "--type=json", "-p", json.dumps(change))

    def running() -> int:
        deployment = site.get("deployment", "model-inlet-temperature") or {}
        return int(deployment.get("status", {}).get("readyReplicas") or 0)

    replicas(0)
    try:
        eventually(lambda: running() == 0, "no runner", 60)
        found = doctor(stack, site)
    finally:
        replicas(1)
    assert [(v["hop"], v["code"]) for v in found["verdicts"]] == [("prediction", "model_paused")]
    eventually(lambda: running() == 1, "a runner again", 60)
