"""Pointers and merge patches over plain documents."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rfc7396 import rfc7396

from ditto_lite.errors import DittoError
from ditto_lite.merge_patch import at, leaves, merge, same
from ditto_lite.pointers import MISSING, get, parse, put, remove, text_of

NAMES = st.text("abc/~", min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text("xy", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)


@given(target=JSON, patches=st.lists(JSON, max_size=4))
def test_merging_is_what_the_rfc_says_and_leaves_the_target_alone(target: Any, patches: list[Any]) -> None:
    expected, merged = copy.deepcopy(target), target
    before = copy.deepcopy(target)
    for patch in patches:
        expected = rfc7396(expected, copy.deepcopy(patch))
        merged = merge(merged, patch)
    assert same(merged, expected)
    assert same(target, before)


@given(document=OBJECTS, path=st.lists(NAMES, min_size=1, max_size=3), value=JSON)
def test_what_was_put_is_got_and_can_be_removed(document: Any, path: list[str], value: Any) -> None:
    before = copy.deepcopy(document)
    changed = put(document, tuple(path), value)
    assert same(get(changed, tuple(path)), value)
    assert get(remove(changed, tuple(path)), tuple(path)) is MISSING
    assert same(document, before)


@given(path=st.lists(st.text("ab~/c", min_size=1).filter(lambda name: name.strip("/")), min_size=1, max_size=4))
def test_pointers_round_trip(path: list[str]) -> None:
    assert parse(text_of(tuple(path))) == tuple(path)


def test_two_slashes_in_a_row_are_refused() -> None:
    with pytest.raises(DittoError) as refused:
        parse("a//b")
    assert refused.value.code == "json.pointer.invalid"


def test_elements_of_arrays_have_no_path() -> None:
    assert get({"tags": ["a"]}, ("tags", "0")) is MISSING


def test_leaves_are_what_a_patch_writes() -> None:
    patch = {"a": {"b": 1, "c": {}}, "d": None}
    assert leaves(patch, ("features",)) == [("features", "a", "b"), ("features", "a", "c"), ("features", "d")]


def test_a_patch_at_a_path() -> None:
    assert at(("a", "b"), 1) == {"a": {"b": 1}}


def test_true_is_not_one() -> None:
    assert not same({"a": True}, {"a": 1})
    assert same([1, {"b": 2.0}], [1.0, {"b": 2}])
