"""Conditional requests: entity tags, ``condition=`` and ``if-equal``."""

from __future__ import annotations

import pytest


@pytest.fixture
def thing(ditto):
    return ditto.new_thing(attributes={"row": "A", "n": 1})


def test_read_with_the_current_tag_is_304(ditto, thing):
    tag = ditto.get(f"/things/{thing}").headers["etag"]
    answer = ditto.get(f"/things/{thing}", if_none_match=tag)
    assert (answer.status_code, answer.text, answer.headers["etag"]) == (304, "", tag)
    assert ditto.get(f"/things/{thing}", if_none_match='"rev:99"').status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_change_with_a_stale_tag_is_412_and_changes_nothing(ditto, thing, problem, method):
    body = problem(
        ditto.call(method, f"/things/{thing}", {"attributes": {"row": "Z"}}, if_match='"rev:77"'),
        412,
        "things:precondition.failed",
    )
    assert "if-match" in body["message"]
    assert ditto.get(f"/things/{thing}/attributes/row").json() == "A"


def test_412_tells_the_actual_tag(ditto, thing):
    answer = ditto.put(f"/things/{thing}/attributes/row", "B", if_match='"hash:0"')
    assert answer.status_code == 412
    tag = answer.headers["etag"]
    assert ditto.put(f"/things/{thing}/attributes/row", "B", if_match=tag).status_code == 204


def test_equal_values_have_equal_tags(ditto, thing):
    tag = ditto.get(f"/things/{thing}/attributes/row").headers["etag"]
    assert ditto.put(f"/things/{thing}/attributes/row", "B").headers["etag"] != tag
    assert ditto.put(f"/things/{thing}/attributes/row", "A").headers["etag"] == tag


def test_only_create_and_only_update(ditto, thing, problem):
    body = {"policyId": ditto.get(f"/things/{thing}").json()["policyId"]}
    problem(ditto.put(f"/things/{thing}", body, if_none_match="*"), 412, "things:precondition.failed")
    problem(ditto.put(f"/things/{ditto.new_id()}", body, if_match="*"), 412, "things:precondition.failed")
    assert ditto.put(f"/things/{ditto.new_id()}", body, if_none_match="*").status_code == 201
    assert ditto.put(f"/things/{thing}", body, if_match="*").status_code == 204


def test_condition_decides_by_the_state_of_the_thing(ditto, thing, problem):
    holds, fails = 'condition=eq(attributes/row,"A")', "condition=gt(attributes/n,5)"
    assert ditto.patch(f"/things/{thing}?{holds}", {"attributes": {"n": 2}}).status_code == 204
    problem(ditto.patch(f"/things/{thing}?{fails}", {"attributes": {"n": 3}}), 412, "things:condition.failed")
    problem(ditto.put(f"/things/{thing}/attributes/n?{fails}", 3), 412, "things:condition.failed")
    assert ditto.get(f"/things/{thing}/attributes/n").json() == 2


def test_condition_that_is_not_rql_is_400(ditto, thing, problem):
    wrong = "condition=eq(attributes/row"
    problem(ditto.patch(f"/things/{thing}?{wrong}", {"attributes": {}}), 400, "things:condition.invalid")
    problem(ditto.put(f"/things/{thing}?{wrong}", {}), 400, "things:condition.invalid")


def test_equal_value_counts_as_a_change_unless_skipped(ditto, thing, problem):
    assert ditto.put(f"/things/{thing}/attributes/row", "A").headers["entity-revision"] == "2"
    problem(ditto.put(f"/things/{thing}/attributes/row", "A", if_equal="skip"), 412, "things:precondition.failed")
    assert ditto.get(f"/things/{thing}").headers["entity-revision"] == "2"
