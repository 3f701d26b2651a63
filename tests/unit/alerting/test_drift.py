"""A room breaks for a while and is mended: the alert of its model begins once and ends once, in its own times."""

from __future__ import annotations

import random

import pytest

from alerting.board import Board
from racktwin.messages import Prediction, Reading
from scorecard.judge import Judge, Promise
from scorecard.ledger import Ledger
from scorecard.tallies import Tallies

NOW = 1_800_000_000_000
RACKS = [f"racktwin.berlin:rack-{n}" for n in range(10)]
HORIZONS_S = (300, 900, 1800)
KEY = "inlet-temperature", "v1"


def reading(thing: str, at: int, value: float) -> Reading:
    return Reading(
        v=1, thing=thing, feature="environment.top", observed_at=at, received_at=at,
        values={"temperature": value}, quality="good", device="d", kind="rack", room="hall-a",
    )  # fmt: skip


def prediction(thing: str, at: int, value: float, horizon_s: int) -> Prediction:
    return Prediction(
        v=1, thing=thing, model=KEY[0], model_version=KEY[1], target="environment.top/temperature",
        horizon_s=horizon_s, value=value, lo=value - 0.4, hi=value + 0.4, unit="Cel", issued_at=at,
        valid_at=at + horizon_s * 1000, based_on=at, kind="rack",
    )  # fmt: skip


@pytest.mark.parametrize("broken_min", [15, 40])
def test_an_incident_of_the_room_is_one_alert_of_its_model(broken_min: int) -> None:
    """Forecasts for 30 minutes come due, and are wrong, long after those for 5; panels are missing in all racks."""
    noise, ledger, tallies = random.Random(1), Ledger(), Tallies()
    judge, board = Judge(Promise(0.15, 0.9)), Board()
    changes, said = [], []
    for minute in range(8 * 60):
        at = NOW + minute * 60_000
        broken = 120 <= minute < 120 + broken_min
        for thing in RACKS:
            value = 22.0 + (3.0 if broken else 0.0)
            for scored in ledger.read(reading(thing, at, value + noise.gauss(0.0, 0.2))):
                tallies.add(scored)
            for horizon_s in HORIZONS_S:
                ledger.predicted(prediction(thing, at, value + noise.gauss(0.0, 0.1), horizon_s))
        if KEY not in tallies.versions:
            continue
        verdict = judge.verdict(tallies.versions[KEY], at)
        state = "paused" if verdict.paused else "drifting" if verdict.drifting else "well"
        said.append((minute, state))
        model = {"state": state, "reason": verdict.reason, "skill": tallies.versions[KEY].skill}
        twin = {"thingId": "racktwin.berlin:site-berlin", "features": {f"model.{KEY[0]}": {"properties": model}}}
        for second in range(0, 60, 20):
            changes += [(minute, each.what) for each in board.judge(twin, at + second * 1000)]
    assert [what for _, what in changes] == ["firing", "cleared"]
    (fired, _), (cleared, _) = changes
    assert 120 < fired < 120 + broken_min + 15
    # Half an hour after the last forecast of then came due, and half an hour of calm.
    assert cleared < 120 + broken_min + 120
    assert {state for _, state in said} == {"well", "drifting"}
