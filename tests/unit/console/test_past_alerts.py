"""Alerts that were open at a past time."""

from __future__ import annotations

from console.past_alerts import fold

RACK = "racktwin.berlin:rack-r1"


def last(at, name, value, rule="inlet-high", thing=RACK):
    return {"_time": at, "_field": name, "_value": value, "thing": thing, "feature": f"alert.{rule}"}


def event(at, state, rule="inlet-high", thing=RACK, **more):
    return {"_time": at, "thing": thing, "feature": f"alert.{rule}", "state": state, "severity": "critical"} | more


def test_an_alert_is_open_from_its_begin_to_its_end():
    (found,) = fold([], [event(10, "firing", text="hot"), event(50, "cleared", text="cleared: hot")])
    assert (found["thing"], found["rule"], found["title"]) == (RACK, "inlet-high", "Inlet high")
    assert (found["since"], found["until"], found["severity"], found["text"]) == (10, 50, "critical", "hot")


def test_one_that_began_before_is_open_and_one_that_was_over_is_not():
    before = [
        last(5, "firing", 1.0),
        last(5, "severity", "warning"),
        last(8, "text", "acknowledged: hot"),
        last(8, "who", "ann"),
        last(3, "firing", 0.0, rule="stale"),
        last(3, "text", "cleared: silent", rule="stale"),
    ]
    (found,) = fold(before, [])
    assert (found["since"], found["until"], found["severity"], found["text"]) == (5, None, "warning", "hot")
    assert (found["acknowledged_by"], found["acknowledged_at"]) == ("ann", 8)


def test_an_acknowledgement_of_an_earlier_one_says_nothing_of_this_one():
    (found,) = fold([last(5, "firing", 1.0), last(2, "who", "ann")], [])
    assert found["acknowledged_by"] is None


def test_it_may_come_again_and_is_acknowledged_apart():
    during = [event(10, "firing"), event(20, "cleared"), event(30, "firing"), event(31, "acknowledged", who="ben")]
    first, second = fold([], during)
    assert (first["since"], first["until"], first["acknowledged_by"]) == (10, 20, None)
    assert (second["since"], second["until"], second["acknowledged_by"]) == (30, None, "ben")


def test_what_an_alerting_process_says_again_after_a_restart_begins_nothing():
    assert [each["since"] for each in fold([], [event(10, "firing"), event(15, "firing")])] == [10]
