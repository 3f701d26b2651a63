"""Promise: `make demo` shows a living site; a second one mends what is broken and touches nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from tests.e2e.harness import Harness, eventually, now_ms

from local_stack import Stack


def local_stack(stack: Stack, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local_stack", "--stack", stack.instance.name, *command],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def figures(stack: Stack) -> dict[str, int]:
    answer: dict[str, int] = json.loads(local_stack(stack, "demo-status", "--json").splitlines()[-1])
    return answer


def pids(stack: Stack) -> dict[str, int]:
    return {row.name: row.pid for row in stack.status()}


@pytest.fixture(scope="module")
def berlin(stack: Stack) -> Harness:
    """The example site, live."""
    said = local_stack(stack, "demo")
    for what in ("kubeconfig", "Ditto", "InfluxDB", "Kafka", "MQTT"):
        assert what in said
    return Harness(stack.endpoints(), "berlin")


def test_disks_of_a_simulated_server_are_on_its_twin_and_in_the_history(stack: Stack, berlin: Harness) -> None:
    server = berlin.thing("server", "storage-1")

    def all_four() -> dict[str, dict[str, object]] | None:
        disks = (berlin.properties(server, "drives") or {}).get("disks") or {}
        return disks if len(disks) == 4 else None

    disks = eventually(all_four, "four disks", 60)
    assert disks["sdc"]["mediaType"] == "SSD"
    assert disks["sdc"]["quality"] == "good"
    eventually(lambda: len(berlin.points("smart", server, "powerOnHours")) >= 4, "their history", 60)


def test_a_second_demo_touches_nothing_that_is_healthy(stack: Stack, berlin: Harness) -> None:
    before = pids(stack)
    local_stack(stack, "demo")
    assert pids(stack) == before


def test_the_site_lives(stack: Stack, berlin: Harness) -> None:
    def complete() -> dict[str, int] | None:
        state = figures(stack)
        # 40 racks, each with three features a second; the first minute is filling while the tests above run.
        good = state["predictions_on_twins"] == 40 and state["readings_last_minute"] > 40 * 3 * 55
        return state if good else None

    state = eventually(complete, "40 live racks", 240, every_s=2)
    assert (state["racks"], state["racks_ready"]) == (40, 40)
    # Racks, two servers, four cooling units, two rooms, the gateway, the site.
    assert state["things"] == 50
    # Racks, the servers, the cooling units, the gateway.
    assert state["devices"] == 47
    assert state["real_server_samples"] > 50


def test_a_second_demo_mends_what_hangs(stack: Stack, berlin: Harness) -> None:
    before = pids(stack)
    # Stopped, not dead: the supervisor sees nothing wrong, only the probe does.
    os.kill(before["historian"], signal.SIGSTOP)
    local_stack(stack, "demo")
    after = pids(stack)
    assert after.pop("historian") != before.pop("historian")
    assert after == before


def test_no_reading_of_the_fleet_is_lost_when_the_gateway_dies(stack: Stack, berlin: Harness) -> None:
    started = now_ms()
    process = stack.process("gateway")
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    eventually(lambda: pids(stack)["gateway"] != process.pid, "the gateway running again")
    thing = berlin.thing("rack", "a-r01-01")

    def going_on() -> bool:
        return len([at for at, _ in berlin.points("environment", thing, "seq") if at > started]) > 25

    eventually(going_on, "the fleet sending on", 120, every_s=1)

    def whole() -> bool:
        points = [(at, int(seq)) for at, seq in berlin.points("environment", thing, "seq") if at > started - 20_000]
        numbers = {seq for _, seq in points}
        missing = set(range(min(numbers), max(numbers) + 1)) - numbers
        assert not missing, f"numbers are missing: {sorted(missing)}"
        return True

    eventually(whole, "every number up to the newest")
