"""The catalogue is consistent with itself, with the units, and with the names of the Thing Models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin import units
from racktwin.catalogue import ALIASES, COMMON, FEATURES, Feature, feature_of, features_of, property_names
from racktwin.catalogue_computed import COMPUTED, computed_of, resolve
from racktwin.names import KINDS
from racktwin.psychrometrics import dew_point
from racktwin.thing_models import BASE_FEATURES, MODEL_OF_KIND, feature_definition, submodel_of, thing_definition

EVERY = (*FEATURES, *COMPUTED)
SENSOR = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("feature", EVERY, ids=lambda f: f"{f.name}-{f.kinds[0]}")
def test_a_feature_is_well_formed(feature: Feature) -> None:
    assert set(feature.kinds) <= set(KINDS)
    names = [prop.name for prop in (*feature.properties, *COMMON)]
    assert len(names) == len(set(names))
    assert set(feature.by_name) == {prop.name for prop in feature.properties}
    for prop in feature.properties:
        numeric = prop.type in ("number", "integer")
        if prop.low is not None and prop.high is not None:
            assert prop.low < prop.high
        assert numeric or (prop.unit is None and prop.low is None and prop.high is None)
        assert not prop.enum or prop.type == "string"
        assert prop.title


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f"{f.name}-{f.kinds[0]}")
def test_every_reported_number_has_a_unit_that_devices_may_convert_to_and_a_range(feature: Feature) -> None:
    assert feature.reported
    for prop in feature.properties:
        if prop.type != "number":
            continue
        assert prop.unit is not None
        assert units.conversion(prop.unit, prop.unit) == (1, 0)
        # A unit outside the table would pass for itself alone: ``kelvins`` would then be as good as ``Cel``.
        with pytest.raises(units.UnitMismatch):
            units.conversion("furlong", prop.unit)
        assert prop.low is not None
        assert prop.high is not None


def test_no_kind_has_two_features_of_one_name() -> None:
    for kind in KINDS:
        named = [feature.name for feature in EVERY if kind in feature.kinds]
        assert len(named) == len(set(named))


def test_devices_cannot_report_what_we_compute() -> None:
    for feature in COMPUTED:
        assert not feature.reported
        for kind in feature.kinds:
            assert feature_of(kind, feature.name) is None
            assert feature.name not in features_of(kind)
    assert feature_of("rack", "prediction.inlet-temperature.top") is None


def test_looking_up() -> None:
    assert set(features_of("gateway")) == set()
    assert features_of("nonsense") == {}
    assert computed_of("nonsense") == {}
    assert feature_of("rack", "cpu") is None
    power = feature_of("cooling", "power")
    assert power is not None
    assert "cop" in power.by_name
    plain = feature_of("rack", "power")
    assert plain is not None
    assert "cop" not in plain.by_name
    assert ("environment.top", "temperature") in set(property_names())


def test_aliases_lead_to_properties() -> None:
    known = {name for _, name in property_names()}
    assert set(ALIASES.values()) <= known
    assert not set(ALIASES) & known


@given(SENSOR)
def test_a_rack_may_name_its_sensors(sensor: str) -> None:
    found = feature_of("rack", f"environment.{sensor}")
    assert found is not None
    assert found.name == f"environment.{sensor}"
    assert found.measurement == "environment"
    assert feature_of("server", f"environment.{sensor}") is None
    assert resolve("rack", found.name) == found


@pytest.mark.parametrize(
    "name",
    [
        "environment",
        "environment.",
        "environment.A",
        "environment.a.b",
        "environment.-a",
        "environment.a\n",
        "environment.a/b",
    ],
)
def test_what_is_no_sensor_is_no_feature(name: str) -> None:
    assert feature_of("rack", name) is None
    assert resolve("rack", name) is None


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("rack", "prediction.inlet-temperature.top", "prediction"),
        ("rack", "prediction.power", "prediction"),
        ("rack", "prediction", None),
        ("rack", "prediction.", None),
        ("rack", "anomaly", "anomaly"),
        ("rack", "anomaly.x", None),
        ("rack", "anomaly.", None),
        ("room", "scenario.fan-failure", "scenario"),
        ("rack", "scenario.fan-failure", None),
        ("server", "experiment", "experiment"),
        ("rack", "power", "power"),
        ("rack", "", None),
    ],
)
def test_any_feature_id_resolves_to_its_feature_or_family(kind: str, name: str, found: str | None) -> None:
    feature = resolve(kind, name)
    assert (feature.name if feature else None) == found


@given(
    temperature=st.floats(-40, 85),
    humidity=st.floats(0, 100, exclude_min=True),
)
def test_the_dew_point_of_any_accepted_air_is_in_its_own_range(temperature: float, humidity: float) -> None:
    top = feature_of("rack", "environment.top")
    assert top is not None
    prop = top.by_name["dewPoint"]
    assert prop.low is not None
    assert prop.high is not None
    assert prop.low <= round(dew_point(temperature, humidity), 3) <= prop.high


@pytest.mark.parametrize("kind", MODEL_OF_KIND)
def test_base_features_can_be_carried_and_need_no_query(kind: str) -> None:
    url = thing_definition("http://d/", kind, BASE_FEATURES[kind])
    assert url == f"http://d/{MODEL_OF_KIND[kind]}-1.0.0.tm.jsonld"
    for feature in BASE_FEATURES[kind]:
        assert feature_definition("http://d", kind, feature) == f"http://d/{submodel_of(kind, feature)}-1.0.0.tm.jsonld"


def test_a_definition_names_further_features_in_order_and_once() -> None:
    features = ["prediction.power", "environment.top", "environment.t9", "prediction.power"]
    expected = "http://d/rack-1.0.0.tm.jsonld?features=environment.t9,prediction.power"
    assert thing_definition("http://d", "rack", features) == expected
    assert thing_definition("http://d", "rack", reversed(features)) == expected


def test_a_definition_refuses_what_the_kind_cannot_carry() -> None:
    with pytest.raises(ValueError, match="'cpu'"):
        thing_definition("http://d", "rack", ["cpu"])
    with pytest.raises(ValueError, match="kind 'site'"):
        thing_definition("http://d", "site")
