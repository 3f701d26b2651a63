"""Alerts begin once and end once, at the limits of the rack's class, with hysteresis."""

from __future__ import annotations

from typing import get_args

import pytest
from tests.unit.alerting.twins import NOW, predicted, rack, rules_of, run, site, unit

from alerting.board import Board
from racktwin.commands import State


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


@pytest.mark.parametrize(
    ("ashrae", "dew", "humidity", "rules"),
    [
        ("A1", 17.3, 60.0, ["moisture-allowable", "moisture-recommended"]),
        ("A3", 17.3, 60.0, ["moisture-recommended"]),
        ("A2", -9.5, 20.0, ["moisture-recommended"]),
        ("A2", -12.5, 20.0, ["moisture-allowable", "moisture-recommended"]),
        ("A2", 12.0, 82.0, ["moisture-allowable"]),
        ("A2", 0.0, 7.0, ["moisture-allowable"]),
        ("A3", 12.0, 82.0, []),
        # What is recommended depends on the air: a state of the rack, not an alert.
        ("A2", 12.0, 65.0, []),
        ("A2", None, None, []),
    ],
)
def test_moisture_is_held_to_the_limits_of_the_racks_class(ashrae, dew, humidity, rules):
    def at(now, _second):
        thing = rack(at=now, ashrae=ashrae, dew=(dew, dew))
        for place in ("top", "bottom"):
            properties = thing["features"][f"environment.{place}"]["properties"]
            properties["relativeHumidity"] = humidity
            if dew is None:
                properties.pop("dewPoint", None)
        return thing

    changes = run(Board(), at, 700)
    assert rules_of(changes) == rules
    if humidity == 82.0 and rules:
        assert "relative humidity 82.0 %, above the allowable 80 % (A2)" in changes[0].finding.text


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


@pytest.mark.parametrize(
    "after",
    [
        {"prediction.inlet-temperature.top": {"target": "environment.top/temperature", "value": 29.0, "horizon": 900,
                                              "expiresAt": NOW + 150_000}},
        {"prediction.inlet-temperature.top": {"target": "environment.top/temperature", "horizon": 900,
                                              "expiresAt": NOW + 150_000}},
        {},
    ],
    ids=["expired", "withdrawn", "gone"],
)  # fmt: skip
def test_what_was_expected_is_over_once_nobody_expects_it_any_more(after):
    def at(now, second):
        return predicted(29.0)(now) if second < 120 else rack(at=now, features=after)

    changes = run(Board(), at, 600)
    assert [(change.rule.name, change.what) for change in changes] == [
        ("inlet-predicted", "firing"),
        ("inlet-predicted", "cleared"),
    ]
    assert "nothing is expected any more" in changes[1].finding.text


@pytest.mark.parametrize(
    ("rule", "feature", "state"),
    [
        ("anomaly", "anomaly", "anomalous"),
        ("maintenance-due", "maintenance", "due"),
        ("sensor-faulty", "sensing", "anomalous"),
    ],
)
@pytest.mark.parametrize("how", ["expired", "withdrawn", "gone"])
def test_a_verdict_that_nobody_repeats_is_over(rule, feature, state, how):
    until = NOW + 600_000
    after = {
        "expired": {feature: {"state": state, "score": 0.9, "expiresAt": until}},
        "withdrawn": {feature: {"expiresAt": until}},
        "gone": {},
    }[how]

    def at(now, second):
        said = {feature: {"state": state, "score": 0.9, "expiresAt": until}}
        return rack(at=now, features=said if second < 600 else after)

    changes = run(Board(), at, 900)
    assert [(change.rule.name, change.what) for change in changes] == [(rule, "firing"), (rule, "cleared")]
    assert 600 <= (changes[1].at - NOW) // 1000 <= 605


