"""The marked reading can be found again and puts nothing into a series that was not measured."""

from __future__ import annotations

import json

import pytest

from ingest import flat, packs
from ingest.intake import Inbound, format_of
from racktwin.catalogue import feature_of
from racktwin_cli.doctor.follow import predicted_from, shows
from racktwin_cli.doctor.marked import FRESH_MS, LABEL, choose_feature, make
from racktwin_cli.failures import Failure

NOW = 1767225600123
RACK = "racktwin.berlin:rack-r1"
TOP = feature_of("rack", "environment.top")
SHOWN = {
    "environment.top": {
        "properties": {
            "temperature": 24,
            "relativeHumidity": 41.5,
            "dewPoint": 10.2,
            "quality": "good",
            "observedAt": NOW - 900,
        }
    }
}


def decoded(marked):
    message = Inbound(
        topic="hono.telemetry.berlin",
        partition=0,
        offset=1,
        site="berlin",
        device=RACK,
        key=RACK,
        headers={"content-type": marked.content_type},
        payload=marked.payload,
        received_at=NOW + 5,
        format=format_of(marked.content_type, marked.payload),
    )
    return (packs if message.format == "senml" else flat).decode(message)


def test_the_present_value_goes_again_with_the_time_of_now():
    marked = make(RACK, TOP, SHOWN, NOW, marker="m-1")
    assert marked.values == {"temperature": 24.0, "relativeHumidity": 41.5}, "what is derived is ours to compute"
    assert not marked.estimated
    assert all(record[LABEL] == "m-1" for record in json.loads(marked.payload))


def test_ingest_reads_it_and_counts_no_number():
    found = decoded(make(RACK, TOP, SHOWN, NOW, marker="m-1"))
    assert found.bad == []
    assert found.streams == []
    assert {(v.feature, v.property, v.value, v.unit, v.time) for v in found.values} == {
        ("environment.top", "temperature", 24.0, "Cel", NOW),
        ("environment.top", "relativeHumidity", 41.5, "%", NOW),
    }


@pytest.mark.parametrize(
    "changes", [{"observedAt": NOW - FRESH_MS - 1}, {"quality": "stale"}, {"quality": "estimated"}], ids=str
)
def test_what_is_not_fresh_is_marked_as_estimated(changes):
    shown = {"environment.top": {"properties": {**SHOWN["environment.top"]["properties"], **changes}}}
    marked = make(RACK, TOP, shown, NOW, marker="m-1")
    assert marked.estimated
    found = decoded(marked)
    assert {v.quality for v in found.values} == {"estimated"}
    assert {v.time for v in found.values} == {NOW}
    assert found.streams == []


def test_a_given_value_is_marked_as_estimated():
    marked = make(RACK, TOP, SHOWN, NOW, marker="m-1", given={"temperature": 21.0})
    assert (marked.values, marked.estimated) == ({"temperature": 21.0}, True)


def test_no_value_and_none_given_says_what_to_give():
    with pytest.raises(Failure, match="--value temperature="):
        make(RACK, TOP, {}, NOW, marker="m-1")


def test_a_thing_unknown_to_ditto_gets_a_placeholder():
    assert make(RACK, TOP, None, NOW, marker="m-1").estimated


def test_the_feature_is_a_critical_one_that_the_twin_shows():
    assert choose_feature("rack", SHOWN, None).name == "environment.top"
    power = {"power": {"properties": {"power": 5000.0}}}
    assert choose_feature("rack", power, None).name == "power"
    assert choose_feature("rack", {}, None).name == "environment.top"
    assert choose_feature("rack", {}, "power").name == "power"
    assert choose_feature("server", {"cpu": {"properties": {"utilization": 3.0}}}, None).name == "cpu"


@pytest.mark.parametrize(("kind", "feature"), [("rack", "cpu"), ("rack", "indices"), ("gateway", None)])
def test_a_feature_that_is_not_reported_is_refused(kind, feature):
    with pytest.raises(Failure):
        choose_feature(kind, {}, feature)


def test_a_newer_reading_counts_and_an_older_does_not():
    marked = make(RACK, TOP, SHOWN, NOW, marker="m-1")

    def twin(observed):
        return {"environment.top": {"properties": {"observedAt": observed}}}

    assert shows(twin(NOW), marked) == NOW
    assert shows(twin(NOW + 1000), marked) == NOW + 1000
    assert shows(twin(NOW - 1), marked) is None
    assert shows({}, marked) is None


def test_a_prediction_that_rests_on_it_or_on_a_newer_one():
    marked = make(RACK, TOP, SHOWN, NOW, marker="m-1")
    features = {"prediction.inlet-temperature.top": {"properties": {"basedOn": NOW}}, "power": None}
    assert predicted_from(features, marked) == "prediction.inlet-temperature.top"
    assert predicted_from({"prediction.x": {"properties": {"basedOn": NOW - 1}}}, marked) is None
