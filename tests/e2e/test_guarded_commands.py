"""Promise: a wish on a cooling unit's twin passes the guard, reaches the device, and its answer is on the twin."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from tests.e2e.conftest import SITE
from tests.e2e.harness import Harness, eventually, now_ms, senml

from racktwin.commands import Request, desired_of

UNIT = "c1"


class Device:
    """A cooling unit that answers what it is told with `status`; None: it says nothing."""

    def __init__(self, site: Harness) -> None:
        self.site, self.login = site, site.login("cooling", UNIT)
        self.status: int | None = 200
        self.commands: list[dict[str, Any]] = []
        self._seq = 0

    def on_message(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        parts, body = message.topic.split("/"), json.loads(message.payload)
        self.commands.append(body)
        if self.status is not None and parts[4]:
            applied = {name: body[name] for name in ("setpoint", "fanSpeed", "mode") if name in body}
            answer = {"applied": applied} if self.status == 200 else {"error": "the door is open"}
            client.publish(f"command///res/{parts[4]}/{self.status}", json.dumps(answer), qos=1)

    def subscribe(self, client: mqtt.Client) -> None:
        client.on_message = self.on_message
        granted: list[object] = []
        client.on_subscribe = lambda *args: granted.append(args[3])
        client.subscribe("command///req/#", qos=1)
        eventually(lambda: granted, "the command subscription", 15)

    def report(self, client: mqtt.Client) -> None:
        self._seq += 1
        values = {
            "air/supplyTemperature": (20.0, "Cel"),
            "air/returnTemperature": (30.0, "Cel"),
            "air/airflow": (6.0, "m3/s"),
            "control/setpoint": (20.0, "Cel"),
            "control/fanSpeed": (80.0, "%"),
        }
        bag = "/?content-type=application%2Fsenml%2Bjson"
        self.site.publish(client, f"telemetry{bag}", json.dumps(senml(now_ms(), self._seq, values)))


@pytest.fixture(scope="module")
def device(site: Harness, ready_rack: str) -> Iterator[Device]:
    site.apply(
        {
            "apiVersion": "racktwin.io/v1alpha1",
            "kind": "CoolingUnit",
            "metadata": {"name": UNIT, "namespace": SITE},
            "spec": {
                "site": SITE,
                "room": "hall",
                "racks": [ready_rack],
                "position": {"xM": 0.5, "yM": 2.0},
                "capacityW": 60000,
                "airflowM3s": 8.0,
                "setpointMinC": 16,
                "setpointMaxC": 25,
            },
        }
    )
    site.wait_ready("coolingunit", UNIT)
    yield Device(site)
    site.kubectl("delete", "coolingunit", UNIT, "-n", SITE, "--wait=true")


def wish(site: Harness, **values: Any) -> str:
    """Write a wish; its id."""
    request = Request(id=f"e2e-{uuid.uuid4().hex[:10]}", origin="e2e", who="tester", confirm=True, at=now_ms())
    path = f"/api/2/things/{site.thing('cooling', UNIT)}/features/control/desiredProperties"
    answer = site.ditto.request("PUT", path, json=desired_of(values, request))
    assert answer.status_code in (201, 204), answer.text
    return request.id


def ended(site: Harness, command: str, within_s: float = 20.0, *states: str) -> dict[str, Any]:
    """The last command once it is this one and in one of these states."""

    def look() -> dict[str, Any] | None:
        last = (site.properties(site.thing("cooling", UNIT), "control") or {}).get("lastCommand") or {}
        assert last.get("id") == command and last.get("state") in states, last
        return last

    return eventually(look, f"{command} {states}", within_s)


def test_accepted_refused_absent_and_back(site: Harness, device: Device) -> None:
    thing = site.thing("cooling", UNIT)
    with site.mqtt(device.login) as client:
        device.subscribe(client)
        device.report(client)
        eventually(lambda: (site.properties(thing, "air") or {}).get("airflow") == 6.0, "its report on the twin", 20)

        accepted = wish(site, setpoint=19.0)
        last = ended(site, accepted, 20, "accepted")
        assert last["who"] == "tester" and device.commands[-1]["setpoint"] == 19.0
        eventually(lambda: (site.properties(thing, "control") or {}).get("setpoint") == 19.0, "the set-point", 10)

        sent = len(device.commands)
        refused = ended(site, wish(site, setpoint=15.0), 20, "refused")
        assert (refused["rule"], refused["by"]) == ("setpoint-limit", 1.0)
        assert len(device.commands) == sent

        device.status = 409
        assert "the door is open" in ended(site, wish(site, setpoint=18.5), 20, "refused")["detail"]
        device.status = 200

    absent = wish(site, setpoint=18.0)
    ended(site, absent, 40, "offline")
    with site.mqtt(device.login) as client:
        device.subscribe(client)
        time.sleep(1.0)
        device.report(client)
        ended(site, absent, 60, "accepted")

    def audited() -> list[str]:
        found = [str(value) for _, value in site.points("command", thing, "id")]
        assert found.count(accepted) == 4, found
        return found

    # Requested, approved, sent, accepted.
    eventually(audited, "the command in the history", 30)