def test_a_faulty_sensor_is_named_with_what_it_was_seen_by():
    def said(state, score, cause, until):
        inputs = {"top.std[0:600]": 0.2, "dewTop-dewBottom.mean[0:300]": 0.7, "top.std[0:1800]": 0.05}
        evidence = {"finding": "drift", "inputs": inputs}
        return {"sensing": {"state": state, "score": score, "cause": cause, "evidence": evidence, "expiresAt": until}}

    off = "the dew points of top and bottom differ: one of the two sensors is off, or there is a leak"
    changes = run(Board(), lambda now, _: rack(at=now, features=said("anomalous", 0.9, off, now + 60_000)), 400)
    (change,) = changes
    assert (change.rule.name, change.what, change.since) == ("sensor-faulty", "firing", NOW)
    assert change.finding.text == f"r1: {off} (seen by dewTop-dewBottom.mean[0:300], top.std[0:600])"
    assert "hand-held" in change.rule.action

    def later(now, second):
        right = said("normal", 0.1, "", now + 60_000)
        return rack(at=now, features=said("anomalous", 0.9, off, now + 60_000) if second < 400 else right)

    ended = run(Board(), later, 1100)[-1]
    assert (ended.what, ended.finding.text) == ("cleared", "r1: its sensors go together again")


def test_an_expired_verdict_fires_nothing():
    said = {"anomaly": {"state": "anomalous", "score": 0.9, "expiresAt": NOW - 1}}
    assert run(Board(), lambda now, _: rack(at=now, features=said), 600) == []


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


@pytest.mark.parametrize(
    ("last", "rules"),
    [
        ({"state": "timed out"}, ["unit-refuses"]),
        ({"state": "refused", "rule": "device", "detail": "422: setpoint 12"}, ["unit-refuses"]),
        # The guard's own answer to a person.
        ({"state": "refused", "rule": "interlock"}, []),
        ({"state": "accepted"}, []),
        ({"state": "offline"}, []),
    ],
)
def test_a_unit_that_does_not_obey_is_told_from_a_guard_that_refuses(last, rules):
    """The states are those that the guard writes (`racktwin.commands.State`)."""
    assert last["state"] in get_args(State)
    told = {**last, "at": NOW - 1000}
    assert rules_of(run(Board(), lambda now, _: unit(at=now, last=told), 10)) == rules
    old = {**last, "at": NOW - 1_900_000}
    assert rules_of(run(Board(), lambda now, _: unit(at=now, last=old), 10)) == []


def test_a_fast_change_is_over_when_the_air_has_been_steady_for_a_while():
    def at(now, second):
        return rack(top=20.0 + min(second, 360) / 60, at=now)

    changes = [change for change in run(Board(), at, 1500) if change.rule.name == "inlet-rate"]
    assert [change.what for change in changes] == ["firing", "cleared"]
    # 1 K back within the limit, which the last 15 min are 120 s after the rise ended.
    assert 960 <= (changes[1].at - NOW) // 1000 <= 1260


def test_up_and_down_again_within_the_window_is_one_fast_change():
    def at(now, second):
        return rack(top=20.0 + 8.0 * max(0.0, 1.0 - abs(second - 200) / 100), at=now)

    changes = [change for change in run(Board(), at, 1600) if change.rule.name == "inlet-rate"]
    assert [change.what for change in changes] == ["firing", "cleared"]


def test_a_sensor_that_speaks_again_clears():
    changes = run(Board(), lambda now, second: rack(at=now if not 100 < second < 500 else NOW + 100_000), 800)
    assert [(change.rule.name, change.what) for change in changes] == [
        ("sensor-stale", "firing"),
        ("sensor-stale", "cleared"),
    ]


def hops(now, ingest, historian=0.0, *, silent=()):
    processes = {
        name: {"hop": name.partition("-")[0], "at": now - (120_000 if name in silent else 1000), "missing": missing}
        for name, missing in (("ingest-a", ingest), ("historian-a", historian))
    }
    return site("hops", processes=processes)


