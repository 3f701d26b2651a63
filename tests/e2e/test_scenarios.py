"""Promise: a what-if runs as a Job from what was measured; its result is in status, InfluxDB and a report, and nothing
live knows of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import SITE, rack
from tests.e2e.harness import Harness, climate, eventually, now_ms

from local_stack import Stack

RACK = f"asked-{os.getpid()}"
UNIT = f"cool-{os.getpid()}"
NAME = f"outage-{os.getpid()}"


@pytest.fixture(scope="module")
def measured(site: Harness) -> str:
    """A rack of the test's own with ten minutes of readings, and a unit that cools its room."""
    site.apply(
        rack(RACK),
        {
            "apiVersion": "racktwin.io/v1alpha1",
            "kind": "CoolingUnit",
            "metadata": {"name": UNIT, "namespace": SITE},
            "spec": {
                "site": SITE, "room": "hall", "racks": [RACK], "position": {"xM": 0.5, "yM": 5.0},
                "capacityW": 40000, "airflowM3s": 3.0, "fanPowerW": 1500,
            },
        },
    )  # fmt: skip
    site.wait_ready("rack", RACK)
    site.wait_ready("coolingunit", UNIT)
    now = now_ms()
    with site.mqtt(site.login("rack", RACK)) as client:
        for minute in range(10):
            at = now - (9 - minute) * 60_000
            site.publish(client, "telemetry", climate(at, minute + 1, top=24.0, bottom=21.5, power=6000.0))
    thing = site.thing("rack", RACK)
    eventually(lambda: len(site.points("power", thing, "power")) == 10, "ten minutes of history")
    return thing


def whatif(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "racktwin_cli", "--stack", stack.instance.name, "whatif", "--site", SITE, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )


def test_a_what_if_from_the_command_line_to_the_report(
    stack: Stack, site: Harness, measured: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    asked = ("--name", NAME, "--room", "hall", "--unit-fails", UNIT, "--duration", "30m")
    done = whatif(stack, *asked, "--report", str(report), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    baseline, failed = told["status"]["cases"]
    assert failed["peakC"] > baseline["peakC"] + 3.0
    assert failed["recommendedAfterAirOnlyS"] <= failed["recommendedAfterS"]
    # The scenario begins at what was measured.
    assert abs(baseline["peakC"] - 24.0) < 2.0
    assert "<svg" in report.read_text(encoding="utf-8")

    resource = site.get("scenario", NAME)
    assert resource is not None
    assert resource["status"]["phase"] == "Done"
    assert resource["status"]["headline"]

    flux = (
        f'from(bucket: "{SITE}_scenarios") |> range(start: -1h, stop: 2h)'
        f' |> filter(fn: (r) => r.scenario == "{NAME}" and r.thing == "{measured}" and r._field == "temperature")'
        ' |> filter(fn: (r) => r.feature == "environment.top") |> group(columns: ["case"]) |> count()'
    )
    counts = {r["case"]: r["_value"] for table in site.influx.query_api().query(flux) for r in table.records}
    assert set(counts) == {"baseline", NAME}
    assert min(counts.values()) > 30
    # What is live has what was measured, and no more.
    assert len(site.points("power", measured, "power")) == 10

    site.kubectl("delete", "scenario", NAME, "-n", SITE, "--timeout=120s")
    assert site.get("job", f"scenario-{NAME}") is None
    assert not list(site.influx.query_api().query(flux))


def test_what_cannot_be_is_said_in_words(stack: Stack, measured: str) -> None:
    assert measured
    done = whatif(stack, "--name", f"{NAME}-x", "--room", "hall", "--setpoint", f"{UNIT}=35", "--delete")
    assert done.returncode == 1
    assert f"{UNIT}: setpointC 35: its limits are" in done.stderr
