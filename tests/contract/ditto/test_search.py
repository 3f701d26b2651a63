"""Search: RQL, namespaces, fields, sorting, pages by cursor, count, permissions."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest


@pytest.fixture(scope="module")
def shelf(ditto, eventually):
    """Twelve things ``n01`` … ``n12`` in a namespace of their own, found by search."""
    namespace = f"{ditto.namespace}.s{uuid.uuid4().hex[:6]}"
    policy = ditto.new_policy()
    for n in range(1, 13):
        features = {"climate": {"properties": {"inlet": 18 + n / 2}}}
        if n > 10:
            features["leak"] = {"properties": {"wet": True}}
        body = {
            "policyId": policy,
            "attributes": {"idx": n, "row": "A" if n % 2 == 0 else "B", "name": f"Node {n}", "tags": [f"t{n % 3}"]},
            "features": features,
        }
        assert ditto.put(f"/things/{namespace}:n{n:02}", body).status_code == 201
    eventually(lambda: ditto.get(f"/search/things/count?namespaces={namespace}").json() == 12)
    return namespace


@pytest.fixture
def find(ditto, shelf):
    """Searches the shelf; gives the numbers of what was found."""

    def search(filter_: str = "", option: str = "sort(+thingId),size(100)") -> list[int]:
        query = f"namespaces={shelf}&fields=thingId&option={quote(option)}"
        if filter_:
            query += f"&filter={quote(filter_)}"
        answer = ditto.get(f"/search/things?{query}")
        assert answer.status_code == 200, answer.text
        return [int(item["thingId"][-2:]) for item in answer.json()["items"]]

    return search


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ('eq(attributes/row,"A")', [2, 4, 6, 8, 10, 12]),
        ('ne(attributes/row,"A")', [1, 3, 5, 7, 9, 11]),
        ("gt(attributes/idx,10)", [11, 12]),
        ("ge(attributes/idx,11)", [11, 12]),
        ("lt(attributes/idx,2)", [1]),
        ("le(attributes/idx,2)", [1, 2]),
        ("in(attributes/idx,1,2,40)", [1, 2]),
        ('like(attributes/name,"Node 1*")', [1, 10, 11, 12]),
        ('ilike(attributes/name,"node ?")', [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("exists(features/leak)", [11, 12]),
        ("not(exists(features/leak))", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ('and(gt(features/climate/properties/inlet,20),eq(attributes/row,"B"))', [5, 7, 9, 11]),
        ("or(exists(features/leak),lt(attributes/idx,3))", [1, 2, 11, 12]),
        ("gt(features/*/properties/inlet,23)", [11, 12]),
        ('eq(attributes/tags,"t1")', [1, 4, 7, 10]),
        ("eq(features/leak/properties/wet,true)", [11, 12]),
        ('like(thingId,"*:n0*")', [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("gt(_modified,time:now-1h)", list(range(1, 13))),
        ('eq(attributes/row,"none")', []),
    ],
)
def test_filters(find, filter_, found):
    assert find(filter_) == found


def test_sorting(find):
    assert find(option="sort(-attributes/idx),size(3)") == [12, 11, 10]
    assert find(option="sort(+attributes/row,-attributes/idx),size(4)") == [12, 10, 8, 6]


def test_pages_by_cursor_cover_everything_once(ditto, shelf):
    seen, option = [], "sort(-attributes/idx),size(5)"
    while True:
        page = ditto.get(f"/search/things?namespaces={shelf}&fields=thingId&option={quote(option)}").json()
        seen += [int(item["thingId"][-2:]) for item in page["items"]]
        if "cursor" not in page:
            break
        # A page does not inherit the size of the one before it.
        option = f"cursor({page['cursor']}),size(5)"
    assert seen == list(range(12, 0, -1))


def test_a_cursor_goes_with_its_query(ditto, shelf, problem):
    page = ditto.get(f"/search/things?namespaces={shelf}&option={quote('sort(+thingId),size(5)')}").json()
    cursor = f"cursor({page['cursor']})"
    code = "thing-search:search.option.invalid"
    problem(ditto.get(f"/search/things?option={quote(cursor + ',sort(-thingId)')}"), 400, code)
    problem(ditto.get(f"/search/things?filter={quote('eq(attributes/row,1)')}&option={quote(cursor)}"), 400, code)
    problem(ditto.get("/search/things?option=cursor(nonsense)"), 400, code)
    assert len(ditto.get(f"/search/things?option={quote(cursor)}").json()["items"]) == 7


def test_count(ditto, shelf):
    assert ditto.get(f"/search/things/count?namespaces={shelf}").json() == 12
    assert ditto.get(f"/search/things/count?namespaces={shelf}&filter={quote('gt(attributes/idx,9)')}").json() == 3


def test_search_by_form(ditto, shelf):
    form = {"filter": 'eq(attributes/row,"B")', "namespaces": shelf, "fields": "thingId", "option": "size(2)"}
    answer = ditto.session.post(f"{ditto.url}/api/2/search/things", data=form, timeout=10).json()
    assert len(answer["items"]) == 2
    assert answer["cursor"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("filter=eq(attributes/row", "rql.expression.invalid"),
        ("filter=", "rql.expression.invalid"),
        ("filter=near(attributes/row,1)", "rql.expression.invalid"),
        ("option=foo(1)", "rql.expression.invalid"),
        ("option=size(1000)", "thing-search:search.option.invalid"),
    ],
)
def test_wrong_queries_are_400(ditto, problem, query, code):
    problem(ditto.get(f"/search/things?{query}"), 400, code)


def test_only_what_may_be_read_matches_and_is_shown(ditto, eventually):
    policy = ditto.new_policy()
    thing = ditto.new_thing(policy, attributes={"hidden": "yes"}, features={"air": {"properties": {"t": 1}}})
    by_id = f"/search/things?filter={quote(f'eq(thingId,{chr(34)}{thing}{chr(34)})')}"
    eventually(lambda: ditto.get(by_id).json()["items"])
    ditto.allow(policy, {"thing:/features/air": {"grant": ["READ"], "revoke": []}})
    part = {"thingId": thing, "features": {"air": {"properties": {"t": 1}}}}
    eventually(lambda: ditto.get(by_id).json()["items"] == [part])
    hidden = f"namespaces={ditto.namespace}&filter={quote('eq(attributes/hidden,' + chr(34) + 'yes' + chr(34) + ')')}"
    eventually(lambda: not ditto.get(f"/search/things?{hidden}").json()["items"])
    ditto.allow(policy, {"message:/": {"grant": ["READ"], "revoke": []}})
    eventually(lambda: not ditto.get(by_id).json()["items"])
