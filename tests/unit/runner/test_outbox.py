"""The records that predictions become."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from tests.unit.runner.conftest import NOW

from models.definition import read_manifest
from racktwin.messages import decode_prediction
from runner.forecaster import Made
from runner.intake import Thing
from runner.outbox import ForecastOutbox


def made(*rows: tuple[str, bool, bool], columns: int = 2, value: float = 23.45678) -> Made:
    """One row per thing: its name, and whether its top and its bottom were predicted."""
    things = [
        Thing(f"racktwin.berlin:{name}", n, "rack", "hall-a", "r01", ("racktwin.readings.berlin", 0))
        for n, (name, _, _) in enumerate(rows)
    ]
    values = np.full((len(rows), columns), value, dtype=np.float32)
    allowed = np.array([row[1:] for row in rows])
    based_on = np.full((len(rows), 2), NOW - 700, dtype=np.int64)
    return Made(things, allowed, (values, values - 1, values + 1), based_on, np.empty((len(rows), 0), np.float32), NOW)


@pytest.fixture
def one_horizon(artefact):
    return read_manifest(artefact)


@pytest.fixture
def three_horizons(one_horizon):
    definition = msgspec.structs.replace(one_horizon.definition, horizons_s=[300, 900, 1800])
    return msgspec.structs.replace(one_horizon, definition=definition)


def test_one_merge_per_thing_and_one_record_per_prediction(one_horizon):
    records = list(ForecastOutbox(one_horizon).records(made(("rack-1", True, True), ("rack-2", True, False))))
    assert sorted((topic, key) for topic, key, _ in records) == [
        ("racktwin.models.berlin", "racktwin.berlin:rack-1"),
        ("racktwin.models.berlin", "racktwin.berlin:rack-2"),
        ("racktwin.predictions.berlin", "racktwin.berlin:rack-1"),
        ("racktwin.predictions.berlin", "racktwin.berlin:rack-1"),
        ("racktwin.predictions.berlin", "racktwin.berlin:rack-2"),
    ]


def merge_of(records) -> dict:
    return next(json.loads(value) for topic, _, value in records if topic == "racktwin.models.berlin")


def test_merge_carries_value_interval_times_and_expiry(one_horizon):
    merge = merge_of(ForecastOutbox(one_horizon).records(made(("rack-1", True, False))))
    assert merge["topic"] == "racktwin.berlin/rack-1/things/twin/commands/merge"
    assert merge["headers"]["content-type"] == "application/merge-patch+json"
    assert merge["value"] == {
        "prediction.inlet-temperature.top": {
            "properties": {
                "target": "environment.top/temperature",
                "horizon": 900,
                "value": 23.457,
                "lo": 22.457,
                "hi": 24.457,
                "modelVersion": one_horizon.version,
                "issuedAt": NOW,
                "basedOn": NOW - 700,
                "expiresAt": NOW + 60_000,
            }
        }
    }


def test_other_horizons_stand_beside_the_models_own(three_horizons):
    records = list(ForecastOutbox(three_horizons).records(made(("rack-1", True, False), columns=6)))
    properties = merge_of(records)["value"]["prediction.inlet-temperature.top"]["properties"]
    assert properties["horizon"] == 900
    numbers = {"value": 23.457, "lo": 22.457, "hi": 24.457}
    assert properties["ahead"] == {"300": numbers, "1800": numbers}
    told = [decode_prediction(value) for topic, _, value in records if topic == "racktwin.predictions.berlin"]
    assert sorted(p.horizon_s for p in told) == [300, 900, 1800]
    assert all(p.valid_at == NOW + p.horizon_s * 1000 for p in told)


def test_record_is_a_prediction_of_the_shared_type(one_horizon):
    records = ForecastOutbox(one_horizon).records(made(("rack-1", False, True)))
    p = next(decode_prediction(value) for topic, _, value in records if topic == "racktwin.predictions.berlin")
    assert (p.model, p.model_version, p.target, p.unit) == (
        "inlet-temperature",
        one_horizon.version,
        "environment.bottom/temperature",
        "Cel",
    )
    assert (p.issued_at, p.valid_at, p.based_on, p.horizon_s) == (NOW, NOW + 900_000, NOW - 700, 900)
    assert (p.kind, p.room, p.row, p.v) == ("rack", "hall-a", "r01", 1)


def test_withdrawal_leaves_no_number_on_the_twin(one_horizon):
    thing = made(("rack-1", True, True)).things[0]
    topic, key, value = ForecastOutbox(one_horizon).withdrawal(thing, NOW)
    assert (topic, key) == ("racktwin.models.berlin", thing.id)
    features = json.loads(value)["value"]
    assert set(features) == {"prediction.inlet-temperature.top", "prediction.inlet-temperature.bottom"}
    assert all(feature["properties"]["value"] is None for feature in features.values())
