"""Promise: of two operators one works; when it falls silent the other takes over within 30 s; nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests
from tests.e2e.conftest import SITE, rack
from tests.e2e.harness import Harness, eventually

from local_stack import Stack

TAKEOVER_S = 30


def metric(url: str, name: str) -> float:
    text = requests.get(f"{url}/metrics", timeout=5).text
    lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@pytest.fixture
def second(stack: Stack, free_port: int) -> Iterator[str]:
    """A second operator beside the stack's, and the URL of its metrics."""
    environment = {**os.environ, **stack.env_for("operator"), "RACKTWIN_HEALTH_PORT": str(free_port)}
    log = stack.instance.logs / "operator-second.log"
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "rack_operator"], env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{free_port}"
    try:
        eventually(lambda: requests.get(f"{url}/readyz", timeout=5).status_code == 200, "the second operator ready")
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_killed_leader_is_followed_within_30_s(stack: Stack, site: Harness, second: str) -> None:
    first = stack.endpoints()["health"]["operator"]
    eventually(lambda: metric(first, "racktwin_operator_leader") == 1, "the first operator leading")
    assert metric(second, "racktwin_operator_leader") == 0
    site.apply(rack("pair-1"))
    site.wait_ready("rack", "pair-1")
    assert metric(second, "racktwin_operator_writes_total") == 0

    process = stack.process("operator")
    assert process is not None
    # Stopped, not killed: the supervisor would restart it, and it would take its own place again.
    os.kill(process.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        site.apply(rack("pair-2"))
        eventually(lambda: metric(second, "racktwin_operator_leader") == 1, "the second operator leading", TAKEOVER_S)
        assert time.monotonic() - began < TAKEOVER_S
        site.wait_ready("rack", "pair-2")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    # The first sees that it lost the lease, and stops.
    eventually(lambda: metric(first, "racktwin_operator_leader") == 0, "the first operator standing by")
    assert metric(second, "racktwin_operator_leader") == 1
    for name in ("pair-1", "pair-2"):
        site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=45s")
