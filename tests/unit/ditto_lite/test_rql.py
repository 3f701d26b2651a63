"""RQL: texts to trees and back, and what matches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ditto_lite.errors import DittoError
from ditto_lite.rql import Compare, Exists, In, Logical, Node, compile_filter, parse, predicate

FIELDS = st.sampled_from(
    ["thingId", "attributes/a b", "features/*/properties/t", "features/x.y/properties/t", "_modified"]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Compare, st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]), FIELDS, VALUES),
    st.builds(Compare, st.sampled_from(["like", "ilike"]), FIELDS, st.text(max_size=6)),
    st.builds(In, FIELDS, st.lists(VALUES, min_size=1, max_size=4).map(tuple)),
    st.builds(Exists, FIELDS),
)
NODES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Logical, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Logical, st.just("not"), inner.map(lambda node: (node,)))
    ),
    max_leaves=6,
)
THING: dict[str, Any] = {
    "thingId": "ns:t",
    "attributes": {"n": 5, "s": "Node 12", "t": ["a", "b"], "yes": True, "none": None, "empty": []},
    "features": {"top": {"properties": {"t": 20.5}}, "bottom": {"properties": {"t": 30}}},
}
PSEUDO = {"_modified": "2026-01-02T00:00:00Z", "_revision": 7, "_namespace": "ns", "topic:action": "modified"}


@given(NODES)
def test_trees_survive_being_written_and_read(node: Node) -> None:
    assert str(parse(str(node))) == str(node)
    predicate(node)(THING, PSEUDO)


@given(NODES)
def test_not_and_de_morgan(node: Node) -> None:
    holds = predicate(node)(THING, PSEUDO)
    assert predicate(Logical("not", (node,)))(THING, PSEUDO) is not holds
    assert predicate(Logical("and", (node, node)))(THING, PSEUDO) == predicate(Logical("or", (node,)))(THING, PSEUDO)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("eq(attributes/n,5)", True),
        ("eq(attributes/n,'5')", False),
        ("eq(attributes/yes,1)", False),
        ("eq(attributes/none,null)", True),
        ("eq(attributes/absent,null)", False),
        ("ne(attributes/absent,1)", False),
        ("ne(attributes/t,'a')", False),
        ("eq(attributes/t,'b')", True),
        ("gt(attributes/s,4)", False),
        ("ge(attributes/s,'Node')", True),
        ("like(attributes/s,'Node ??')", True),
        ("like(attributes/s,'node*')", False),
        ("ilike(attributes/s,'node*')", True),
        ("like(attributes/s,'.*')", False),
        ("in(attributes/n,1,5)", True),
        ("exists(attributes/empty)", True),
        ("exists(attributes/none)", True),
        ("gt(features/*/properties/t,25)", True),
        ("lt(features/top/properties/t,25)", True),
        ("gt(_revision,6)", True),
        ("lt(_modified,time:now)", True),
        ("gt(_modified,time:now-1000d)", True),
        ("eq(topic:action,'modified')", True),
        ('eq(attributes/s,"\\u004eode 12")', True),
        (" and( eq(attributes/n , 5) , not(exists(attributes/x)) ) ", True),
    ],
)
def test_what_matches(text: str, holds: bool) -> None:
    assert compile_filter(text)(THING, PSEUDO) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eq(",
        "eq(a",
        "eq(a,",
        "eq(a,1",
        "near(a,1)",
        "eq(a,1)x",
        "like(a,1)",
        "and()",
        "not(eq(a,1),eq(b,1))",
        "eq(a,b)",
        "eq(a,'x)",
    ],
)
def test_what_is_not_rql_says_where(text: str) -> None:
    with pytest.raises(DittoError) as refused:
        parse(text)
    assert refused.value.code == "rql.expression.invalid"
    assert "column" in refused.value.payload["message"]
