"""Twins are kept true by events, and what was missed is known."""

from __future__ import annotations

import pytest
from tests.unit.console.conftest import thing

from racktwin.ditto_protocol import Envelope
from racktwin.fleet import ATTRIBUTES, Fleet

RACK = "racktwin.berlin:rack-r1"


def event(action: str, path: str, value=None, revision: int = 6, name: str = "rack-r1") -> Envelope:
    return Envelope(
        topic=f"racktwin.berlin/{name}/things/twin/events/{action}", path=path, value=value, revision=revision
    )


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet("berlin")
    fleet.put(thing("rack", "r1", location="hall-a", features={"power": {"power": 1.0}, "cooling": {"deltaT": 9.0}}))
    fleet.drain()
    return fleet


def test_a_merge_changes_what_it_names_and_keeps_the_rest(fleet):
    fleet.apply(
        event("merged", "/features", {"power": {"properties": {"power": 2.0}}, "cooling": {"properties": None}})
    )
    assert fleet.things[RACK]["features"] == {"power": {"properties": {"power": 2.0}}, "cooling": {}}
    changes, gone = fleet.drain()
    assert changes == {RACK: {"cooling": {"properties": {}}, "power": {"properties": {"power": 2.0}}}}
    assert gone == []
    assert fleet.drain() == ({}, [])


def test_every_depth_of_a_path_can_change(fleet):
    fleet.apply(event("modified", "/features/power/properties/power", 3.0))
    fleet.apply(event("created", "/features/new~1name/desiredProperties", {"setpoint": 20}, 7))
    fleet.apply(event("modified", "/attributes/serial", "SN", 8))
    fleet.apply(event("deleted", "/features/cooling/properties/deltaT", None, 9))
    fleet.apply(event("deleted", "/features/absent/properties/x", None, 10))
    features = fleet.things[RACK]["features"]
    assert features["power"]["properties"] == {"power": 3.0}
    assert features["new/name"] == {"desiredProperties": {"setpoint": 20}}
    assert features["cooling"]["properties"] == {}
    assert "absent" not in features
    changes, _ = fleet.drain()
    assert set(changes[RACK]) == {"power", "new/name", ATTRIBUTES, "cooling", "absent"}
    assert changes[RACK]["absent"] is None


def test_a_whole_thing_can_be_replaced_and_deleted(fleet):
    fleet.apply(event("modified", "/", {"thingId": RACK, "attributes": {"location": "hall-b"}}))
    assert fleet.room_of(RACK) == "hall-b"
    fleet.apply(event("deleted", "/", None, 7))
    assert fleet.things == {}
    assert fleet.drain() == ({}, [RACK])


def test_an_event_that_is_known_already_changes_nothing(fleet):
    fleet.apply(event("modified", "/features/power/properties/power", 9.0, revision=5))
    assert fleet.things[RACK]["features"]["power"]["properties"]["power"] == 1.0
    assert fleet.drain() == ({}, [])


def test_a_gap_and_a_stranger_are_to_be_read_again(fleet):
    fleet.apply(event("modified", "/features/power/properties/power", 9.0, revision=8))
    fleet.apply(event("merged", "/features", {}, name="rack-new"))
    assert fleet.unsure() == ["racktwin.berlin:rack-new", RACK]
    fleet.put({**thing("rack", "r1"), "_revision": 9})
    fleet.put(thing("rack", "new"))
    assert fleet.unsure() == []


def test_an_older_copy_does_not_undo_an_event(fleet):
    fleet.apply(event("modified", "/features/power/properties/power", 9.0, revision=6))
    fleet.put(thing("rack", "r1", features={"power": {"power": 1.0}}))
    assert fleet.things[RACK]["features"]["power"]["properties"]["power"] == 9.0


def test_what_is_no_event_of_a_thing_is_refused(fleet):
    with pytest.raises(ValueError, match="topic"):
        fleet.apply(Envelope(topic="nonsense"))
