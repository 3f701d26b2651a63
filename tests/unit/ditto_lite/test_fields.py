"""Field selectors."""

from __future__ import annotations

from typing import Any

import pytest

from ditto_lite.errors import DittoError
from ditto_lite.fields import parse_selector, project

THING: dict[str, Any] = {
    "thingId": "a:b",
    "features": {"x": {"properties": {"t": 1, "h": 2}}, "y": {"properties": {"t": 3}}},
}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("a", [("a",)]),
        ("a,b/c", [("a",), ("b", "c")]),
        ("a(b,c/d),e", [("a", "b"), ("a", "c", "d"), ("e",)]),
        ("a/b(c(d,e),f)", [("a", "b", "c", "d"), ("a", "b", "c", "e"), ("a", "b", "f")]),
        ("/a, /b", [("a",), ("b",)]),
    ],
)
def test_selectors_are_read(text: str, paths: list[tuple[str, ...]]) -> None:
    assert list(parse_selector(text)) == paths


@pytest.mark.parametrize("text", ["a(", "a)", "a(b", "a(b))", "a(b)c", ""])
def test_wrong_parentheses_are_refused(text: str) -> None:
    with pytest.raises(DittoError) as refused:
        parse_selector(text)
    assert refused.value.code == "json.fieldselector.invalid"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("thingId,none", {"thingId": "a:b"}),
        ("features/x/properties(t)", {"features": {"x": {"properties": {"t": 1}}}}),
        ("features/*/properties/t", {"features": {"x": {"properties": {"t": 1}}, "y": {"properties": {"t": 3}}}}),
        (
            "features/x,features/y/properties/t",
            {"features": {"x": THING["features"]["x"], "y": {"properties": {"t": 3}}}},
        ),
    ],
)
def test_documents_are_reduced(text: str, result: Any) -> None:
    assert project(THING, parse_selector(text)) == result


def test_arrays_are_reduced_element_by_element() -> None:
    document = {"sources": [{"addresses": ["a"], "qos": 0}, {"addresses": ["b"]}]}
    assert project(document, parse_selector("sources/addresses")) == {
        "sources": [{"addresses": ["a"]}, {"addresses": ["b"]}]
    }
