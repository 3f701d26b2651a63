from __future__ import annotations

from typing import Any

import pytest
from racktwin.directory import ThingDirectory, entry_of

RACK = "racktwin.berlin:rack-a"


class FakeDitto:
    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.asked = 0
        self.down = False

    def put(self, thing: str, **attributes: Any) -> None:
        self.things[thing] = {"thingId": thing, "attributes": attributes}

    def get_thing(self, thing: str, fields: str | None = None) -> dict[str, Any] | None:
        self.asked += 1
        if self.down:
            raise ConnectionError("down")
        return self.things.get(thing)

    def search(
        self, rql: str | None = None, *, namespaces: str | None = None, fields: str | None = None, page: int = 200
    ) -> list[dict[str, Any]]:
        return list(self.things.values())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def ditto() -> FakeDitto:
    return FakeDitto()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(ditto: FakeDitto, clock: Clock) -> ThingDirectory:
    return ThingDirectory(ditto, clock, fresh_ms=60_000, absent_ms=1_000, limit=3)


def test_attributes_become_an_entry(ditto: FakeDitto) -> None:
    gateway = "racktwin.berlin:gateway-main"
    ditto.put(
        RACK, location="hall-a", row="r1", gateways=[gateway], sensors={"t1": {"feature": "environment.top"}, "x": "odd"}
    )
    entry = entry_of(ditto.things[RACK])
    assert entry is not None
    assert (entry.kind, entry.room, entry.row) == ("rack", "hall-a", "r1")
    assert entry.gateways == {gateway}
    assert entry.sensors == {"t1": "environment.top"}


def test_things_of_others_are_no_entries() -> None:
    assert entry_of({"thingId": "org.example:lamp"}) is None
    assert entry_of({}) is None


def test_preload_answers_without_asking(ditto: FakeDitto, directory: ThingDirectory) -> None:
    ditto.put(RACK, location="hall-a")
    ditto.put("org.example:lamp")
    assert directory.preload() == 1
    assert directory.get(RACK) is not None
    assert ditto.asked == 0


def test_a_stranger_costs_one_call_per_absence_time(ditto: FakeDitto, directory: ThingDirectory, clock: Clock) -> None:
    assert directory.get(RACK) is None
    assert directory.get(RACK) is None
    assert ditto.asked == 1
    ditto.put(RACK, location="hall-a")
    clock.now += 1_001
    assert directory.get(RACK) is not None


def test_an_old_entry_is_asked_again_and_kept_when_ditto_is_down(
    ditto: FakeDitto, directory: ThingDirectory, clock: Clock
) -> None:
    ditto.put(RACK, location="hall-a")
    assert directory.get(RACK) is not None
    ditto.down = True
    clock.now += 60_001
    assert directory.get(RACK) is not None
    asked = ditto.asked
    assert directory.get(RACK) is not None
    assert ditto.asked == asked, "asked with every reading while Ditto is down"
    ditto.down = False
    ditto.put(RACK, location="hall-b")
    clock.now += 1_001
    entry = directory.get(RACK)
    assert entry is not None
    assert entry.room == "hall-b"


def test_an_unknown_thing_is_not_called_absent_while_ditto_is_down(ditto: FakeDitto, directory: ThingDirectory) -> None:
    ditto.down = True
    with pytest.raises(ConnectionError):
        directory.get(RACK)


def test_memory_is_bounded(ditto: FakeDitto, directory: ThingDirectory) -> None:
    for number in range(10):
        ditto.put(f"racktwin.berlin:rack-{number}", location="hall")
        directory.get(f"racktwin.berlin:rack-{number}")
    assert len(directory) == 3


def test_forget_asks_again(ditto: FakeDitto, directory: ThingDirectory) -> None:
    ditto.put(RACK, location="hall-a")
    directory.get(RACK)
    del ditto.things[RACK]
    directory.forget(RACK)
    assert directory.get(RACK) is None
