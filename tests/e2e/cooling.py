"""A cooling unit of the test site, with the device behind it: it reports, and answers commands as a test tells it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt
from tests.e2e.conftest import SITE
from tests.e2e.harness import Harness, eventually, now_ms, senml

from racktwin.commands import Request, desired_of


class CoolingUnit:
    """Answers what it is told with `status`; None: it says nothing."""

    def __init__(self, site: Harness, name: str) -> None:
        self.site, self.login = site, site.login("cooling", name)
        self.thing = site.thing("cooling", name)
        self.status: int | None = 200
        self.commands: list[dict[str, Any]] = []
        self._seq = 0

    def on_message(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        """A command."""
        parts, body = message.topic.split("/"), json.loads(message.payload)
        self.commands.append(body)
        if self.status is not None and parts[4]:
            applied = {name: body[name] for name in ("setpoint", "fanSpeed", "mode") if name in body}
            answer = {"applied": applied} if self.status == 200 else {"error": "the door is open"}
            client.publish(f"command///res/{parts[4]}/{self.status}", json.dumps(answer), qos=1)

    def subscribe(self, client: mqtt.Client) -> None:
        """Take commands from now on."""
        client.on_message = self.on_message
        granted: list[object] = []
        client.on_subscribe = lambda *args: granted.append(args[3])
        client.subscribe("command///req/#", qos=1)
        eventually(lambda: granted, "the command subscription")

    def report(self, client: mqtt.Client) -> None:
        """Say what is measured and set."""
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

    def wish(self, **values: Any) -> str:
        """Write a wish; its id."""
        request = Request(id=f"e2e-{uuid.uuid4().hex[:10]}", origin="e2e", who="tester", confirm=True, at=now_ms())
        path = f"/api/2/things/{self.thing}/features/control/desiredProperties"
        answer = self.site.ditto.request("PUT", path, json=desired_of(values, request))
        assert answer.status_code in (201, 204), answer.text
        return request.id

    def ended(self, command: str, *states: str, within_s: float = 90.0) -> dict[str, Any]:
        """The last command once it is this one and in one of these states."""

        def look() -> dict[str, Any] | None:
            last = (self.site.properties(self.thing, "control") or {}).get("lastCommand") or {}
            assert last.get("id") == command and last.get("state") in states, last
            return last

        return eventually(look, f"{command} {states}", within_s)


@contextmanager
def cooling_unit(site: Harness, rack: str) -> Iterator[CoolingUnit]:
    """A unit that cools a rack, for the time of a test.

    Its name is new each time: Hono's adapters remember passwords for minutes, also of a device that was made again.
    """
    name = f"c-{uuid.uuid4().hex[:6]}"
    site.apply(
        {
            "apiVersion": "racktwin.io/v1alpha1",
            "kind": "CoolingUnit",
            "metadata": {"name": name, "namespace": SITE},
            "spec": {
                "site": SITE,
                "room": "hall",
                "racks": [rack],
                "position": {"xM": 0.5, "yM": 2.0},
                "capacityW": 60000,
                "airflowM3s": 8.0,
                "setpointMinC": 16,
                "setpointMaxC": 25,
            },
        }
    )
    site.wait_ready("coolingunit", name)
    try:
        yield CoolingUnit(site, name)
    finally:
        site.kubectl("delete", "coolingunit", name, "-n", SITE, "--wait=true")
