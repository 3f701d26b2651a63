"""Which point a record becomes."""

from __future__ import annotations

import math

import pytest

from historian.line_protocol import Unwritable
from historian.points import audit_line, prediction_line, reading_line
from racktwin.commands import Audit
from racktwin.messages import Prediction, Reading


def reading(**changes):
    values = {
        "thing": "racktwin.berlin:rack-r01-01",
        "feature": "environment.top",
        "observed_at": 1767225600000,
        "received_at": 1767225600050,
        "values": {"temperature": 23.4, "relativeHumidity": 41.0, "dewPoint": 9.5},
        "quality": "good",
        "device": "racktwin.berlin:gateway-g1",
        "kind": "rack",
        "room": "hall a",
        "row": "r01",
        "v": 1,
    }
    return Reading(**{**values, **changes})


def prediction(**changes):
    values = {
        "thing": "racktwin.berlin:rack-r01-01",
        "model": "inlet-temperature",
        "model_version": "2026.1",
        "target": "environment.top/temperature",
        "horizon_s": 900,
        "value": 24.5,
        "lo": 24.0,
        "hi": 25.0,
        "unit": "Cel",
        "issued_at": 1767225600000,
        "valid_at": 1767226500000,
        "based_on": 1767225599000,
        "kind": "rack",
        "room": "hall-a",
        "row": "r01",
        "v": 1,
    }
    return Prediction(**{**values, **changes})


def test_a_reading():
    assert reading_line(reading(seq=7)) == (
        r"environment,feature=environment.top,kind=rack,room=hall\ a,row=r01,thing=racktwin.berlin:rack-r01-01 "
        "temperature=23.4,relativeHumidity=41.0,dewPoint=9.5,seq=7i 1767225600000"
    )


def test_the_measurement_is_the_catalogues():
    assert reading_line(reading(feature="fans", kind="server", values={"fanSpeed": 3000.0})).startswith("thermal,")


def test_a_feature_of_a_newer_version_still_has_a_place():
    assert reading_line(reading(feature="acoustics.rear", values={"level": 60.0})).startswith("acoustics,")


def test_quality_is_stored_where_it_says_something():
    assert "quality" not in reading_line(reading())
    assert ',quality="estimated" ' in reading_line(reading(quality="estimated"))


def test_a_thing_that_moves_starts_a_new_series():
    here, there = reading_line(reading()), reading_line(reading(room="hall-b"))
    assert "room=hall\\ a" in here
    assert "room=hall-b" in there


def test_the_same_record_is_the_same_line():
    assert reading_line(reading(seq=1)) == reading_line(reading(seq=1))


def test_values_without_a_form_are_refused():
    with pytest.raises(Unwritable):
        reading_line(reading(values={"temperature": math.nan}))
    with pytest.raises(Unwritable):
        reading_line(reading(values={}))


def test_a_prediction():
    assert prediction_line(prediction()) == (
        "prediction,feature=environment.top,horizon=900,kind=rack,model=inlet-temperature,room=hall-a,row=r01,"
        "target=environment.top/temperature,thing=racktwin.berlin:rack-r01-01 "
        'value=24.5,lo=24.0,hi=25.0,validAt=1767226500000i,basedOn=1767225599000i,modelVersion="2026.1" 1767225600000'
    )


def test_a_new_model_version_starts_no_series():
    old, new = (prediction_line(prediction(model_version=version)).split(" ")[0] for version in ("1", "2"))
    assert old == new


def test_an_event_in_a_commands_life() -> None:
    audit = Audit(
        thing="racktwin.t:cooling-a",
        at=1_800_000_000_000,
        event="refused",
        id="c1",
        origin="cli",
        who="ann",
        kind="cooling",
        room="hall",
        values={"setpoint": 30, "mode": "manual"},
        rule="setpoint-limit",
        by=2.5,
        v=1,
    )
    assert audit_line(audit) == (
        "command,event=refused,feature=control,kind=cooling,room=hall,thing=racktwin.t:cooling-a "
        'id="c1",origin="cli",who="ann",setpoint=30.0,mode="manual",rule="setpoint-limit",by=2.5 1800000000000'
    )


def test_a_disk_is_a_tag():
    line = reading_line(
        reading(
            thing="racktwin.berlin:server-s1",
            kind="server",
            feature="drive.sda",
            values={"serial": "S 1", "pendingSectors": 2, "health": "passed"},
        )
    )
    assert line.startswith("smart,disk=sda,feature=drive.sda,kind=server,")
    assert 'health="passed"' in line
    assert "pendingSectors=2" in line
