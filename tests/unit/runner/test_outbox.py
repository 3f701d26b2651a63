"""The records that predictions become."""

from __future__ import annotations

import json

from tests.unit.runner.conftest import NOW

from models.definition import Target, read_manifest
from racktwin.messages import decode_prediction
from runner.forecaster import Forecast
from runner.intake import Thing
from runner.outbox import Outbox


def forecast(thing: str, target: str, value: float = 23.45678) -> Forecast:
    known = Thing(f"racktwin.berlin:{thing}", 0, "rack", "hall-a", "r01", ("racktwin.readings.berlin", 0))
    return Forecast(known, Target(target, target), value, value - 1, value + 1, NOW, NOW - 700)


def test_one_merge_per_thing_and_one_record_per_prediction(artefact):
    manifest = read_manifest(artefact)
    forecasts = [forecast("rack-1", "top"), forecast("rack-1", "bottom"), forecast("rack-2", "top")]
    records = list(Outbox(manifest).records(forecasts))
    assert [(topic, key) for topic, key, _ in records] == [
        ("racktwin.twin.berlin", "racktwin.berlin:rack-1"),
        ("racktwin.predictions.berlin", "racktwin.berlin:rack-1"),
        ("racktwin.predictions.berlin", "racktwin.berlin:rack-1"),
        ("racktwin.twin.berlin", "racktwin.berlin:rack-2"),
        ("racktwin.predictions.berlin", "racktwin.berlin:rack-2"),
    ]


def test_merge_carries_value_interval_times_and_expiry(artefact):
    manifest = read_manifest(artefact)
    merge = json.loads(next(Outbox(manifest).records([forecast("rack-1", "top")]))[2])
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
                "modelVersion": manifest.version,
                "issuedAt": NOW,
                "basedOn": NOW - 700,
                "expiresAt": NOW + 60_000,
            }
        }
    }


def test_record_is_a_prediction_of_the_shared_type(artefact):
    manifest = read_manifest(artefact)
    p = decode_prediction(list(Outbox(manifest).records([forecast("rack-1", "bottom")]))[1][2])
    assert (p.model, p.model_version, p.target, p.unit) == (
        "inlet-temperature",
        manifest.version,
        "environment.bottom/temperature",
        "Cel",
    )
    assert (p.issued_at, p.valid_at, p.based_on, p.horizon_s) == (NOW, NOW + 900_000, NOW - 700, 900)
    assert (p.kind, p.room, p.row, p.v) == ("rack", "hall-a", "r01", 1)
