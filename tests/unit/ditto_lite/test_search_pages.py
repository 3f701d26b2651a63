"""Pages of a search: every match once, in order, whatever the order and the size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ditto_lite.errors import DittoError
from ditto_lite.search import Query, Search, read_options

OWNER = ("nginx:owner",)
VALUES = st.one_of(st.none(), st.integers(-3, 3), st.text("ab", max_size=2), st.booleans(), st.floats(-2, 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, max_size=12), size=st.integers(1, 5), descending=st.booleans())
def test_pages_by_cursor_equal_the_whole(world: Any, values: list[Any], size: int, descending: bool) -> None:
    world.twin.things.clear()
    world.twin.graves.clear()
    for number, value in enumerate(values):
        world.make(f"ns:t{number:02}", attributes={} if value is None else {"v": value})
    search = Search(world.twin)
    order = f"sort({'-' if descending else '+'}attributes/v)"
    whole = Query(OWNER)
    read_options(f"{order},size(200)", whole)
    expected = [item["thingId"] for item in search.page(whole)["items"]]
    assert len(expected) == len(values)
    seen: list[str] = []
    option = f"{order},size({size})"
    while True:
        query = Query(OWNER)
        read_options(option, query)
        page = search.page(query)
        seen += [item["thingId"] for item in page["items"]]
        if "cursor" not in page:
            break
        option = f"cursor({page['cursor']}),size({size})"
    assert seen == expected


def test_pages_by_id_see_what_came_and_went(world: Any) -> None:
    for number in range(7):
        world.make(f"ns:t{number}")
    seen, option = [], "size(3)"
    while True:
        query = Query(OWNER)
        read_options(option, query)
        page = Search(world.twin).page(query)
        seen += [item["thingId"] for item in page["items"]]
        if "cursor" not in page:
            break
        option = f"cursor({page['cursor']}),size(3)"
        if len(seen) == 3:
            world.do("delete", "ns:t4")
            world.make("ns:t9")
    assert seen == ["ns:t0", "ns:t1", "ns:t2", "ns:t3", "ns:t5", "ns:t6", "ns:t9"]


def test_limit_gives_offsets(world: Any) -> None:
    for number in range(5):
        world.make(f"ns:t{number}")
    query = Query(OWNER)
    read_options("sort(+thingId),limit(1,2)", query)
    page = Search(world.twin).page(query)
    assert ([item["thingId"] for item in page["items"]], page["nextPageOffset"]) == (["ns:t1", "ns:t2"], 3)


@pytest.mark.parametrize("option", ["size(201)", "size(x)", "size(-1)", "foo(1)", "cursor(abc)"])
def test_wrong_options(world: Any, option: str) -> None:
    query = Query(OWNER)

    def search() -> None:
        read_options(option, query)
        Search(world.twin).page(query)

    with pytest.raises(DittoError):
        search()
