"""Promise: a wish on a cooling unit's twin passes the guard, reaches the device, and its answer is on the twin; a guard
that is killed knows afterwards what it let through."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator

import pytest
from tests.e2e.cooling import CoolingUnit, cooling_unit
from tests.e2e.harness import Harness, eventually, now_ms
from tests.e2e.test_restarts import until_restarted

from guard.journal import KafkaJournal
from local_stack import Stack
from racktwin.kafka import make_consumer
from racktwin.settings import KafkaSettings


@pytest.fixture(scope="module")
def device(site: Harness, ready_rack: str) -> Iterator[CoolingUnit]:
    with cooling_unit(site, ready_rack) as unit:
        yield unit


def test_accepted_refused_absent_and_back(site: Harness, device: CoolingUnit) -> None:
    thing = device.thing
    with site.mqtt(device.login) as client:
        device.subscribe(client)
        device.report(client)
        eventually(lambda: (site.properties(thing, "air") or {}).get("airflow") == 6.0, "its report on the twin")

        accepted = device.wish(setpoint=19.0)
        last = device.ended(accepted, "accepted")
        assert last["who"] == "tester" and device.commands[-1]["setpoint"] == 19.0
        eventually(lambda: (site.properties(thing, "control") or {}).get("setpoint") == 19.0, "the set-point")

        sent = len(device.commands)
        refused = device.ended(device.wish(setpoint=15.0), "refused")
        assert (refused["rule"], refused["by"]) == ("setpoint-limit", 1.0)
        assert len(device.commands) == sent

        device.status = 409
        assert "the door is open" in device.ended(device.wish(setpoint=18.5), "refused")["detail"]
        device.status = 200

    absent = device.wish(setpoint=18.0)
    device.ended(absent, "offline")
    with site.mqtt(device.login) as client:
        device.subscribe(client)
        time.sleep(1.0)
        device.report(client)
        device.ended(absent, "accepted", within_s=150)

    def audited() -> list[str]:
        found = [str(value) for _, value in site.points("command", thing, "id")]
        assert found.count(accepted) == 4, found
        return found

    # Requested, approved, sent, accepted.
    eventually(audited, "the command in the history")


def test_a_guard_that_is_killed_goes_on(stack: Stack, site: Harness, device: CoolingUnit) -> None:
    kafka = KafkaSettings(kafka_bootstrap=site.endpoints["kafka_bootstrap"])
    journal = KafkaJournal(lambda: make_consumer(kafka, f"e2e-{uuid.uuid4().hex}", enable_partition_eof=True))
    with site.mqtt(device.login) as client:
        device.subscribe(client)
        device.report(client)
        before = device.wish(fanSpeed=85.0)
        device.ended(before, "accepted")
        process = stack.process("guard")
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        after = device.wish(fanSpeed=90.0)
        until_restarted(stack, "guard", process.pid)
        device.ended(after, "accepted")
    lines = [line for line in journal(site.site, now_ms() - 3_600_000) if line.thing == device.thing]
    paces = {line.id: line.pace for line in lines if line.event == "approved"}
    assert [(pace := paces.get(command)) and pace.less for command in (before, after)] == [False, False]
    # What was accepted stays as it was: nothing is commanded twice for having been forgotten.
    assert [body["id"] for body in device.commands].count(before) == 1
