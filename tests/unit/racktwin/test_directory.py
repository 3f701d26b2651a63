from __future__ import annotations

from racktwin.directory import entry_of

RACK = "racktwin.berlin:rack-a"
GATEWAY = "racktwin.berlin:gateway-main"


def test_attributes_become_an_entry() -> None:
    entry = entry_of(
        {
            "thingId": RACK,
            "attributes": {
                "location": "hall-a",
                "row": "r1",
                "gateways": [GATEWAY],
                "sensors": {"t1": {"feature": "environment.top"}, "odd": "text", "empty": {}},
            },
        }
    )
    assert entry is not None
    assert (entry.site, entry.kind, entry.room, entry.row) == ("berlin", "rack", "hall-a", "r1")
    assert entry.gateways == {GATEWAY}
    assert entry.sensors == {"t1": "environment.top"}


def test_a_thing_without_attributes_is_known_all_the_same() -> None:
    entry = entry_of({"thingId": RACK})
    assert entry is not None
    assert entry.room is None
    assert entry.gateways == frozenset()


def test_things_of_others_are_no_entries() -> None:
    assert entry_of({"thingId": "org.example:lamp"}) is None
    assert entry_of({}) is None
