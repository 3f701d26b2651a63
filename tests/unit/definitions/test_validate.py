"""The validator agrees with what Ditto 3.9 was seen to do, and everything Racktwin writes passes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.validate import Violation, create, validate_merge, validate_thing
from racktwin.catalogue import features_of
from racktwin.ditto_protocol import merge_features
from racktwin.merge_patch import merge
from racktwin.psychrometrics import dew_point
from racktwin.thing_models import BASE_FEATURES, MODEL_OF_KIND, thing_definition

Resolve = Callable[[str], Mapping[str, Any] | None]

# The models that Ditto's behaviour was recorded with, in our own words: a rack with one feature.
CLIMATE = {
    "properties": {
        "inletC": {"type": "number", "minimum": -40, "maximum": 120},
        "fanPct": {"type": "integer", "minimum": 0, "maximum": 100},
        "label": {"type": "string"},
    },
    "tm:optional": ["/properties/label"],
}
RACK = {
    "links": [{"rel": "tm:submodel", "href": "http://m/climate", "instanceName": "climate"}],
    "properties": {"serial": {"type": "string"}, "slots": {"type": "integer", "minimum": 1, "maximum": 60}},
    "tm:optional": ["/properties/serial", "/properties/slots"],
}
THING: dict[str, Any] = {
    "thingId": "demo:rack",
    "definition": "http://m/rack",
    "attributes": {"serial": "a", "slots": 42},
    "features": {"climate": {"definition": ["http://m/climate"], "properties": {"inletC": 20.0, "fanPct": 50}}},
}


def recorded(url: str) -> Mapping[str, Any] | None:
    models: dict[str, Mapping[str, Any]] = {"http://m/rack": RACK, "http://m/climate": CLIMATE}
    return models.get(url)


def codes(violations: list[Violation]) -> list[tuple[str, str]]:
    return [(v.code, v.path) for v in violations]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("/features/climate/properties/fanPct", 70, []),
        ("/features/climate/properties/fanPct", 170, [("value_invalid", "/features/climate/properties/fanPct")]),
        ("/features/climate/properties/fanPct", "fast", [("value_invalid", "/features/climate/properties/fanPct")]),
        ("/features/climate/properties/fanPct", 41.5, [("value_invalid", "/features/climate/properties/fanPct")]),
        (
            "/features/climate/properties/colour",
            "red",
            [("property_not_in_model", "/features/climate/properties/colour")],
        ),
        ("/features/extra", {"properties": {"a": 1}}, [("feature_not_in_model", "/features/extra")]),
        ("/attributes/slots", 0, [("value_invalid", "/attributes/slots")]),
        ("/attributes/zzz", 0, [("attribute_not_in_model", "/attributes/zzz")]),
        (
            "/",
            {"features": {"climate": {"properties": {"fanPct": -1}}}},
            [("value_invalid", "/features/climate/properties/fanPct")],
        ),
        ("/", {"features": {"climate": {"properties": {"fanPct": 11}}}}, []),
        ("/features/climate", None, [("feature_missing", "/features/climate")]),
        ("/features/climate/properties/inletC", None, [("property_missing", "/features/climate/properties/inletC")]),
        ("/", {"definition": None}, []),
        ("/features/climate/desiredProperties/fanPct", 30, []),
        (
            "/features/climate/desiredProperties/fanPct",
            300,
            [("value_invalid", "/features/climate/desiredProperties/fanPct")],
        ),
        (
            "/features/climate/desiredProperties/colour",
            1,
            [("property_not_in_model", "/features/climate/desiredProperties/colour")],
        ),
        ("/definition", "http://m/none", [("model_not_found", "/definition")]),
    ],
)
def test_a_merge_is_judged_as_ditto_judged_it(path: str, value: Any, expected: list[tuple[str, str]]) -> None:
    assert codes(validate_merge(THING, path, value, recorded)) == expected


def test_a_merge_is_not_judged_by_features_it_does_not_touch() -> None:
    broken = merge(THING, {"features": {"climate": {"properties": {"fanPct": 999}}}})
    assert validate_merge(broken, "/attributes/slots", 5, recorded) == []
    assert validate_merge(broken, "/features/climate/properties/inletC", 5.0, recorded) != []


def test_a_whole_thing_needs_every_feature_and_only_those_of_its_model() -> None:
    assert validate_thing(THING, recorded) == []
    without = {**THING, "features": {"other": {}}}
    assert codes(validate_thing(without, recorded)) == [
        ("feature_missing", "/features/climate"),
        ("feature_not_in_model", "/features/other"),
    ]


def test_wrong_attributes_refuse_the_creation() -> None:
    thing = {**THING, "attributes": {"slots": "many"}}
    assert codes(validate_thing(thing, recorded)) == [("value_invalid", "/attributes/slots")]


def test_a_model_that_is_not_served_refuses_the_creation() -> None:
    assert codes(validate_thing({**THING, "definition": "http://m/none"}, recorded)) == [
        ("model_not_found", "/definition")
    ]
    links = {"links": [{"rel": "tm:submodel", "href": "http://m/none", "instanceName": "climate"}]}
    assert codes(validate_thing({**THING, "attributes": {}}, {"http://m/rack": links}.get)) == [
        ("model_not_found", "/features/climate")
    ]


@pytest.mark.parametrize("definition", [None, "demo:rack:1.0.0"])
def test_a_thing_without_a_models_url_is_not_judged(definition: str | None) -> None:
    assert validate_thing({"definition": definition, "features": {"x": {}}}, recorded) == []
    assert validate_merge({"definition": definition}, "/features/x", {}, recorded) == []


def test_a_merge_patch_follows_its_rfc() -> None:
    target = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert merge(target, {"a": {"b": None, "e": 3}, "d": [2]}) == {"a": {"c": 2, "e": 3}, "d": [2]}
    assert merge(target, 5) == 5
    assert merge("x", {"a": None, "b": 1}) == {"b": 1}
    assert target == {"a": {"b": 1, "c": 2}, "d": [1]}


def example(kind: str, base: str, **more: Any) -> dict[str, Any]:
    return {
        "thingId": f"racktwin.berlin:{kind}-x",
        "policyId": "racktwin.berlin:base",
        "definition": thing_definition(base, kind),
        "attributes": {"name": "x", "site": "berlin"},
        **more,
    }


@pytest.mark.parametrize("kind", MODEL_OF_KIND)
def test_a_new_thing_gets_its_features_and_no_invented_value(kind: str, base: str, resolve: Resolve) -> None:
    stored = create(example(kind, base), resolve)
    assert validate_thing(stored, resolve) == []
    features = stored.get("features", {})
    assert set(features) == set(BASE_FEATURES[kind])
    for feature in features.values():
        assert set(feature) == {"definition"}
        assert feature["definition"][0].startswith(base)


def test_the_merges_of_ingest_pass_for_every_reported_property(base: str, resolve: Resolve) -> None:
    for kind in MODEL_OF_KIND:
        reported = features_of(kind)
        wanted = thing_definition(base, kind, reported)
        stored = create(example(kind, base, definition=wanted), resolve)
        for feature in reported.values():
            values: dict[str, Any] = {}
            for prop in feature.properties:
                high = int(prop.high or 0) if prop.type == "integer" else prop.high
                values[prop.name] = prop.enum[0] if prop.enum else high
            merge = json.loads(
                merge_features(
                    stored["thingId"], {feature.name: {**values, "quality": "good", "observedAt": 1763683200000}}, "c"
                )
            )
            assert validate_merge(stored, merge["path"], merge["value"], resolve) == []


@given(
    temperature=st.floats(-40, 85, allow_nan=False),
    humidity=st.floats(0, 100, allow_nan=False),
    quality=st.sampled_from(["good", "stale", "estimated", "faulty"]),
)
def test_any_reading_within_the_catalogues_ranges_passes(
    temperature: float, humidity: float, quality: str, base: str, resolve: Resolve
) -> None:
    stored = create(example("rack", base), resolve)
    properties: dict[str, Any] = {"temperature": temperature, "relativeHumidity": humidity}
    properties |= {"quality": quality, "observedAt": 1}
    if humidity > 0:
        properties["dewPoint"] = round(dew_point(temperature, humidity), 3)
    assert validate_merge(stored, "/features", {"environment.top": {"properties": properties}}, resolve) == []


def test_the_model_runners_merge_passes(base: str, resolve: Resolve) -> None:
    prediction = {
        "target": "environment.top/temperature",
        "horizon": 900,
        "value": 23.4,
        "lo": 22.9,
        "hi": 24.1,
        "modelVersion": "1.0.0",
        "issuedAt": 1763683200000,
        "basedOn": 1763683199000,
        "expiresAt": 1763683320000,
    }
    stored = create(example("rack", base), resolve)
    features = {f"prediction.inlet-temperature.{place}": {"properties": prediction} for place in ("top", "bottom")}
    assert validate_merge(stored, "/features", features, resolve) == []
    other = {"prediction.power": {"properties": prediction}}
    assert codes(validate_merge(stored, "/features", other, resolve)) == [
        ("feature_not_in_model", "/features/prediction.power")
    ]
    # A further model means another definition, and Ditto then judges the whole thing by it.
    definition = thing_definition(base, "rack", ["prediction.power"])
    assert validate_merge(stored, "/", {"definition": definition, "features": other}, resolve) == []


def test_a_scenario_takes_its_place_by_the_rooms_definition(base: str, resolve: Resolve) -> None:
    stored = create(example("room", base), resolve)
    scenario = {
        "scenario.fan-failure": {"properties": {"baseTime": 1763683200000, "state": "pending", "overrides": {"a": 1}}}
    }
    assert validate_merge(stored, "/features", scenario, resolve) != []
    definition = thing_definition(base, "room", ["scenario.fan-failure"])
    assert validate_merge(stored, "/", {"definition": definition, "features": scenario}, resolve) == []
    # And leaves it again, with the definition, in one merge.
    after = merge(stored, {"definition": definition, "features": scenario})
    back = {"definition": thing_definition(base, "room"), "features": {"scenario.fan-failure": None}}
    assert validate_merge(after, "/", back, resolve) == []


def test_commands_and_scores_pass(base: str, resolve: Resolve) -> None:
    cooling = create(example("cooling", base), resolve)
    desired = {"control": {"desiredProperties": {"setpoint": 19.5, "fanSpeed": 60, "mode": "mpc"}}}
    assert validate_merge(cooling, "/features", desired, resolve) == []
    wrong = {"control": {"desiredProperties": {"setpoint": 99}}}
    assert codes(validate_merge(cooling, "/features", wrong, resolve)) == [
        ("value_invalid", "/features/control/desiredProperties/setpoint")
    ]
    last = {"id": "c1", "origin": "mpc", "state": "accepted", "at": 1763683200000}
    assert validate_merge(cooling, "/features/control/properties/lastCommand", last, resolve) == []
    rack = create(example("rack", base), resolve)
    scores = {
        "anomaly": {"properties": {"score": 0.2, "state": "normal", "evidence": {"inlet": 0.1}}},
        "maintenance": {"properties": {"score": 0.0, "state": "none", "remainingUsefulLife": 12000.0}},
        "fidelity": {"properties": {"rmse": 0.4, "bias": -0.1, "skill": 0.6, "parameters": {"tau": 31.0}}},
        "indices": {"properties": {"shi": 0.2, "beta": 0.25, "ashraeState": "recommended"}},
    }
    assert validate_merge(rack, "/features", scores, resolve) == []
