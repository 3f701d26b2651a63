"""Who is who, with a Ditto that answers, lags, fails and comes back."""

from __future__ import annotations

import threading

import pytest
import structlog

from ingest.fleet import WAITING, Fleet, Pace, Silent, pace_of
from racktwin.ditto_client import DittoError


class Ditto:
    def __init__(self, *things):
        self.things = {thing: {"thingId": thing, "attributes": {"location": "hall-a"}} for thing in things}
        self.hidden_from_search = set()
        self.down = False
        self.asked = []

    def search(self, rql=None, *, namespaces=None, fields=None, page=200):
        if self.down:
            raise DittoError(0, "unreachable", "refused")
        yield from [value for name, value in self.things.items() if name not in self.hidden_from_search]

    def get_thing(self, thing, fields=None):
        self.asked.append(thing)
        if self.down:
            raise DittoError(503, "unavailable", "starting")
        return self.things.get(thing)


@pytest.fixture
def stage(kit):
    class Stage:
        def __init__(self):
            self.now = kit.NOW
            self.ditto = Ditto(kit.RACK)
            self.fleet = Fleet(self.ditto, lambda: self.now, structlog.get_logger(), absent_ms=3000, retry_s=0.01)

    return Stage()


def test_known_after_loading(kit, stage):
    stage.fleet.refresh()
    assert stage.fleet.get(kit.RACK).room == "hall-a"
    assert stage.ditto.asked == []


def test_sites_say_their_intervals(kit, stage):
    site = "racktwin.berlin:site-berlin"
    stage.ditto.things[site] = {"thingId": site, "attributes": {"intervals": {"criticalS": 2.5, "slowS": 600}}}
    stage.fleet.refresh()
    assert stage.fleet.paces == {"berlin": Pace(2500, 600_000)}
    before = stage.fleet.paces
    stage.fleet.refresh()
    assert stage.fleet.paces is before
    assert pace_of({"attributes": {"intervals": {"criticalS": "often"}}}) is None


def test_twins_that_show_something_good_and_old_are_told_once(kit, stage):
    def feature(age_ms, quality="good"):
        return {"properties": {"observedAt": kit.NOW - age_ms, "quality": quality, "temperature": 20.0}}

    stage.ditto.things[kit.RACK]["features"] = {
        "environment.top": feature(600_000),
        "environment.bottom": feature(1000),
        "power": feature(600_000, "stale"),
        "indices": feature(600_000),
    }
    stage.fleet.refresh()
    assert stage.fleet.silent() == [Silent(kit.RACK, "berlin", "environment.top", kit.NOW - 600_000)]
    assert stage.fleet.silent() == []


def test_unknown_is_asked_for_once_and_waits_meanwhile(kit, stage):
    assert stage.fleet.get(kit.RACK) is WAITING
    assert stage.fleet.get(kit.RACK) is WAITING
    assert stage.ditto.asked == []
    stage.fleet.look_up(kit.RACK)
    assert stage.fleet.get(kit.RACK).thing == kit.RACK
    assert stage.fleet.answers == 1


def test_absent_is_remembered_for_a_while(kit, stage):
    stage.fleet.look_up(kit.OTHER)
    assert stage.fleet.get(kit.OTHER) is None
    stage.now += 3000
    assert stage.fleet.get(kit.OTHER) is WAITING


def test_never_refused_because_ditto_is_down(kit, stage):
    stage.ditto.down = True
    stage.fleet.get(kit.OTHER)
    assert not stage.fleet.look_up(kit.OTHER)
    assert stage.fleet.get(kit.OTHER) is WAITING
    assert "503" in stage.fleet.problem


def test_known_stays_known_while_ditto_is_down(kit, stage):
    stage.fleet.refresh()
    stage.ditto.down = True
    stage.fleet.refresh()
    assert stage.fleet.get(kit.RACK).thing == kit.RACK


def test_deleted_things_go_with_the_next_loading(kit, stage):
    stage.fleet.refresh()
    del stage.ditto.things[kit.RACK]
    stage.fleet.refresh()
    assert stage.fleet.get(kit.RACK) is None


def test_a_new_thing_that_search_lags_behind_stays(kit, stage):
    stage.ditto.hidden_from_search.add(kit.RACK)
    stage.fleet.look_up(kit.RACK)
    stage.fleet.refresh()
    assert stage.fleet.get(kit.RACK).thing == kit.RACK


@pytest.mark.parametrize(
    "name", ["", "x", "racktwin.berlin:rack-a/../../policies", "racktwin.berlin:rack-a?x=1", "a" * 500]
)
def test_a_name_that_no_thing_has_is_not_asked_for(stage, name):
    assert stage.fleet.get(name) is None
    assert stage.ditto.asked == []


def test_the_thread_answers_and_tries_again(kit, stage):
    stage.ditto.down = True
    stop = threading.Event()
    thread = threading.Thread(target=stage.fleet.run, args=(stop,))
    stage.fleet.get(kit.OTHER)
    thread.start()
    try:
        while not stage.ditto.asked:
            stop.wait(0.005)
        stage.ditto.things[kit.OTHER] = {"thingId": kit.OTHER}
        stage.ditto.down = False
        while stage.fleet.get(kit.OTHER) is WAITING:
            stop.wait(0.005)
        assert stage.fleet.get(kit.OTHER).thing == kit.OTHER
    finally:
        stop.set()
        thread.join()


def test_what_the_twins_hold_is_known_after_loading(kit, stage):
    features = {"power": {"properties": {"observedAt": kit.NOW, "power": 5}}, "disk": {}, "fans": {"properties": {}}}
    stage.ditto.things[kit.RACK]["features"] = features
    stage.ditto.things[kit.OTHER] = {"thingId": kit.OTHER, "features": features}
    stage.fleet.refresh()
    assert stage.fleet.held(kit.RACK) == {"power": kit.NOW}
    assert stage.fleet.held(kit.SERVER) == {}
    stage.fleet.look_up(kit.OTHER)
    assert stage.fleet.held(kit.OTHER) == {"power": kit.NOW}


def test_many_unknown_at_once_are_answered_by_one_loading(stage):
    fresh = [f"racktwin.berlin:rack-new-{number}" for number in range(200)]
    stop = threading.Event()
    loaded = threading.Event()
    first = stage.ditto.search

    def search(*arguments, **options):
        yield from first(*arguments, **options)
        loaded.set()

    stage.ditto.search = search
    thread = threading.Thread(target=stage.fleet.run, args=(stop,))
    thread.start()
    try:
        assert loaded.wait(60)
        loaded.clear()
        stage.ditto.things |= {name: {"thingId": name, "attributes": {"location": "hall-b"}} for name in fresh}
        assert {type(stage.fleet.get(name)) for name in fresh} == {type(WAITING)}
        assert loaded.wait(60)
        for _ in range(500):
            if all(stage.fleet.knows(name) for name in fresh):
                break
            stop.wait(0.01)
        assert all(stage.fleet.get(name).room == "hall-b" for name in fresh)
        assert len(stage.ditto.asked) < 100
    finally:
        stop.set()
        thread.join(60)
