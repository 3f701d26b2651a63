"""Promise: `racktwin rejects` shows what could not be used, and brings it in once it is mended, and only once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import rack
from tests.e2e.harness import Harness, eventually, now_ms, senml

from local_stack import Stack

# A name of its own in each run: Hono's adapters remember the password of a rack that was deleted for a while.
RACK = f"mended-{os.getpid()}"


def rejects(stack: Stack, site: Harness, *arguments: str) -> subprocess.CompletedProcess[str]:
    chosen = ("--site", site.site, "--since", "5m", "--device", f"rack-{RACK}")
    return subprocess.run(
        [sys.executable, "-m", "racktwin_cli", "--stack", stack.instance.name, "rejects", *chosen, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )


def found(stack: Stack, site: Harness, *arguments: str) -> dict[str, Any]:
    done = rejects(stack, site, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def mended(site: Harness) -> str:
    site.apply(rack(RACK))
    site.wait_ready("rack", RACK)
    return site.thing("rack", RACK)


def test_a_mended_reject_arrives_once(stack: Stack, site: Harness, mended: str, tmp_path: Path) -> None:
    observed = now_ms()
    with site.mqtt(site.login("rack", RACK)) as client:
        wrong = senml(observed, 1, {"environment.top/temperature": (23.75, "W"), "power/power": (5000, "W")})
        site.publish(client, "telemetry", wrong)
        site.publish(client, "telemetry", b'{"sensor":"top",')
    eventually(lambda: found(stack, site)["count"] == 2, "two rejects", 90, every_s=1)

    assert found(stack, site)["reasons"] == {"unit_mismatch": 1, "malformed_json": 1}
    one = found(stack, site, "--reason", "unit_mismatch")
    assert one["count"] == 1
    assert one["rejects"][0]["device"] == mended
    assert one["rejects"][0]["replayed"] is False
    assert "unit_mismatch" in rejects(stack, site).stdout

    # The lines it prints are the lines it takes.
    line = json.loads(rejects(stack, site, "--reason", "unit_mismatch", "--lines").stdout)
    line["payload"] = line["payload"].replace('"W"', '"Cel"')
    file = tmp_path / "mended.jsonl"
    file.write_text(json.dumps(line) + "\n")

    unasked = rejects(stack, site, "--replay", "--edit", str(file))
    assert unasked.returncode == 1, "nobody said yes"
    assert found(stack, site, "--replay", "--edit", str(file), "--yes") == {"replayed": 1, "replayedBefore": 0}

    def arrived() -> bool:
        return (observed, 23.75) in site.points("environment", mended, "temperature")

    eventually(arrived, "the mended reading in InfluxDB")
    assert found(stack, site, "--reason", "unit_mismatch")["rejects"][0]["replayed"] is True
    assert found(stack, site, "--replay", "--edit", str(file), "--yes") == {"replayed": 0, "replayedBefore": 1}
    site.kubectl("delete", "rack", RACK, "-n", site.site, "--wait=true", "--timeout=120s")
