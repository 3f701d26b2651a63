"""Promise: whichever of our processes dies in the middle of a stream, no acknowledged reading is missing."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import Any

import paho.mqtt.client as mqtt
import psutil
from tests.e2e.conftest import SITE, rack
from tests.e2e.harness import Harness, climate, eventually, now_ms

from local_stack import Stack


class Stream(threading.Thread):
    """A device that sends a numbered reading every 50 ms, each until it is acknowledged."""

    def __init__(self, site: Harness, name: str) -> None:
        super().__init__(name=f"stream-{name}", daemon=True)
        self.site = site
        self.rack = name
        self.sent: dict[int, int] = {}
        self.stop = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with self.site.mqtt(self.site.login("rack", self.rack)) as client:
                seq, base = 0, now_ms()
                while not self.stop.is_set():
                    seq += 1
                    observed = base + seq * 50
                    pack = climate(observed, seq, top=20 + seq % 50 / 10, bottom=20.0)
                    # Not acknowledged (a restart in between): the device sends it again, as devices do.
                    eventually(lambda: self.delivered(client, pack), f"reading {seq} acknowledged", 120)  # noqa: B023
                    self.sent[seq] = observed
                    self.stop.wait(max(0.0, (observed - now_ms()) / 1000))
        except Exception as error:
            self.error = error

    def delivered(self, client: mqtt.Client, pack: list[dict[str, Any]]) -> bool:
        try:
            self.site.publish(client, "telemetry", pack)
        except (RuntimeError, ValueError):
            return False
        return True


def until_restarted(stack: Stack, component: str, old_pid: int) -> None:
    def restarted() -> bool:
        row = next(row for row in stack.status() if row.name == component)
        return row.state == "ready" and row.pid != old_pid

    eventually(restarted, f"{component} running and ready again", 150)


KILLED = ("hono-bridge", "ingest", "historian", "ditto-lite", "operator", "definitions", "local-node")


def test_no_reading_is_lost(stack: Stack, site: Harness) -> None:
    """One after the other in one stream; `make test-faults` asks more of each of them."""
    name = f"stream-{os.getpid()}"
    site.apply(rack(name))
    site.wait_ready("rack", name)
    thing = site.thing("rack", name)
    stream = Stream(site, name)
    stream.start()
    try:
        eventually(lambda: len(stream.sent) > 20 or stream.error, "the stream under way")
        for component in KILLED:
            process = stack.process(component)
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            at_restart = len(stream.sent)
            # Nobody helps: the supervisor starts it again.
            until_restarted(stack, component, process.pid)
            eventually(lambda: len(stream.sent) > at_restart + 20 or stream.error, "the stream going on", 150)  # noqa: B023
    finally:
        stream.stop.set()
        stream.join(150)
    assert stream.error is None, stream.error
    assert stream.sent

    def complete() -> bool:
        stored = {value for _, value in site.points("environment", thing, "seq")}
        missing = set(stream.sent) - {int(value) for value in stored}
        assert not missing, f"{len(missing)} of {len(stream.sent)} missing, the first: {sorted(missing)[:5]}"
        return True

    eventually(complete, "every acknowledged reading in InfluxDB", 150, every_s=1)
    newest = max(stream.sent.values())
    eventually(
        lambda: (p := site.properties(thing, "environment.top")) and p["observedAt"] == newest,
        "the newest on the twin",
    )
    site.kubectl("delete", "rack", name, "-n", site.site, "--wait=true", "--timeout=120s")


def runners(stack: Stack) -> list[psutil.Process]:
    """The model runners that the stack's node runs for the test site."""
    node = stack.process("local-node")
    assert node is not None
    found = []
    for child in psutil.Process(node.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.cmdline()[-2:] == ["-m", "runner"] and child.environ().get("RACKTWIN_SITES") == SITE:
                found.append(child)
    return found


def test_predictions_go_on_when_the_runner_dies(stack: Stack, site: Harness, ready_rack: str) -> None:
    thing = site.thing("rack", ready_rack)
    # Others may still be ending: a test before asked for two of them.
    (runner,) = eventually(lambda: found if len(found := runners(stack)) == 1 else None, "one runner", 90)
    runner.kill()
    eventually(lambda: [r for r in runners(stack) if r.pid != runner.pid], "another runner", 90)
    observed = now_ms()
    with site.mqtt(site.login("rack", ready_rack)) as client:
        site.publish(client, "telemetry", climate(observed, 1, top=23.0, bottom=21.0))

    def predicted() -> bool:
        properties = site.properties(thing, "prediction.inlet-temperature.top")
        return properties is not None and properties.get("basedOn", 0) >= observed

    eventually(predicted, "a prediction by the new runner", 150)
