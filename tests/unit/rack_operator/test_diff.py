"""Differences: what is written turns what is into what must be, and nothing is written when they agree."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rack_operator.reconcile.diff import contains, merge_patch, registration, same_policy, thing_patch
from racktwin.merge_patch import merge as apply_patch

scalars = st.one_of(st.booleans(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
objects = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), scalars, max_size=4),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), st.one_of(scalars, inner), max_size=4),
    max_leaves=12,
)


def strictly_equal(one: Any, other: Any) -> bool:
    """Equality that tells true from 1, as JSON does."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(strictly_equal(one[key], other[key]) for key in one)
    return one == other and isinstance(one, bool) == isinstance(other, bool)


@given(objects, objects)
def test_a_merge_patch_leads_to_what_is_desired(actual: dict[str, Any], desired: dict[str, Any]) -> None:
    patch = merge_patch(actual, desired)
    reached = apply_patch(copy.deepcopy(actual), patch) if patch is not None else actual
    assert strictly_equal(reached, desired)


@given(objects)
def test_nothing_is_written_when_nothing_differs(document: dict[str, Any]) -> None:
    assert merge_patch(document, copy.deepcopy(document)) is None


def thing(**parts: Any) -> dict[str, Any]:
    base = {
        "policyId": "p",
        "definition": "http://m/rack-1.0.0.tm.jsonld",
        "attributes": {"row": "r1"},
        "features": {"power": {"definition": ["d"], "properties": {}}},
    }
    return {**base, **parts}


def test_live_values_are_never_part_of_a_patch() -> None:
    live = thing(features={"power": {"definition": ["d"], "properties": {"power": 400}}})
    assert thing_patch(live, thing()) is None


def test_a_foreign_attribute_is_drift() -> None:
    assert thing_patch(thing(attributes={"row": "r1", "x": 1}), thing()) == {"attributes": {"x": None}}


def test_predictions_stay_unless_the_model_changes() -> None:
    actual = thing(features={**thing()["features"], "prediction.m.top": {"properties": {}}})
    assert thing_patch(actual, thing()) is None
    patch = thing_patch(actual, thing(definition="http://m/rack-1.1.0.tm.jsonld"))
    assert patch == {"definition": "http://m/rack-1.1.0.tm.jsonld", "features": {"prediction.m.top": None}}


def test_policies_are_compared_by_meaning() -> None:
    rights = {"grant": ["READ", "WRITE"], "revoke": []}
    desired = {"imports": {}, "entries": {"o": {"subjects": {"s": {"type": "t"}}, "resources": {"thing:/": rights}}}}
    actual = {
        "policyId": "p",
        "imports": {},
        "entries": {
            "o": {
                "subjects": {"s": {"type": "t"}},
                "resources": {"thing:/": {"grant": ["WRITE", "READ"], "revoke": []}},
                "importable": "implicit",
            }
        },
    }
    assert same_policy(actual, desired)
    actual["entries"]["o"]["importable"] = "never"  # type: ignore[index]
    assert not same_policy(actual, desired)


def test_a_registration_keeps_what_people_added() -> None:
    desired = {"enabled": True, "via": ["g2", "g1"], "ext": {"managedBy": {"operator": "o"}}}
    actual = {"enabled": True, "via": ["g1", "g2"], "ext": {"managedBy": {"operator": "o"}, "note": 1}}
    assert registration(actual, desired) is None
    changed = registration({**actual, "enabled": False, "defaults": {"ttl": 5}}, desired)
    assert changed is not None
    assert changed["enabled"] is True
    assert changed["defaults"] == {"ttl": 5}
    assert changed["ext"]["note"] == 1
    assert "via" not in (registration(actual, {"enabled": True, "ext": {}}) or {})


def test_contains_ignores_what_the_server_added() -> None:
    assert contains({"a": [{"b": 1, "c": 2}], "d": 3}, {"a": [{"b": 1}]})
    assert not contains({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}]})
