"""The records that verdicts become, and how long they hold."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from tests.unit.runner.conftest import NOW

from models.definition import read_definition, read_manifest
from racktwin.catalogue_computed import resolve
from racktwin.messages import decode_reading
from runner.forecaster import Made
from runner.intake import Thing
from runner.verdicts import DetectOutbox

THING = Thing("racktwin.berlin:rack-1", 0, "rack", "hall-a", "r01", ("racktwin.readings.berlin", 0))


@pytest.fixture
def outbox(artefact):
    whole = read_manifest(artefact)
    definition = msgspec.structs.replace(read_definition("sensor_faults"), expiry_s=90)
    return DetectOutbox(msgspec.structs.replace(whole, definition=definition, inputs=["top.last", "bottom.last"]))


def test_a_verdict_says_on_the_twin_and_in_history_until_when_it_holds(outbox):
    score = np.array([[0.1, 0.9, 0.2]], dtype=np.float32)
    share = np.array([[0.7, 0.3]], dtype=np.float32)
    based_on = np.full((1, 2), NOW - 700, dtype=np.int64)
    made = Made([THING], np.ones((1, 2), bool), (score, share), based_on, np.empty((1, 0), np.float32), NOW)
    (twin, _, merge), (readings, _, reading) = outbox.records(made)
    assert (twin, readings) == ("racktwin.models.berlin", "racktwin.readings.berlin")
    properties = json.loads(merge)["value"]["sensing"]["properties"]
    assert (properties["state"], properties["expiresAt"]) == ("anomalous", NOW + 90_000)
    assert properties["evidence"]["finding"] == "stuck"
    assert decode_reading(reading).values["expiresAt"] == NOW + 90_000
    feature = resolve("rack", "sensing")
    assert set(properties) <= {prop.name for prop in feature.properties}


def test_a_verdict_that_is_withdrawn_is_over_and_says_nothing(outbox):
    topic, key, merge = outbox.withdrawal(THING, NOW)
    assert (topic, key) == ("racktwin.models.berlin", THING.id)
    properties = json.loads(merge)["value"]["sensing"]["properties"]
    assert properties.pop("expiresAt") == NOW
    assert set(properties) == {"score", "state", "cause", "evidence"}
    assert set(properties.values()) == {None}