def test_lost_readings_fire_once_and_clear_when_none_was_lost_for_a_while():
    changes = run(Board(), lambda now, second: hops(now, 0 if second < 100 else 300.0), 1400)
    assert [(change.rule.name, change.what) for change in changes] == [
        ("readings-lost", "firing"),
        ("readings-lost", "cleared"),
    ]
    assert "300 numbers" in changes[0].finding.text
    assert "ingest-a 300" in changes[0].finding.text
    assert (changes[1].at - NOW) // 1000 > 900


def test_stragglers_a_restart_and_what_was_lost_before_are_no_new_loss():
    assert run(Board(), lambda now, second: hops(now, 40.0 if 60 < second < 90 else 0.0), 600) == []
    assert run(Board(), lambda now, second: hops(now, 500.0 if second < 300 else 0.0), 900) == []
    gone = run(Board(), lambda now, second: hops(now, 0.0, 9.0 if second else 0.0, silent=("historian-a",)), 600)
    assert gone == []


def test_a_scale_shortens_everything():
    changes = run(Board(0.1), lambda now, second: hops(now, 0 if second < 10 else 5.0), 200, step=1)
    assert [change.what for change in changes] == ["firing", "cleared"]
    assert (changes[0].at - changes[0].since) // 1000 == 6
    assert 90 <= (changes[1].at - NOW) // 1000 <= 115
    stale = run(Board(0.1), lambda now, second: rack(at=NOW), 60, step=1)
    assert rules_of(stale) == ["sensor-stale"]


def test_how_long_it_must_be_well_may_have_a_scale_of_its_own():
    def at(now, second):
        return rack(
            at=now, features={"anomaly": {"state": "anomalous" if second < 60 or 120 < second < 150 else "normal"}}
        )

    def told(board):
        changes = run(board, at, 700, step=1)
        return [(change.what, (change.at - NOW) // 1000) for change in changes if change.rule.name == "anomaly"]

    # A verdict that wavers is two alerts where a minute of calm ends one, and one where five minutes do.
    assert [what for what, _ in told(Board(0.1))] == ["firing", "cleared"] * 2
    (_, begun), (end, over) = told(Board(0.1, 0.5))
    assert (begun < 20, end, 449 <= over <= 452) == (True, "cleared", True)


def test_the_worst_model_is_named():
    thing = site("model.a", state="well", skill=0.4)
    thing["features"]["model.b"] = {"properties": {"state": "paused", "reason": "worse than persistence"}}
    (change,) = run(Board(), lambda now, _: thing, 200)
    assert change.finding.text == "model b is paused: worse than persistence"


@pytest.mark.parametrize(
    ("found", "fires"),
    [
        ({"state": "settled", "skill": -0.4, "forecastRmse": 0.4}, True),
        # A calm room: worse than assuming no change by what no sensor can tell.
        ({"state": "settled", "skill": -2.28, "forecastRmse": 0.12}, False),
        # A lively one, where it errs and is still better.
        ({"state": "settled", "skill": 0.3, "forecastRmse": 0.9}, False),
        ({"state": "learning", "skill": -11.5, "forecastRmse": 1.5}, False),
        # Told by a version that knew neither.
        ({"skill": -11.5, "rmse": 1.5}, False),
    ],
)
def test_a_room_model_fits_no_more_when_it_has_learnt_the_room_and_errs_by_what_matters(found, fires):
    changes = run(Board(), lambda now, _: rack(at=now, features={"fidelity": found}), 700)
    assert rules_of(changes) == (["fidelity-worse"] if fires else [])


def test_verdicts_of_models_become_alerts():
    features = {
        "maintenance": {"state": "due", "score": 0.9, "cause": "fan 2"},
        "anomaly": {"state": "suspect"},
        "fidelity": {"state": "settled", "skill": -0.4, "forecastRmse": 1.2},
    }
    changes = run(Board(), lambda now, _: rack(at=now, features=features), 700)
    assert sorted(rules_of(changes)) == ["fidelity-worse", "maintenance-due"]
    assert "fan 2" in changes[0].finding.text
