"""Promise: of two operators one works; when it falls silent the other takes over; nothing is done twice.

That it does so within 30 s is a matter of the lease's times, which its unit tests look at; how busy this machine is, is
none.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from tests.e2e.conftest import SITE, rack
from tests.e2e.harness import Harness, eventually

from local_stack import Stack
from racktwin.ports import free_port

TAKEOVER_S = 120


def metric(url: str, name: str) -> float:
    text = requests.get(f"{url}/metrics", timeout=60).text
    lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@dataclass(frozen=True)
class Replica:
    """An operator, by the URL of its metrics and its process id."""

    url: str
    pid: int

    def leads(self) -> bool:
        return metric(self.url, "racktwin_operator_leader") == 1

    def leads_since(self, before: Replica) -> bool:
        """Whether it leads and is another process than the one before."""
        return self.pid != before.pid and self.leads()


def of_the_stack(stack: Stack) -> Replica:
    process = stack.process("operator")
    assert process is not None
    return Replica(stack.endpoints()["health"]["operator"], process.pid)


@pytest.fixture
def second(stack: Stack) -> Iterator[Replica]:
    """A second operator beside the stack's."""
    port = free_port()
    environment = {**os.environ, **stack.env_for("operator"), "RACKTWIN_HEALTH_PORT": str(port)}
    log = stack.instance.logs / "operator-second.log"
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "rack_operator"], env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: requests.get(f"{url}/readyz", timeout=60).status_code == 200, "the second operator ready")
        yield Replica(url, process.pid)
    finally:
        process.terminate()
        process.wait(60)


def test_a_silent_leader_is_followed_within_30_s(stack: Stack, site: Harness, second: Replica) -> None:
    first = of_the_stack(stack)
    eventually(first.leads, "the first operator leading", TAKEOVER_S)
    assert not second.leads()
    site.apply(rack("pair-1"))
    site.wait_ready("rack", "pair-1")
    assert metric(second.url, "racktwin_operator_writes_total") == 0

    os.kill(first.pid, signal.SIGSTOP)
    try:
        site.apply(rack("pair-2"))
        eventually(second.leads, "the second operator leading", TAKEOVER_S)
        site.wait_ready("rack", "pair-2")
    finally:
        os.kill(first.pid, signal.SIGCONT)
    # The first sees that it lost the lease, and stops.
    eventually(lambda: not first.leads(), "the first operator standing by")
    assert second.leads()
    for name in ("pair-1", "pair-2"):
        site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=120s")


def test_a_leader_killed_at_work_is_followed_and_its_work_ended(stack: Stack, site: Harness, second: Replica) -> None:
    # Which of them took the lease that the test before gave up, does not matter.
    eventually(lambda: of_the_stack(stack).leads() or second.leads(), "one operator leading", TAKEOVER_S)
    first = of_the_stack(stack)
    killed, other = (first, second) if first.leads() else (second, first)
    # New in each run: Hono's adapters remember for minutes the passwords of racks that were deleted.
    names = [f"torn-{os.getpid()}-{number}" for number in range(1, 9)]
    site.apply(*(rack(name) for name in names))
    os.kill(killed.pid, signal.SIGKILL)
    # The supervisor starts the stack's operator again: that one may follow itself.
    eventually(lambda: other.leads() or of_the_stack(stack).leads_since(first), "one operator leading", TAKEOVER_S)
    for name in names:
        site.wait_ready("rack", name)
        # What had been begun was not begun anew: the password in the Secret is the one that logs in.
        with site.mqtt(site.login("rack", name)):
            pass
    for name in names:
        site.kubectl("delete", "rack", name, "-n", SITE, "--wait=false")
