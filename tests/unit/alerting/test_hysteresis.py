"""Every rule waits, fires once, holds within its margin and clears once."""

from __future__ import annotations

import pytest
from tests.unit.alerting.twins import NOW, predicted, rack, rules_of, run, site, unit

from alerting.board import Board
from alerting.rules import BY_NAME
from alerting.view import View


# Of every rule: a twin that breaks it, one within the margin (it goes on firing), one that is well.
def _verdict(feature, **values):
    return lambda now: rack(at=now, features={feature: values})


def _air(**values):
    return lambda now: rack(at=now, **values)


def _unit(**values):
    return lambda now: unit(at=now, **values)


def _told(state):
    return lambda now: unit(at=now, last={"state": state, "at": now - 1000})


def _of_site(name, **values):
    return lambda now: site(name, **values)


HYSTERESIS = {
    "inlet-allowable": (_air(top=36.0), _air(top=34.7), _air(top=34.4)),
    "inlet-recommended": (_air(top=27.2), _air(top=26.6), _air(top=26.4)),
    "inlet-predicted": (predicted(27.2), predicted(26.6), predicted(26.4)),
    "moisture-allowable": (_air(dew=(21.3, 21.3)), _air(dew=(20.7, 20.7)), _air(dew=(20.3, 20.3))),
    "moisture-recommended": (_air(dew=(15.2, 15.2)), _air(dew=(14.7, 14.7)), _air(dew=(14.3, 14.3))),
    "dew-points-apart": (_air(dew=(12.2, 10.0)), _air(dew=(11.4, 10.0)), _air(dew=(10.8, 10.0))),
    "unit-failed": (_unit(supply=23.2), _unit(supply=22.4), _unit(supply=21.8)),
    "fidelity-worse": (
        _verdict("fidelity", state="settled", skill=-0.1, forecastRmse=0.32),
        _verdict("fidelity", state="settled", skill=0.05, forecastRmse=0.27),
        _verdict("fidelity", state="settled", skill=0.2, forecastRmse=0.32),
    ),
    "certificates": (
        _of_site("certificates", daysLeft=29.5, first="kafka:9093"),
        _of_site("certificates", daysLeft=30.5, first="kafka:9093"),
        _of_site("certificates", daysLeft=88.0, first="kafka:9093"),
    ),
    # Verdicts of others: their hysteresis is in what finds them.
    "maintenance-due": (_verdict("maintenance", state="due"), None, _verdict("maintenance", state="planned")),
    "anomaly": (_verdict("anomaly", state="anomalous"), None, _verdict("anomaly", state="suspect")),
    "sensor-faulty": (_verdict("sensing", score=0.8), _verdict("sensing", score=0.72), _verdict("sensing", score=0.62)),
    "model-drifting": (
        _of_site("model.inlet-temperature", state="drifting", reason="its error is 2"),
        None,
        _of_site("model.inlet-temperature", state="well"),
    ),
    "unit-refuses": (_told("timed out"), None, _told("accepted")),
}
# Over time, and so tested on their own.
OVER_TIME = {"inlet-rate", "sensor-stale", "readings-lost"}


def test_a_model_that_is_well_is_not_said_to_err():
    """Whatever stands on the twin from before."""
    rule = BY_NAME["model-drifting"]
    well = _of_site("model.inlet-temperature", state="well", reason="its error is 2")(NOW)
    assert rule.check(View(well, NOW)).text == "model inlet-temperature is well: its predictions hold"
    bad = _of_site("model.inlet-temperature", state="paused", reason="its error is 2")(NOW)
    assert rule.check(View(bad, NOW)).text == "model inlet-temperature is paused: its error is 2"


def test_every_rule_has_a_test_of_its_hysteresis():
    assert HYSTERESIS.keys() | OVER_TIME == BY_NAME.keys()


@pytest.mark.parametrize("name", HYSTERESIS)
def test_a_rule_waits_fires_once_holds_within_its_margin_and_clears_once(name):
    broken, within, well = HYSTERESIS[name]
    rule, board = BY_NAME[name], Board()
    wait_s = int(rule.for_s)

    def at(now, second):
        if second < 20:
            return well(now)
        if second < wait_s + 60 or (within is None and second < wait_s + 200):
            return broken(now)
        return within(now) if within is not None and second < wait_s + 400 else well(now)

    changes = [change for change in run(board, at, wait_s + 800 + int(rule.clear_s)) if change.rule.name == name]
    assert [change.what for change in changes] == ["firing", "cleared"]
    assert (changes[0].at - NOW) // 1000 == 20 + wait_s
    assert (changes[0].since - NOW) // 1000 == 20
    assert (changes[1].at - NOW) // 1000 == wait_s + (400 if within is not None else 200) + rule.clear_s
    # Just beyond the limit for a moment, again and again, says nothing where the rule waits.
    if wait_s:
        flicker = run(Board(), lambda now, second: (broken if second % 20 < 10 else well)(now), 600)
        assert name not in rules_of(flicker)


@pytest.mark.parametrize("name", [rule.name for rule in BY_NAME.values() if rule.clear_s])
def test_a_verdict_that_wavers_is_one_alert(name):
    broken, _, well = HYSTERESIS[name]
    rule = BY_NAME[name]
    begun, calm = int(rule.for_s) + 60, int(rule.clear_s) - 20

    def at(now, second):
        wavers = second < begun or (second - begun) % (calm + 40) >= calm
        return (broken if wavers and second < begun + 3 * (calm + 40) else well)(now)

    changes = [change for change in run(Board(), at, begun + 5 * (calm + 40)) if change.rule.name == name]
    assert [change.what for change in changes] == ["firing", "cleared"]
