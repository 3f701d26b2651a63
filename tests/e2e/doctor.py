"""What the tests of the doctor share: running it, and breaking what it must find.

The rack examined has a name of its own in each run: Hono's adapters remember a deleted rack's password for a while.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.conftest import rack
from tests.e2e.harness import Harness, climate, eventually, now_ms

from local_stack import Stack

RACK = f"examined-{os.getpid()}"


def racktwin(stack: Stack, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, on the stack under test."""
    return subprocess.run(
        [sys.executable, "-m", "racktwin_cli", "--stack", stack.instance.name, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
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
    stack.halt(component)
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


@contextmanager
def examined_rack(site: Harness) -> Iterator[str]:
    """The rack that the doctor looks at."""
    site.apply(rack(RACK))
    site.wait_ready("rack", RACK)
    yield RACK
    site.kubectl("delete", "rack", RACK, "-n", site.site, "--wait=true", "--timeout=120s")


def freshen(site: Harness, examined: str) -> str:
    """The rack's thing, with a reading of now on its twin."""
    thing, observed = site.thing("rack", examined), now_ms()
    with site.mqtt(site.login("rack", examined)) as client:
        site.publish(client, "telemetry", climate(observed, observed // 1000, top=24.5, bottom=21.5))

    def shown() -> bool:
        properties = site.properties(thing, "environment.top")
        return properties is not None and properties.get("observedAt", 0) >= observed

    eventually(shown, "a fresh reading on the twin", 120)
    return thing
