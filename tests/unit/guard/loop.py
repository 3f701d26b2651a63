"""The whole loop in one process: a simulated room, its units' controllers, twins, the guard, and optimisers.

Only Ditto, Kafka and Hono are replaced: what is published is applied to the twins, commands are handed to the
controllers, and their answers to the guard. Time is the test's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

import structlog
from tests.unit.guard.stage import Record
from tests.unit.optimiser.halls import NOW, SITE, hall, things_of

from gateway.controls import Controls, UnitSetup
from guard.case import Policy
from guard.forecast import outlook
from guard.ledger import DELIVERY_FAILURE, Ledger
from guard.work import GuardWork
from optimiser.work import Optimiser
from physics.plant import Plant
from racktwin.commands import Audit, decode_audit
from racktwin.health import Health
from racktwin.process import Context

COMMANDS = "integration:racktwin-t-commands"


class World:
    """A room in closed loop. ``devices`` says how a unit takes commands: well, mute, refuses, late, absent."""

    def __init__(self, setpoint: float = 20.0, mode: str = "closed-loop") -> None:
        self.now, self.monotonic = NOW, 0.0
        self.plant = Plant(hall(setpoint=setpoint), 4, start_s=NOW / 1000)
        self.plant.step(1800.0)
        self.units = list(self.plant.layout.unit_ids)
        self.controls = Controls()
        self.controls.adopt({u: UnitSetup(setpoint=setpoint, fan_speed=85.0) for u in self.units})
        self.devices = dict.fromkeys(self.units, "well")
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.late: list[tuple[str, int, dict[str, Any]]] = []
        self.wrong: dict[tuple[str, str], float] = {}
        self.noise = 0.0
        self._answered = 0
        self.audit: list[Audit] = []
        self._told: dict[str, dict[str, Any]] = {u: {} for u in self.units}
        self._desired: dict[str, dict[str, Any]] = {u: {} for u in self.units}
        self._room: dict[str, Any] = {"properties": {}, "desiredProperties": {"mode": mode}}
        self._commands: list[tuple[str, dict[str, Any]]] = []
        self.guard = self.new_guard()
        self.optimisers: dict[str, Optimiser] = {}

    # --- parts ---

    def _context(self, name: str) -> Context:
        return Context(name=name, log=structlog.get_logger(), health=Health(), stop=threading.Event(),
                       clock=lambda: self.now)  # fmt: skip

    def new_guard(self) -> GuardWork:
        """A guard that has just been started."""
        self.guard = GuardWork(
            self._context("guard"),
            twins=self,
            producer=self,  # type: ignore[arg-type]
            ledger=Ledger(),
            policy=Policy(),
            outlook=outlook,
            sites=lambda: ["t"],
            journal=lambda _site, since: [line for line in self.audit if line.at >= since],
            monotonic=lambda: self.monotonic,
        )
        return self.guard

    def add(self, instance: str) -> Optimiser:
        """Another optimiser."""
        self.optimisers[instance] = Optimiser(
            self._context("optimiser"), twins=self, publish=self._publish, wish=self._wish, instance=instance,
            rci=100.0, margin_k=0.2,
        )  # fmt: skip
        return self.optimisers[instance]

    # --- Ditto ---

    def things(self) -> list[dict[str, Any]]:
        found = things_of(self.plant, self.now, **self._room)
        for thing in found:
            name = thing["thingId"]
            if name in self._told:
                force = self.controls.step(name, None, 0.0, self.now)
                assert force is not None
                control = {"setpoint": force.setpoint, "fanSpeed": force.fan_speed, "mode": force.mode,
                           "observedAt": self.now}  # fmt: skip
                told = {k: v for k, v in self._told[name].items() if k == "lastCommand"}
                thing["features"]["control"] = {
                    "properties": {**control, **told}, "desiredProperties": self._desired[name],
                }  # fmt: skip
            for place in ("bottom", "top"):
                air = thing["features"].get(f"environment.{place}", {}).get("properties", {})
                if air:
                    air["temperature"] = self.wrong.get((name, place), air["temperature"] + self.noise)
        return found

    def get_thing(self, thing: str, fields: str | None = None) -> dict[str, Any] | None:
        return next(t for t in self.things() if t["thingId"] == thing)

    def search(self, rql: str | None = None, **_: Any) -> Iterable[dict[str, Any]]:
        cooling = rql is not None and rql.startswith("like")
        return [t for t in self.things() if not cooling or ":cooling-" in t["thingId"]]

    def _wish(self, unit: str, desired: dict[str, Any]) -> None:
        self._desired[unit] = desired
        body = {
            "topic": f"racktwin.t/{unit.partition(':')[2]}/things/twin/events/modified",
            "path": "/features/control/desiredProperties", "value": desired,
            "headers": {"ditto-originator": COMMANDS},
        }  # fmt: skip
        self.guard.handle([Record("racktwin.events.t", unit, body)])  # type: ignore[list-item]

    # --- Kafka and Hono ---

    def _publish(self, topic: str, key: str, value: bytes) -> None:
        self.produce(topic, key, value)

    def produce(self, topic: str, key: str, value: bytes, headers: Any = None) -> None:
        body = json.loads(value)
        if topic.startswith("racktwin.audit"):
            self.audit.append(decode_audit(value))
        elif topic.startswith("hono.command."):
            self._commands.append((key, body))
        elif body["path"].endswith("/lastCommand"):
            self._told[key]["lastCommand"] = body["value"]
        elif body["path"].endswith("/optimisation/properties"):
            self._room["properties"] = body["value"]

    def poll(self, timeout_s: float = 0.0) -> None: ...

    def check(self) -> None: ...

    def flush(self, timeout_s: float) -> int:
        return 0

    def _answer(self, unit: str, command: str, status: int, body: Any, kind: str = "application/json") -> None:
        headers = {"device_id": unit, "correlation-id": command, "status": str(status), "content-type": kind}
        self.guard.handle([Record("hono.command_response.t", unit, body, headers)])  # type: ignore[list-item]

    def deliver(self) -> None:
        """Hand what the guard sent to the units."""
        while self._commands:
            unit, body = self._commands.pop(0)
            how = self.devices[unit]
            if how == "absent":
                self._answer(unit, body["id"], 503, {"error": "not connected"}, DELIVERY_FAILURE)
                continue
            self.taken.append((unit, body))
            if how == "refuses":
                self._answer(unit, body["id"], 409, {"error": "the door is open"})
            elif how != "mute":
                reply = self.controls.handle(unit, "set", body, self.now)
                assert reply is not None
                if how == "late":
                    self.late.append((unit, reply[0], {"id": body["id"], **reply[1]}))
                else:
                    self._answer(unit, body["id"], *reply)

    # --- time ---

    def pass_time(self, minutes: float, *, look: bool = True) -> None:
        """Let time pass: every minute optimisers look, the guard works, and units follow their set-points."""
        for _ in range(round(minutes)):
            if look:
                for each in self.optimisers.values():
                    each.look("t")
            self.guard.tick()
            self.deliver()
            for step in range(4):
                self.now += 15_000
                self.monotonic += 15.0
                self.guard.tick()
                self.deliver()
                if step == 3:
                    self._live()

    def _live(self) -> None:
        seen = self.plant.read()
        for k, unit in enumerate(self.units):
            rise = float(seen.return_[0, k] - seen.supply[0, k])
            force = self.controls.step(unit, rise, 60.0, self.now)
            assert force is not None
            self.plant.set_control(unit, setpoint=force.ramped_setpoint, fan=force.ramped_fan)
        self.plant.step(60.0)
        for unit in self.units:
            supply = {"supplyTemperature": float(self.plant.read().supply[0, self.units.index(unit)])}
            body = {
                "topic": f"racktwin.t/{unit.partition(':')[2]}/things/twin/events/modified",
                "path": "/features/air/properties", "value": supply, "headers": {},
            }  # fmt: skip
            self.guard.handle([Record("racktwin.events.t", unit, body)])  # type: ignore[list-item]

    # --- looking ---

    def modes(self) -> list[str]:
        found = [self.controls.step(unit, None, 0.0, self.now) for unit in self.units]
        return [force.mode for force in found if force is not None]

    def hottest(self) -> float:
        return float(self.plant.truth().inlet.max())

    def proposal(self) -> dict[str, Any]:
        found: dict[str, Any] = self._room["properties"]
        return found

    def story(self, unit: str = "", **only: Any) -> list[str]:
        """Events of the audit, of one unit where it is named."""
        return [
            record.event
            for record in self.audit
            if (not unit or record.thing == unit) and all(getattr(record, k) == v for k, v in only.items())
        ]

    def last(self, unit: str) -> dict[str, Any]:
        found: dict[str, Any] = self._told[unit].get("lastCommand", {})
        return found


__all__ = ["SITE", "World"]
