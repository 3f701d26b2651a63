"""What a board remembers of alerts, and what it says of them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import ClassVar

import structlog
from tests.unit.alerting.twins import NOW, rack, rules_of, run

from alerting import wire
from alerting.board import Board
from alerting.main import Alerting
from alerting.rules import BY_NAME, RULES
from alerting.view import View
from racktwin.catalogue_computed import resolve
from racktwin.fleet import Fleet


def test_a_new_board_takes_what_is_open_from_the_twin_and_repeats_nothing():
    entry = {"severity": "warning", "since": NOW - 1000, "value": 28.0, "limit": 27.0, "text": "hot"}
    board = Board()
    known = {"inlet-recommended": entry}
    assert rules_of(board.judge(rack(top=28.0, open_alerts=known), NOW)) == []
    cleared = board.judge(rack(top=24.0, open_alerts=known), NOW + 5000)
    assert [(change.rule.name, change.what, change.since) for change in cleared] == [
        ("inlet-recommended", "cleared", NOW - 1000)
    ]
    assert board.count() == {"info": 0, "warning": 0, "critical": 0}


def test_an_acknowledgement_is_recorded_once():
    board = Board(scale=0.001)
    entry = {"severity": "warning", "since": NOW, "value": 28.0, "limit": 27.0, "text": "hot", "acknowledgedBy": "ada"}
    board.judge(rack(top=28.0), NOW)
    board.judge(rack(top=28.0, at=NOW + 5000), NOW + 5000)
    acknowledged = board.judge(rack(top=28.0, at=NOW + 6000, open_alerts={"inlet-recommended": entry}), NOW + 6000)
    assert [(change.what, change.who) for change in acknowledged] == [("acknowledged", "ada")]
    known = rack(top=28.0, at=NOW + 7000, open_alerts={"inlet-recommended": entry})
    assert board.judge(known, NOW + 7000) == []


def test_a_deleted_thing_leaves_nothing_behind():
    board = Board(scale=0.001)
    run(board, lambda now, _: rack(top=40.0, at=now), 10)
    opened = sum(board.count().values())
    assert opened > 0
    over = board.forget("racktwin.berlin:rack-r1", NOW + 60_000)
    assert sum(board.count().values()) == 0
    assert board.forget("racktwin.berlin:rack-r1", NOW + 60_000) == []
    # Its alerts are over in the history, which is what Grafana reads; there is no twin to write onto.
    assert [change.what for change in over] == ["cleared"] * opened
    for change in over:
        record = json.loads(wire.history_record(change))
        assert (record["thing"], record["observedAt"]) == ("racktwin.berlin:rack-r1", NOW + 60_000)
        assert (record["kind"], record["room"], record["row"]) == ("rack", "hall-a", "r01")
        assert record["values"]["firing"] == 0.0
        assert "no more" in record["values"]["text"]
        assert wire.twin_command(change, "c") is None


def test_of_a_thing_that_went_the_process_says_that_its_alerts_are_over():
    class Feed:
        fleets: ClassVar = {"berlin": Fleet("berlin")}

    sent = []
    producer = SimpleNamespace(produce=lambda *record: sent.append(record), flush=lambda _s: None)
    context = SimpleNamespace(clock=lambda: NOW, log=structlog.get_logger())
    entry = {"severity": "warning", "since": NOW - 1000, "value": 28.0, "limit": 27.0, "text": "hot"}
    alerting = Alerting(Feed(), producer, context, Board)
    fleet = Feed.fleets["berlin"]
    fleet.put(rack(top=28.0, open_alerts={"inlet-recommended": entry}))
    alerting.look(everything=False)
    assert sent == []
    fleet.remove("racktwin.berlin:rack-r1")
    alerting.look(everything=False)
    ((topic, key, value),) = sent
    assert (topic, key) == ("racktwin.readings.berlin", "racktwin.berlin:rack-r1")
    assert json.loads(value)["values"]["state"] == "cleared"


def test_what_goes_out_fits_the_catalogue():
    (first, *_) = run(Board(scale=0.0001), lambda now, _: rack(top=40.0, at=now), 10)
    record = json.loads(wire.history_record(first))
    assert record["feature"] == "alert.inlet-allowable"
    feature = resolve("rack", record["feature"])
    assert feature is not None
    assert feature.measurement == "alert"
    assert set(record["values"]) <= {prop.name for prop in feature.properties}
    command = json.loads(wire.twin_command(first, "c"))
    assert command["value"]["alerts"]["properties"]["open"]["inlet-allowable"]["severity"] == "critical"


def test_every_rule_says_what_to_do_and_judges_an_empty_twin_in_silence():
    assert len(BY_NAME) == len(RULES)
    for rule in RULES:
        assert rule.action.endswith(".")
        for kind in rule.kinds:
            assert rule.check(View({"thingId": f"racktwin.berlin:{kind}-x"}, NOW)) is None, rule.name
            assert resolve(kind, "alerts") is not None
            assert resolve(kind, f"alert.{rule.name}") is not None
