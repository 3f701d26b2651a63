"""What the console's check changes on a running stack it takes back."""

from __future__ import annotations

import copy

import pytest

from check_console import proposals
from check_console.journeys import JOURNEYS
from check_console.proposals import Proposed

ROOM, UNIT = "racktwin.berlin:room-hall-a", "racktwin.berlin:cooling-crah-a1"


class Answer:
    def raise_for_status(self):
        """All well."""


class Ditto:
    """Twins that take writes, and a unit that does what it is asked."""

    def __init__(self, twins, *, obeys=True):
        self.twins, self.obeys, self.wishes = twins, obeys, []

    def get_thing(self, thing):
        return copy.deepcopy(self.twins[thing])

    def request(self, method, path, *, json, headers=None):
        _, _, _, _, thing, _, *parts = path.split("/")
        place = self.twins[thing]["features"]
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        if method == "PUT":
            place[parts[-1]] = json
        else:
            below = place.setdefault(parts[-1], {})
            for name, value in json.items():
                if value is None:
                    below.pop(name, None)
                else:
                    below[name] = value
        if thing == UNIT and parts[-1] == "desiredProperties":
            self.wishes.append(json)
            if self.obeys:
                self.twins[UNIT]["features"]["control"]["properties"]["mode"] = json["mode"]
        return Answer()


class Visit:
    def __init__(self, ditto):
        self.ditto = ditto


def twins():
    return {
        ROOM: {
            "features": {"optimisation": {"properties": {"state": "none", "proposal": "p-1", "why": "as it should be"}}}
        },
        UNIT: {"features": {"control": {"properties": {"mode": "auto", "setpoint": 20.0, "fanSpeed": 60.0}}}},
    }


def test_a_proposal_asks_the_unit_to_stay_as_it_is_and_is_taken_back():
    ditto = Ditto(twins())
    proposed = Proposed(Visit(ditto), ROOM, UNIT)
    room, unit = proposed.feature(), proposed.control()
    proposed.write()
    written = proposed.feature()["properties"]
    assert (written["state"], written["proposal"]) == ("proposed", proposed.ids[-1])
    assert written["settings"] == {UNIT: {"setpoint": 20.0, "fanSpeed": 60.0, "setpointNow": 20.0, "fanSpeedNow": 60.0}}
    ditto.twins[UNIT]["features"]["control"]["properties"]["mode"] = "manual"
    ditto.twins[ROOM]["features"]["optimisation"]["desiredProperties"] = {"left": {"proposal": proposed.ids[-1]}}
    proposed.restore(room, unit)
    assert proposed.feature() == {"properties": room["properties"], "desiredProperties": {}}
    assert proposed.control()["properties"] == unit["properties"]
    (wish,) = ditto.wishes
    assert (wish["mode"], wish["request"]["who"]) == ("auto", "check-console")


def test_what_the_optimiser_said_meanwhile_stays():
    ditto = Ditto(twins())
    proposed = Proposed(Visit(ditto), ROOM, UNIT)
    room, unit = proposed.feature(), proposed.control()
    proposed.write()
    ditto.twins[ROOM]["features"]["optimisation"]["properties"] = {"state": "none", "proposal": "p-2"}
    proposed.restore(room, unit)
    assert proposed.feature()["properties"] == {"state": "none", "proposal": "p-2"}
    assert ditto.wishes == []


def test_a_unit_that_does_not_return_is_said(monkeypatch):
    monkeypatch.setattr(proposals, "_ANSWER_S", 0.0)
    ditto = Ditto(twins(), obeys=False)
    proposed = Proposed(Visit(ditto), ROOM, UNIT)
    room, unit = proposed.feature(), proposed.control()
    ditto.twins[UNIT]["features"]["control"]["properties"]["mode"] = "manual"
    with pytest.raises(AssertionError, match="is auto again"):
        proposed.restore(room, unit)


def test_proposals_and_links_are_among_the_journeys():
    assert {"optimise", "accepted", "refused", "elsewhere"} <= {journey.__name__ for journey in JOURNEYS}
