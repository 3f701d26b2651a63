"""Merge patches: what RFC 7396 says, at every level of a thing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.rfc7396 import rfc7396

KEYS = st.sampled_from(["a", "b", "c", "d"])
LEAVES = st.one_of(
    st.booleans(), st.integers(-(2**31), 2**31), st.text("xyz é", max_size=5), st.lists(st.integers(0, 9), max_size=3)
)
DOCUMENTS = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
PATCHES = st.recursive(st.none() | LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.dictionaries(KEYS, DOCUMENTS, max_size=3),
    patches=st.lists(st.dictionaries(KEYS, PATCHES, max_size=3), min_size=1, max_size=4),
)
def test_any_sequence_of_merges_gives_what_the_rfc_gives(ditto, start, patches):
    thing = ditto.new_thing(attributes=start)
    expected: Any = start
    for patch in patches:
        assert ditto.patch(f"/things/{thing}/attributes", patch).status_code == 204
        expected = rfc7396(expected, patch)
    assert ditto.get(f"/things/{thing}/attributes").json() == expected
    ditto.delete(f"/things/{thing}")


PROPERTIES = st.dictionaries(KEYS, st.none() | LEAVES, max_size=3)
FEATURES = st.dictionaries(
    st.sampled_from(["air", "power"]), st.none() | st.fixed_dictionaries({"properties": st.none() | PROPERTIES})
)
THINGS = st.fixed_dictionaries(
    {}, optional={"attributes": st.dictionaries(KEYS, PATCHES, max_size=3), "features": st.none() | FEATURES}
).filter(bool)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patches=st.lists(THINGS, min_size=1, max_size=4))
def test_any_sequence_of_merges_of_a_whole_thing_gives_what_the_rfc_gives(ditto, patches):
    thing = ditto.new_thing(attributes={"a": 1}, features={"air": {"properties": {"a": 1.5, "b": [1]}}})
    expected: Any = ditto.get(f"/things/{thing}").json()
    for patch in patches:
        assert ditto.patch(f"/things/{thing}", patch).status_code == 204, patch
        expected = rfc7396(expected, patch)
    assert ditto.get(f"/things/{thing}").json() == expected
    ditto.delete(f"/things/{thing}")


def test_merge_of_a_thing_reaches_attributes_and_features(ditto):
    thing = ditto.new_thing(attributes={"row": "A", "tags": [1]}, features={"air": {"properties": {"t": 1.5, "h": 2}}})
    patch = {
        "attributes": {"tags": None},
        "features": {"air": {"properties": {"t": 2.25}}, "new": {"properties": {"x": 1}}},
    }
    answer = ditto.patch(f"/things/{thing}", patch)
    assert (answer.status_code, answer.headers["etag"]) == (204, '"rev:2"')
    after = ditto.get(f"/things/{thing}").json()
    assert after["attributes"] == {"row": "A"}
    assert after["features"] == {"air": {"properties": {"t": 2.25, "h": 2}}, "new": {"properties": {"x": 1}}}


def test_merge_of_a_missing_thing_creates_it(ditto):
    policy, thing = ditto.new_policy(), ditto.new_id()
    ditto.made.append(f"/things/{thing}")
    answer = ditto.patch(f"/things/{thing}", {"policyId": policy, "attributes": {"a": 1}})
    assert answer.status_code == 201
    assert answer.json() == {"thingId": thing, "policyId": policy, "attributes": {"a": 1}}


def test_merge_of_desired_properties(ditto):
    thing = ditto.new_thing(features={"cooling": {"properties": {}}})
    path = f"/things/{thing}/features/cooling/desiredProperties"
    assert ditto.patch(path, {"setpoint": 18, "mode": "eco"}).status_code == 204
    assert ditto.patch(path, {"mode": None}).status_code == 204
    assert ditto.get(path).json() == {"setpoint": 18}


@pytest.mark.parametrize("patch", [{}, {"colour": "red"}])
def test_a_patch_that_says_nothing_about_a_thing_is_400(ditto, problem, patch):
    problem(ditto.patch(f"/things/{ditto.new_thing()}", patch), 400, "things:merge.invalid")
    problem(ditto.patch(f"/things/{ditto.new_id()}", patch), 400, "things:merge.invalid")
    thing = ditto.new_thing(attributes={"a": 1})
    assert ditto.patch(f"/things/{thing}/attributes", {}).status_code == 204


def test_a_thing_is_merged_with_an_object_only(ditto, problem):
    problem(ditto.patch(f"/things/{ditto.new_thing()}", 5), 400, "json.invalid")
