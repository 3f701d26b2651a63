"""Sites that come and go while somebody follows them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from racktwin import twin_feed
from racktwin.ditto_protocol import Envelope
from racktwin.settings import DittoSettings, KafkaSettings
from racktwin.twin_feed import TwinFeed


def make(sites=None):
    return TwinFeed(
        KafkaSettings(), DittoSettings(), sites, name="test", call=lambda function, *arguments: function(*arguments)
    )


def event(site):
    topic = f"racktwin.{site}/rack-r1/things/twin/events/modified"
    return Envelope(topic=topic, path="/features/power/properties/power", value=1.0, revision=2)


def thing(site, name="rack-r1"):
    return {"thingId": f"racktwin.{site}:{name}", "attributes": {}, "features": {}, "_revision": 1}


class Ditto:
    def __init__(self, *things):
        self.things = list(things)
        self.searches = 0

    def search(self, **_):
        self.searches += 1
        return iter(self.things)

    def get_thing(self, name, _fields):
        return next((each for each in self.things if each["thingId"] == name), None)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(twin_feed.time, "monotonic", lambda: now.s)
    return now


def test_a_new_sites_first_event_brings_the_site(clock):
    feed, ditto = make(), Ditto()
    feed._read_due(ditto)
    assert feed.fleets == {}
    ditto.things = [thing("berlin")]
    clock.s += 3
    feed._read_due(ditto)
    assert ditto.searches == 1, "nothing told of it"
    feed._take([event("berlin")])
    feed._read_due(ditto)
    assert set(feed.fleets) == {"berlin"}


def test_what_came_before_a_topic_was_followed_is_read_once_more(clock):
    feed, ditto = make(), Ditto(thing("berlin", "rack-r1"))
    feed._read_due(ditto)
    # A rack made between that reading and the following of the site's events: none of them is seen.
    ditto.things.append(thing("berlin", "rack-r2"))
    feed._assigned(None, [])
    clock.s += 6
    feed._read_due(ditto)
    assert len(feed.fleets["berlin"].things) == 2
    searches = ditto.searches
    clock.s += 60
    feed._read_due(ditto)
    assert ditto.searches == searches, "once"


def test_events_of_new_sites_do_not_make_it_read_without_end(clock):
    feed, ditto = make(), Ditto()
    for _ in range(20):
        feed._take([event("berlin")])
        feed._read_due(ditto)
    assert ditto.searches == 1
    clock.s += 3
    feed._read_due(ditto)
    assert ditto.searches == 2


def test_sites_of_others_are_none_of_its_business(clock):
    feed, ditto = make(["berlin"]), Ditto(thing("berlin"))
    feed._read_due(ditto)
    clock.s += 3
    feed._take([event("paris")])
    feed._read_due(ditto)
    assert ditto.searches == 1
    assert set(feed.fleets) == {"berlin"}


def test_a_site_that_is_gone_is_forgotten(clock):
    feed, ditto = make(), Ditto(thing("berlin"), thing("paris"))
    feed._read_due(ditto)
    ditto.things = [thing("paris")]
    clock.s += 400
    feed._read_due(ditto)
    assert set(feed.fleets) == {"paris"}


def test_what_was_deleted_while_ditto_could_not_be_followed_is_gone_for_whoever_follows(clock):
    feed, ditto = make(), Ditto(thing("berlin", "rack-r1"), thing("berlin", "rack-r2"))
    feed._read_due(ditto)
    feed.fleets["berlin"].drain()
    # No event tells of it; on its return, and every few minutes, everything is read.
    ditto.things.pop()
    clock.s += 400
    feed._read_due(ditto)
    assert feed.fleets["berlin"].drain()[1] == ["racktwin.berlin:rack-r2"]
