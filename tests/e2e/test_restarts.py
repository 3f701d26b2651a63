"""Promise: whichever of our processes dies in the middle of a stream, no acknowledged reading is missing in InfluxDB."""

from __future__ import annotations

import threading
import time

import pytest
from local_stack import Stack

from tests.e2e.conftest import rack
from tests.e2e.harness import Harness, climate, eventually, now_ms


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
                    for _ in range(20):
                        try:
                            self.site.publish(client, "telemetry", pack)
                            break
                        except (AssertionError, RuntimeError, ValueError):
                            time.sleep(0.5)
                    else:
                        raise AssertionError(f"reading {seq} was never acknowledged")
                    self.sent[seq] = observed
                    self.stop.wait(max(0.0, (observed - now_ms()) / 1000))
        except Exception as error:
            self.error = error


@pytest.mark.parametrize("component", ["hono-bridge", "ingest", "historian", "ditto-lite", "operator", "definitions", "local-node"])
def test_no_reading_is_lost(stack: Stack, site: Harness, component: str) -> None:
    name = f"stream-{component}"
    site.apply(rack(name))
    site.wait_ready("rack", name)
    thing = site.thing("rack", name)
    stream = Stream(site, name)
    stream.start()
    try:
        eventually(lambda: len(stream.sent) > 20 or stream.error, "the stream under way", 30)
        stack.kill(component)
        time.sleep(2)
        stack.restart(component)
        at_restart = len(stream.sent)
        eventually(lambda: len(stream.sent) > at_restart + 40 or stream.error, "the stream going on", 60)
    finally:
        stream.stop.set()
        stream.join(60)
    assert stream.error is None, stream.error
    assert stream.sent

    def complete() -> bool:
        stored = {value for _, value in site.points("environment", thing, "seq")}
        missing = set(stream.sent) - {int(value) for value in stored}
        assert not missing, f"{len(missing)} of {len(stream.sent)} missing, the first: {sorted(missing)[:5]}"
        return True

    eventually(complete, "every acknowledged reading in InfluxDB", 60, every_s=1)
    newest = max(stream.sent.values())
    eventually(
        lambda: (p := site.properties(thing, "environment.top")) and p["observedAt"] == newest, "the newest on the twin", 30
    )
    site.kubectl("delete", "rack", name, "-n", site.site, "--wait=true", "--timeout=45s")
