"""Promise: `racktwin doctor` says that all is well when it is, and else at which hop a reading stops, and why."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.e2e.conftest import rack
from tests.e2e.doctor import (
    doctor,
    examine,
    examined_rack,
    freshen,
    racktwin,
    states,
    without_the_operator,
)
from tests.e2e.harness import Harness

from local_stack import Stack


@pytest.fixture(scope="module")
def examined(site: Harness) -> Iterator[str]:
    with examined_rack(site) as name:
        yield name


@pytest.fixture
def fresh(site: Harness, examined: str) -> str:
    """The rack with a reading of now on its twin."""
    return freshen(site, examined)


@pytest.mark.parametrize("way", [(), ("--http",), ("--via", "main")], ids=["mqtt", "http", "gateway"])
def test_a_healthy_site_passes_every_hop(stack: Stack, site: Harness, fresh: str, way: tuple[str, ...]) -> None:
    found = doctor(stack, site, *way)
    assert found["verdicts"] == []
    assert found["code"] == 0
    assert set(states(found).values()) == {"passed"}
    assert len(states(found)) == 8
    assert all(-50 < hop["afterMs"] < 60_000 for hop in found["hops"])

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
        assert requests.delete(registry, timeout=60).status_code == 204
        for way in ([], ["--http"]):
            found = examine(stack, site, name, "--value", "temperature=21.5", *way)
            assert [v["code"] for v in found["verdicts"]] == ["device_unknown"]
    site.kubectl("delete", "rack", name, "-n", site.site, "--wait=true", "--timeout=120s")


def test_a_rack_that_was_never_applied(stack: Stack, site: Harness) -> None:
    done = racktwin(stack, "doctor", "nobody", "--site", site.site, "--json")
    assert done.returncode == 3, done.stderr
    assert [v["code"] for v in json.loads(done.stdout)["verdicts"]] == ["device_unknown"]


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


def test_a_wrong_influx_token(stack: Stack, site: Harness, fresh: str) -> None:
    found = doctor(stack, site, RACKTWIN_INFLUX_TOKEN="x" * 40)
    assert [(v["hop"], v["code"]) for v in found["verdicts"]] == [("history", "influx_token")]
    assert states(found)["twin"] == "passed"


def test_errors_are_one_line_with_the_next_step(stack: Stack, site: Harness) -> None:
    done = racktwin(stack, "doctor", "rack/Not_A_Name", "--site", site.site)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "next:" in done.stderr
