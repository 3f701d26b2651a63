"""Who did what is told before it is done."""

from __future__ import annotations

import pytest
from tests.unit.console.conftest import NOW, thing

from console.audit import AuditUnavailable
from historian.points import audit_line
from racktwin.fleet import Fleet

ROOM = "/api/v1/sites/berlin/rooms/hall-a"
SETTINGS = {
    "racktwin.berlin:cooling-crah-1": {"setpoint": 20.5, "setpointNow": 19.0, "fanSpeed": 70.0, "fanSpeedNow": 80.0}
}
PROPOSED = {"optimisation": {"proposal": "p-1", "state": "proposed", "why": "less air", "settings": SETTINGS}}
FIRES = {"alerts": {"open": {"inlet-high": {"severity": "warning", "since": NOW}}}}


@pytest.fixture
def ready(console):
    fleet: Fleet = console.fleet
    fleet.put(thing("room", "hall-a", location="hall-a", features=PROPOSED))
    fleet.put(thing("rack", "r1", location="hall-a", features=FIRES))
    return console


ACTIONS = {
    "acknowledged": ("post", "/api/v1/sites/berlin/things/racktwin.berlin:rack-r1/alerts/inlet-high/acknowledge", None),
    "proposal accepted": ("post", f"{ROOM}/optimisation/accept", {"proposal": "p-1"}),
    "proposal left": ("post", f"{ROOM}/optimisation/leave", {"proposal": "p-1", "why": "works on crah-1"}),
    "optimiser mode": ("put", f"{ROOM}/optimisation/mode", {"mode": "off"}),
    "scenario asked": (
        "post",
        "/api/v1/sites/berlin/scenarios",
        {"room": "hall-a", "whatIf": {"durationS": 900, "eachUnitFails": True}},
    ),
    "scenario deleted": ("delete", "/api/v1/sites/berlin/scenarios/s-1", None),
}


def do(console, event):
    method, path, body = ACTIONS[event]
    return console.client("engineer").request(method.upper(), path, json=body)


@pytest.mark.parametrize("event", ACTIONS)
def test_every_action_names_who_and_what(ready, event):
    answer = do(ready, event)
    assert answer.status_code < 300, answer.text
    (record,) = ready.journal.records
    assert (record.event, record.who, record.origin, record.at) == (event, "engineer", "console", NOW)
    assert record.id
    assert record.thing.startswith("racktwin.berlin:")
    assert audit_line(record).startswith(f"action,event={event.replace(' ', chr(92) + ' ')},kind={record.kind}")


@pytest.mark.parametrize("event", ACTIONS)
def test_what_cannot_be_traced_is_not_done(ready, event):
    ready.journal.problem = AuditUnavailable("Local: Message timed out")
    answer = do(ready, event)
    assert answer.status_code == 503
    assert "nothing was done" in answer.json()["detail"]
    assert ready.ditto.requests == []
    assert ready.scenarios.made == []


@pytest.mark.parametrize("event", ACTIONS)
def test_a_viewer_does_none_of_it(ready, event):
    method, path, body = ACTIONS[event]
    assert ready.client("viewer").request(method.upper(), path, json=body).status_code == 403
    assert ready.journal.records == []


def test_a_proposal_that_is_left_says_so_on_the_room(ready):
    do(ready, "proposal left")
    method, path, body = ready.ditto.requests[0]
    assert (method, path) == (
        "PUT",
        "/api/2/things/racktwin.berlin:room-hall-a/features/optimisation/desiredProperties/left",
    )
    assert body == {
        "proposal": "p-1",
        "who": "engineer",
        "at": NOW,
        "why": "works on crah-1",
        "settings": {"racktwin.berlin:cooling-crah-1": {"setpoint": 20.5, "fanSpeed": 70.0}},
    }


@pytest.mark.parametrize("what", ["accept", "leave"])
def test_a_proposal_of_before_is_neither_accepted_nor_left(ready, what):
    answer = ready.client("engineer").post(f"{ROOM}/optimisation/{what}", json={"proposal": "p-0"})
    assert answer.status_code == 409
    assert ready.journal.records == []
