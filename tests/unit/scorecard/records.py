"""Predictions and readings of one rack, and scores made of them, for the scorecard's tests."""

from __future__ import annotations

from racktwin.messages import Prediction, Reading
from scorecard.ledger import Ledger
from scorecard.tallies import Tally

NOW = 1_800_000_000_000
THING = "racktwin.berlin:rack-1"


def prediction(at=NOW, value=22.0, lo=21.0, hi=23.0, horizon_s=900, version="v1", based_on=None) -> Prediction:
    return Prediction(
        v=1, thing=THING, model="inlet-temperature", model_version=version, target="environment.top/temperature",
        horizon_s=horizon_s, value=value, lo=lo, hi=hi, unit="Cel", issued_at=at, valid_at=at + horizon_s * 1000,
        based_on=at if based_on is None else based_on, kind="rack",
    )  # fmt: skip


def reading(at=NOW, value=21.5, quality="good") -> Reading:
    return Reading(
        v=1, thing=THING, feature="environment.top", observed_at=at, received_at=at,
        values={"temperature": value, "relativeHumidity": 40.0}, quality=quality, device="d", kind="rack",
        room="hall-a",
    )  # fmt: skip


def drain(ledger, *readings):
    return [scored for one in readings for scored in ledger.read(one)]


def scored_series(count, error, naive, inside=True, version="v1"):
    tally = Tally()
    made = Ledger()
    for n in range(count):
        at = NOW + n * 60_000
        drain(made, reading(at=at, value=20.0 + naive))
        half = abs(error) + 1.0 if inside else 0.01
        value = 20.0 + error
        made.predicted(prediction(at, value, value - half, value + half, horizon_s=30, version=version))
        for one in drain(made, reading(at=at + 30_000, value=20.0)):
            tally.add(one)
    return tally
