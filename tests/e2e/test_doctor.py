"""Promise: `racktwin doctor` says that all is well when it is, and else at which hop a reading stops, and why."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.e2e.conftest import rack
from tests.e2e.harness import Harness, climate, eventually, now_ms

from local_stack import Stack

# Names of their own in each run: Hono's adapters remember the password of a rack that was deleted for a while.
RACK = f"examined-{os.getpid()}"


def racktwin(stack: Stack, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, on the stack under test."""
    return subprocess.run(
        [sys.executable, "-m", "racktwin_cli", "--stack", stack.instance.name, *arguments],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env={**os.environ, **environment},
    )


def doctor(stack: Stack, site: Harness, *arguments: str, **environment: str) -> dict[str, Any]:
    """What the doctor found of the rack examined."""
    return examine(stack, site, RACK, *arguments, **environment)


def examine(stack: Stack, site: Harness, name: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What the doctor found, and its exit code as `code`."""
    done = racktwin(stack, "doctor", name, "--site", site.site, "--json", *arguments, **environment)
    assert done.returncode in (0, 3), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "code": done.returncode}


def states(found: dict[str, Any]) -> dict[str, str]:
    return {hop["hop"]: hop["state"] for hop in found["hops"]}


@contextmanager
def stopped(stack: Stack, component: str) -> Iterator[None]:
    """A component stopped, and up again afterwards."""
    stack._supervisor.stop(component)
    try:
        yield
    finally:
        stack.ensure([component])


@contextmanager
def without_the_operator(stack: Stack) -> Iterator[None]:
    """Nobody mends what the test breaks."""
    process = stack.process("operator")
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def examined(site: Harness) -> Iterator[str]:
    site.apply(rack(RACK))
    site.wait_ready("rack", RACK)
    yield RACK
    site.kubectl("delete", "rack", RACK, "-n", site.site, "--wait=true", "--timeout=45s")


@pytest.fixture
def fresh(site: Harness, examined: str) -> str:
    """The rack with a reading of now on its twin."""
    thing, observed = site.thing("rack", examined), now_ms()
    with site.mqtt(site.login("rack", examined)) as client:
        site.publish(client, "telemetry", climate(observed, observed // 1000, top=24.5, bottom=21.5))

    def shown() -> bool:
        properties = site.properties(thing, "environment.top")
        return properties is not None and properties.get("observedAt", 0) >= observed

    eventually(shown, "a fresh reading on the twin", 60)
    return thing


@pytest.mark.parametrize("way", [(), ("--http",), ("--via", "main")], ids=["mqtt", "http", "gateway"])
def test_a_healthy_site_passes_every_hop(stack: Stack, site: Harness, fresh: str, way: tuple[str, ...]) -> None:
    found = doctor(stack, site, *way)
    assert found["verdicts"] == []
    assert found["code"] == 0
    assert set(states(found).values()) == {"passed"}
    assert len(states(found)) == 8
    assert all(-50 < hop["afterMs"] < 15_000 for hop in found["hops"])

    # What it sent is what the twin showed, and it left the device's own numbers alone.
    assert found["values"]["temperature"] == 24.5
    points = dict(site.points("environment", fresh, "temperature"))
    assert points[found["observedAt"]] == 24.5
    assert found["observedAt"] not in dict(site.points("environment", fresh, "seq"))


def test_a_given_value_is_marked_as_estimated(stack: Stack, site: Harness, fresh: str) -> None:
    found = doctor(stack, site, "--value", "temperature=23.25")
    assert found["code"] == 0
    assert found["estimated"] is True
    assert (found["observedAt"], "estimated") in site.points("environment", fresh, "quality")
    assert "prediction" not in states(found)


def test_an_impossible_value_is_named_as_a_reject(stack: Stack, site: Harness, fresh: str) -> None:
    found = doctor(stack, site, "--value", "temperature=500")
    assert found["code"] == 3
    assert [v["code"] for v in found["verdicts"]] == ["rejected"]
    assert "out_of_range" in found["verdicts"][0]["cause"]
    assert states(found)["ingest"] == "broken"


def test_wrong_credentials(stack: Stack, site: Harness, fresh: str, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("x" * 43)
    for way in ([], ["--http"]):
        found = doctor(stack, site, "--password-file", str(password), *way)
        assert [v["code"] for v in found["verdicts"]] == ["wrong_credentials"]
        assert states(found)["adapter"] == "broken"
        assert states(found)["twin"] == "not reached"


def test_a_device_that_hono_does_not_know(stack: Stack, site: Harness) -> None:
    # One that never spoke: Hono's adapters remember those that did for a while.
    name = f"unheard-{os.getpid()}"
    site.apply(rack(name))
    site.wait_ready("rack", name)
    registry = f"{site.endpoints['hono_registry_url']}/devices/{site.site}/{site.thing('rack', name)}"
    with without_the_operator(stack):
        assert requests.delete(registry, timeout=10).status_code == 204
        for way in ([], ["--http"]):
            found = examine(stack, site, name, "--value", "temperature=21.5", *way)
            assert [v["code"] for v in found["verdicts"]] == ["device_unknown"]
    site.kubectl("delete", "rack", name, "-n", site.site, "--wait=true", "--timeout=90s")


def test_a_rack_that_was_never_applied(stack: Stack, site: Harness) -> None:
    done = racktwin(stack, "doctor", "nobody", "--site", site.site, "--json")
    assert done.returncode == 3, done.stderr
    assert [v["code"] for v in json.loads(done.stdout)["verdicts"]] == ["device_unknown"]


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


def test_a_closed_connection_of_ditto(stack: Stack, site: Harness, fresh: str) -> None:
    path = f"/api/2/connections/racktwin-{site.site}-twin"
    with without_the_operator(stack):
        body = site.ditto.request("GET", path).json()
        assert site.ditto.request("PUT", path, json={**body, "connectionStatus": "closed"}).ok
        try:
            found = doctor(stack, site)
        finally:
            assert site.ditto.request("PUT", path, json={**body, "connectionStatus": "open"}).ok
    assert [(v["hop"], v["code"]) for v in found["verdicts"]] == [("twin", "connection_closed")]
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


def test_a_wrong_influx_token(stack: Stack, site: Harness, fresh: str) -> None:
    found = doctor(stack, site, RACKTWIN_INFLUX_TOKEN="x" * 40)
    assert [(v["hop"], v["code"]) for v in found["verdicts"]] == [("history", "influx_token")]
    assert states(found)["twin"] == "passed"


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


def test_errors_are_one_line_with_the_next_step(stack: Stack, site: Harness) -> None:
    done = racktwin(stack, "doctor", "rack/Not_A_Name", "--site", site.site)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "next:" in done.stderr
