"""Alerts begin once and end once, at the limits of the rack's class, with hysteresis."""

from __future__ import annotations

import json

import pytest

from alerting import wire
from alerting.board import Board
from alerting.rules import BY_NAME, RULES, View
from racktwin.catalogue_computed import resolve

NOW = 1_780_000_000_000


def rack(top=24.0, bottom=22.0, *, at=NOW, ashrae="A2", dew=(10.0, 10.0), features=None, open_alerts=None):
    found = {
        "environment.top": {"temperature": top, "dewPoint": dew[0], "observedAt": at},
        "environment.bottom": {"temperature": bottom, "dewPoint": dew[1], "observedAt": at},
        "environment.rear-top": {"temperature": 45.0, "observedAt": at},
        **(features or {}),
    }
    if open_alerts:
        found["alerts"] = {"open": open_alerts}
    return {
        "thingId": "racktwin.berlin:rack-r1",
        "attributes": {"location": "hall-a", "row": "r01", "ashraeClass": ashrae},
        "features": {name: {"properties": values} for name, values in found.items()},
    }


def unit(supply=20.0, setpoint=20.0, *, at=NOW, airflow=4.0, last=None):
    control = {"setpoint": setpoint, **({"lastCommand": last} if last else {})}
    air = {"supplyTemperature": supply, "airflow": airflow, "observedAt": at}
    return {
        "thingId": "racktwin.berlin:cooling-crah-1",
        "attributes": {"location": "hall-a"},
        "features": {"air": {"properties": air}, "control": {"properties": control}},
    }


def rules_of(changes, what="firing"):
    return [change.rule.name for change in changes if change.what == what]


def run(board, thing_at, seconds, step=5):
    changes = []
    for second in range(0, seconds, step):
        now = NOW + second * 1000
        changes += board.judge(thing_at(now, second), now)
    return changes


def test_a_hot_inlet_fires_once_after_its_time_and_clears_once_with_a_margin():
    board = Board()

    def at(now, second):
        # Over 27 °C until 300 s, then just below it (within the margin), then well below.
        value = 28.0 if second < 300 else 26.8 if second < 600 else 26.0
        return rack(top=value, at=now)

    changes = [change for change in run(board, at, 900) if change.rule.name == "inlet-recommended"]
    assert [(change.what, (change.at - NOW) // 1000) for change in changes] == [("firing", 120), ("cleared", 600)]
    assert changes[0].since == NOW
    assert "top inlet 28.0 °C, above the recommended 27 °C (A2)" in changes[0].finding.text


def test_a_short_excursion_says_nothing():
    board = Board()
    assert run(board, lambda now, second: rack(top=28.0 if second < 100 else 25.0, at=now), 600) == []


@pytest.mark.parametrize(
    ("ashrae", "top", "rules"),
    [
        ("A1", 33.0, ["inlet-allowable", "inlet-recommended"]),
        ("A3", 33.0, ["inlet-recommended"]),
        ("H1", 24.0, ["inlet-recommended"]),
        ("A2", 24.0, []),
        ("A2", 17.0, ["inlet-recommended"]),
        ("A2", 9.0, ["inlet-allowable", "inlet-recommended"]),
    ],
)
def test_limits_are_those_of_the_racks_class(ashrae, top, rules):
    changes = run(Board(), lambda now, second: rack(top=top, bottom=20.0, at=now, ashrae=ashrae), 200)
    assert rules_of(changes) == rules


def test_a_prediction_over_the_limit_warns_and_an_expired_one_does_not():
    def with_prediction(now, **values):
        prediction = {
            "target": "environment.top/temperature",
            "value": 29.0,
            "horizon": 900,
            "expiresAt": now + 60_000,
            **values,
        }
        return rack(at=now, features={"prediction.inlet-temperature.top": prediction})

    assert rules_of(run(Board(), lambda now, _: with_prediction(now), 120)) == ["inlet-predicted"]
    assert rules_of(run(Board(), lambda now, _: with_prediction(now, expiresAt=now - 1), 120)) == []
    assert rules_of(run(Board(), lambda now, _: with_prediction(now, horizon=1800), 120)) == []


def test_a_fast_change_is_named():
    changes = run(Board(), lambda now, second: rack(top=20.0 + second / 60, at=now), 600)
    assert rules_of(changes)[0] == "inlet-rate"
    assert run(Board(), lambda now, second: rack(top=20.0 + second / 600, at=now), 900) == []


def test_dew_points_apart_point_to_a_sensor_or_water():
    assert rules_of(run(Board(), lambda now, _: rack(at=now, dew=(13.0, 10.0)), 400)) == ["dew-points-apart"]
    assert rules_of(run(Board(), lambda now, _: rack(at=now, dew=(11.0, 10.0)), 400)) == []


def test_silence_is_an_alert_and_no_judgement_on_old_values():
    changes = run(Board(), lambda now, second: rack(top=40.0, at=min(now, NOW + 10_000)), 600)
    assert rules_of(changes) == ["inlet-allowable", "inlet-recommended", "sensor-stale"]
    assert "cleared" not in {change.what for change in changes}


def test_a_unit_that_does_not_cool_or_does_not_obey():
    assert rules_of(run(Board(), lambda now, _: unit(supply=24.5, at=now), 120)) == ["unit-failed"]
    assert rules_of(run(Board(), lambda now, _: unit(airflow=0.0, at=now), 120)) == ["unit-failed"]
    assert rules_of(run(Board(), lambda now, _: unit(supply=22.5, at=now), 120)) == []
    late = {"state": "timed out", "at": NOW - 1000}
    assert rules_of(run(Board(), lambda now, _: unit(at=now, last=late), 10)) == ["unit-refuses"]


def test_verdicts_of_models_become_alerts():
    features = {
        "maintenance": {"state": "due", "score": 0.9, "cause": "fan 2"},
        "anomaly": {"state": "suspect"},
        "fidelity": {"skill": -0.4, "rmse": 1.2},
    }
    changes = run(Board(), lambda now, _: rack(at=now, features=features), 700)
    assert sorted(rules_of(changes)) == ["fidelity-worse", "maintenance-due"]
    assert "fan 2" in changes[0].finding.text


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
    acknowledged = board.judge(rack(top=28.0, open_alerts={"inlet-recommended": entry}), NOW + 6000)
    assert [(change.what, change.who) for change in acknowledged] == [("acknowledged", "ada")]
    assert board.judge(rack(top=28.0, open_alerts={"inlet-recommended": entry}), NOW + 7000) == []


def test_a_deleted_thing_leaves_nothing_behind():
    board = Board(scale=0.001)
    run(board, lambda now, _: rack(top=40.0, at=now), 10)
    assert sum(board.count().values()) > 0
    board.forget("racktwin.berlin:rack-r1")
    assert sum(board.count().values()) == 0


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
