"""Alerts that are open in history alone: which are ended, when it is looked for them, and what InfluxDB is asked."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import structlog
from tests.unit.alerting.twins import NOW, rack, run

from alerting import wire
from alerting.board import Board
from alerting.history import look, open_alerts
from alerting.leftovers import Found, Left, Leftovers
from alerting.main import Alerting
from historian.points import reading_line
from models.influx import InfluxError, Row
from racktwin.fleet import Fleet
from racktwin.messages import decode_reading

RACK, GONE = "racktwin.berlin:rack-r1", "racktwin.berlin:rack-r9"
RULE = "inlet-recommended"
BEGIN = NOW - 3_600_000
OPEN = {RULE: {"severity": "warning", "since": BEGIN, "value": 28.0, "limit": 27.0, "text": "hot"}}


def left(thing=GONE, rule=RULE, room="hall-a", row="r01", since=BEGIN):
    return Left(thing, rule, room, row, since)


class Stage:
    """Alerting of one site, judged once, with an InfluxDB that is told what it has."""

    def __init__(self, *things, after_s=60.0, every_s=3600.0):
        self.s = 1000.0
        self.asked, self.sent = [], []
        self.fleet = Fleet("berlin")
        for thing in things:
            self.fleet.put(thing)
        self.feed = SimpleNamespace(fleets={"berlin": self.fleet})
        self.leftovers = Leftovers(
            lambda site, names: self.asked.append((site, names)),
            after_s=after_s,
            every_s=every_s,
            clock=lambda: self.s,
        )
        producer = SimpleNamespace(produce=lambda *record: self.sent.append(record), flush=lambda _s: None)
        context = SimpleNamespace(clock=lambda: NOW, log=structlog.get_logger())
        self.alerting = Alerting(self.feed, producer, context, Board, self.leftovers)
        self.look()

    def look(self, later_s=0.0):
        self.s += later_s
        self.alerting.look(everything=True)

    def history_has(self, *open_in_history, gone=()):
        """The values of what is written thereupon."""
        self.sent.clear()
        self.alerting.take_history("berlin", Found(open_in_history, frozenset(gone)))
        assert {topic for topic, _, _ in self.sent} <= {"racktwin.readings.berlin"}
        return [json.loads(value) for _, _, value in self.sent]


def test_an_alert_of_a_thing_that_is_no_more_ends_once_in_the_series_of_its_begin():
    stage = Stage(rack())
    (record,) = stage.history_has(left(), gone=[GONE])
    assert (record["thing"], record["feature"], record["kind"]) == (GONE, f"alert.{RULE}", "rack")
    assert (record["room"], record["row"], record["observedAt"]) == ("hall-a", "r01", NOW)
    assert record["values"] == {
        "state": "cleared",
        "severity": "warning",
        "text": "cleared: r9: it is no more",
        "firing": 0.0,
    }
    assert stage.history_has(left(), gone=[GONE]) == [], "history may be behind"


def test_begin_and_end_are_points_of_one_series():
    def series(record):
        return reading_line(decode_reading(json.dumps(record))).partition(" ")[0]

    (begin, *_) = run(Board(scale=0.0001), lambda now, _: rack(top=40.0, at=now), 10)
    (end,) = Stage().history_has(left(RACK, begin.rule.name), gone=[RACK])
    assert series(json.loads(wire.history_record(begin))) == series(end)
    place = "racktwin.berlin:site-berlin"
    (bare,) = Stage().history_has(left(place, "readings-lost", "", ""), gone=[place])
    assert series(bare) == f"alert,feature=alert.readings-lost,kind=site,thing={place}"


def test_what_is_open_on_the_twin_or_on_its_way_to_be_is_left():
    assert Stage(rack(top=28.0, open_alerts=OPEN)).history_has(left(RACK)) == []
    assert Stage(rack(top=28.0)).history_has(left(RACK)) == [], "it waits for two minutes to fire"
    # As long as the twin shows it, it is not over, whatever this version knows of its rule.
    tomorrow = "a-rule-of-tomorrow"
    assert Stage(rack(open_alerts={tomorrow: OPEN[RULE]})).history_has(left(RACK, tomorrow)) == []


def test_what_its_twin_does_not_have_any_more_ends():
    (record,) = Stage(rack(top=24.0)).history_has(left(RACK, row="r07"))
    assert "not open any more" in record["values"]["text"]
    # It was moved since: the end belongs where the begin is.
    assert record["row"] == "r07"
    (record,) = Stage(rack()).history_has(left(RACK, "a-rule-of-yesterday"))
    assert (record["feature"], record["values"]["firing"]) == ("alert.a-rule-of-yesterday", 0.0)


def test_a_thing_that_is_not_seen_yet_or_came_meanwhile_is_not_gone():
    stage = Stage()
    assert stage.history_has(left()) == [], "Ditto has it"
    stage.fleet.put(rack())
    assert stage.history_has(left(RACK), gone=[RACK]) == [], "it was not judged yet"


def test_an_end_that_was_just_said_is_not_said_again_but_a_later_begin_is_ended():
    stage = Stage(rack(top=28.0, open_alerts=OPEN))
    stage.fleet.remove(RACK)
    stage.look()
    assert [json.loads(value)["values"]["state"] for _, _, value in stage.sent] == ["cleared"]
    assert stage.history_has(left(RACK), gone=[RACK]) == []
    assert len(stage.history_has(left(RACK, since=NOW + 5), gone=[RACK])) == 1


def test_an_end_comes_after_its_begin_where_clocks_differ():
    (record,) = Stage().history_has(left(since=NOW + 2000), gone=[GONE])
    assert record["observedAt"] == NOW + 2001


def test_it_is_looked_a_while_after_the_begin_and_then_now_and_then():
    stage = Stage(rack())
    stage.look(59)
    assert stage.asked == []
    stage.look(2)
    stage.look(600)
    assert stage.asked == [("berlin", frozenset({RACK}))], "one at a time"
    stage.history_has()
    stage.look(3500)
    assert len(stage.asked) == 1
    stage.look(200)
    assert len(stage.asked) == 2


def test_a_site_that_comes_again_is_begun_with_again():
    stage = Stage(rack(), every_s=86_400)
    stage.look(61)
    stage.history_has()
    stage.feed.fleets = {}
    stage.look(1)
    stage.feed.fleets = {"berlin": Fleet("berlin")}
    stage.look(1)
    stage.look(61)
    assert len(stage.asked) == 2


def test_while_influxdb_is_away_it_is_asked_ever_more_seldom_and_each_time_is_told():
    stage = Stage(rack(), after_s=0.0)
    waits = []
    with structlog.testing.capture_logs() as logs:
        for _ in range(10):
            stage.look()
            asked = len(stage.asked)
            stage.alerting.take_no_history("berlin", "away")
            waits.append(logs[-1]["again_in_s"])
            stage.look(waits[-1] - 1)
            assert len(stage.asked) == asked
            stage.s += 1
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == 600
    assert [(entry["log_level"], entry["problem"]) for entry in logs] == [("warning", "away")] * 10
    stage.look()
    stage.history_has()
    stage.look(3601)
    stage.alerting.take_no_history("berlin", "away again")
    assert stage.leftovers.failed("berlin") == 10, "the second of a new row"


class Influx:
    def __init__(self, *rows, error=None):
        self.rows, self.error, self.asked = rows, error, []

    def query(self, flux):
        self.asked.append(flux)
        if self.error is not None:
            raise self.error
        yield from self.rows


class Ditto:
    def __init__(self, *things):
        self.things, self.asked = things, []

    def get_thing(self, name, _fields):
        self.asked.append(name)
        return {"thingId": name} if name in self.things else None


def row(thing, rule=RULE, **more):
    return Row(thing, "hall-a", "r01", BEGIN, "1", feature=f"alert.{rule}", **more)


def test_history_is_asked_for_the_last_of_each_series():
    influx = Influx(row(GONE), row("no thing"), row("racktwin.paris:rack-r1"), row(RACK, "anomaly"))
    assert open_alerts(influx, "berlin") == [left(RACK, "anomaly"), left()]
    (flux,) = influx.asked
    assert 'from(bucket: "berlin_log")' in flux
    assert flux.index('r._field == "firing"') < flux.index("last()") < flux.index("r._value > 0.5")


def test_a_site_to_which_nothing_happened_has_no_bucket():
    assert open_alerts(Influx(error=InfluxError("404 Not Found", 404)), "berlin") == []
    with pytest.raises(InfluxError):
        open_alerts(Influx(error=InfluxError("401 Unauthorized", 401)), "berlin")


def test_ditto_is_asked_for_things_that_are_not_known_alone():
    other = "racktwin.berlin:rack-r5"
    ditto = Ditto(other)
    found = look(Influx(row(GONE), row(GONE, "anomaly"), row(RACK), row(other)), ditto, "berlin", frozenset({RACK}))
    assert len(found.left) == 4
    assert found.gone == {GONE}
    assert ditto.asked == [other, GONE]
