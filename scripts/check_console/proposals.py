"""Accepting and refusing an optimiser's proposal, as a person does, on a proposal of the check's own.

The real optimiser proposes when it has something to propose, which no check can wait for. So a proposal is written onto
the room's twin as the optimiser writes it: it asks a unit to stay as it is, under manual control. What comes of it goes
the whole way, by the console, the guard and the unit; afterwards unit and room are as they were.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Error, expect

from check_console.browser import Visit
from racktwin.commands import DEFAULT_VALIDITY_MS, FEATURE, Request, desired_of
from racktwin.names import thing_id

_MERGE: Final = "application/merge-patch+json"
# The optimiser looks at a room each minute and then says something of its own.
_ATTEMPTS: Final = 3
_ANSWER_S: Final = 60.0


@dataclass(slots=True)
class Proposed:
    """A proposal of the check's for one unit of a room."""

    visit: Visit
    room: str
    unit: str
    why: str = "the check's own: everything stays as it is"
    ids: list[str] = field(default_factory=list)

    def feature(self) -> dict[str, Any]:
        """The room's feature ``optimisation``."""
        return self._feature(self.room, "optimisation")

    def control(self) -> dict[str, Any]:
        """The unit's feature ``control``."""
        return self._feature(self.unit, FEATURE)

    def write(self) -> None:
        """Propose, once more, under a new id."""
        now = self.control()["properties"]
        self.ids.append(f"p-{secrets.token_hex(5)}")
        setting = {"setpoint": now["setpoint"], "fanSpeed": now["fanSpeed"]}
        properties = {
            "mode": "advise",
            "at": _now(),
            "state": "proposed",
            "proposal": self.ids[-1],
            "settings": {self.unit: {**setting, "setpointNow": now["setpoint"], "fanSpeedNow": now["fanSpeed"]}},
            "givesUp": {},
            "why": self.why,
        }
        self._merge(self.room, "optimisation/properties", properties)

    def shown(self) -> None:
        """Propose, and wait until the page shows it. Raises AssertionError."""
        self.write()
        expect(self.visit.page.get_by_text(self.why)).to_be_visible()
        expect(self.visit.page.get_by_role("button", name="Accept")).to_be_enabled()

    def restore(self, room: Mapping[str, Any], unit: Mapping[str, Any]) -> None:
        """Room and unit as they were: features ``optimisation`` and ``control`` of before.

        Raises:
            AssertionError: the unit does not return to the mode that it was in.
        """
        if self.feature()["properties"].get("proposal") in self.ids:
            path = f"{self._path(self.room, 'optimisation')}/properties"
            self.visit.ditto.request("PUT", path, json=room["properties"]).raise_for_status()
        left = (room.get("desiredProperties") or {}).get("left")
        self._merge(self.room, "optimisation/desiredProperties", {"left": left})
        mode = unit["properties"].get("mode")
        if mode is not None and self.control()["properties"].get("mode") != mode:
            now = _now()
            request = Request(
                id=f"back-{secrets.token_hex(5)}",
                origin="console",
                who="check-console",
                at=now,
                valid_until=now + DEFAULT_VALIDITY_MS,
            )
            path = f"{self._path(self.unit, FEATURE)}/desiredProperties"
            wish = desired_of({"mode": mode}, request)
            self.visit.ditto.request("PUT", path, json=wish).raise_for_status()
            _await(lambda: self.control()["properties"].get("mode") == mode, f"{self.unit} is {mode} again")

    def _path(self, thing: str, feature: str) -> str:
        return f"/api/2/things/{thing}/features/{feature}"

    def _feature(self, thing: str, name: str) -> dict[str, Any]:
        found = self.visit.ditto.get_thing(thing) or {}
        feature: dict[str, Any] = (found.get("features") or {}).get(name) or {}
        return {"properties": {}, **feature}

    def _merge(self, thing: str, feature: str, body: Mapping[str, Any]) -> None:
        path = self._path(thing, feature)
        answer = self.visit.ditto.request("PATCH", path, json=dict(body), headers={"Content-Type": _MERGE})
        answer.raise_for_status()


def accepted(visit: Visit, rack: str) -> None:
    """A proposal is accepted; the guard's answer stands beside the unit, and the unit does it."""
    with _proposal(visit, rack) as proposed:
        name = proposed.unit.split("cooling-", 1)[1]
        row = visit.page.get_by_role("row").filter(has=visit.page.get_by_role("rowheader", name=name))

        def accept() -> None:
            proposed.shown()
            visit.page.get_by_role("button", name="Accept").click()
            expect(row).to_contain_text(re.compile("accepted|refused|timed out"), timeout=_ANSWER_S * 1000)

        _again(accept)
        expect(row).to_contain_text("accepted")
        last = proposed.control()["properties"]["lastCommand"]
        assert (last["origin"], last["who"]) == ("optimiser-proposal", "engineer"), f"last command: {last}"
        _await(lambda: proposed.control()["properties"].get("mode") == "manual", f"{name} is under manual control")


def refused(visit: Visit, rack: str) -> None:
    """A proposal is refused with a reason: who and why stand below it and in the audit, and nothing is commanded."""
    why = f"checked by a robot, {secrets.token_hex(3)}"
    page = visit.page
    with _proposal(visit, rack) as proposed:
        before = proposed.control()["properties"].get("lastCommand")

        def refuse() -> None:
            proposed.shown()
            page.get_by_placeholder("Why not (for the audit)").fill(why)
            page.get_by_role("button", name="Refuse").click()
            expect(page.get_by_text("The last one was left by engineer")).to_contain_text(why)

        _again(refuse)
        assert proposed.control()["properties"].get("lastCommand") == before, "a refused proposal commanded something"
        visit.open("audit")
        page.get_by_label("Only with").fill(why)
        expect(page.get_by_role("row").filter(has_text="engineer").filter(has_text=why).first).to_be_visible()


@contextmanager
def _proposal(visit: Visit, rack: str) -> Iterator[Proposed]:
    """The page of the rack's room, and what proposes there; restored in the end."""
    thing = visit.ditto.get_thing(thing_id(visit.site, "rack", rack)) or {}
    room = str(thing["attributes"]["location"])
    units = visit.ditto.search(f'and(eq(attributes/location,"{room}"),like(thingId,"*:cooling-*"))', fields="thingId")
    unit = sorted(str(each["thingId"]) for each in units)[0]
    proposed = Proposed(visit, thing_id(visit.site, "room", room), unit)
    of_room, of_unit = proposed.feature(), proposed.control()
    visit.page.goto(f"{visit.url}/optimise/{visit.site}/{room}")
    visit.page.get_by_role("navigation").wait_for()
    try:
        yield proposed
    finally:
        proposed.restore(of_room, of_unit)


def _again(attempt: Callable[[], None]) -> None:
    """Once more where the real optimiser came between."""
    for number in range(_ATTEMPTS):
        try:
            attempt()
        except (AssertionError, Error):
            if number == _ATTEMPTS - 1:
                raise
        else:
            return


def _await(done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _ANSWER_S
    while not done():
        assert time.monotonic() < until, f"not within {_ANSWER_S:.0f} s: {what}"
        time.sleep(0.5)


def _now() -> int:
    return int(time.time() * 1000)
