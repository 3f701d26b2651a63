"""What counts as news, and when a status is written."""

from __future__ import annotations

from typing import Any

from tests.unit.rack_operator.conftest import RACK, rack_body

from rack_operator.reconcile.conditions import Verdicts, condition_true, conditions, ready_of, status_patch
from rack_operator.reconcile.store import Key, Store


def body(version: int, **metadata: Any) -> dict[str, Any]:
    made = rack_body()
    made["metadata"].update({"uid": "u", "generation": 1, "resourceVersion": str(version), **metadata})
    return made


def test_only_what_matters_is_news() -> None:
    store = Store()
    assert store.put("Rack", body(1))
    assert not store.put("Rack", body(2))
    assert not store.put("Rack", {**body(3), "status": {"tenant": "lab"}})
    assert store.put("Rack", body(4, generation=2))
    assert store.put("Rack", body(5, generation=2, finalizers=["f"]))
    assert store.put("Rack", body(6, generation=2, finalizers=["f"], deletionTimestamp="now"))


def test_an_older_version_is_ignored_unless_it_is_another_object() -> None:
    store = Store()
    store.put("Rack", body(7, generation=3))
    assert not store.put("Rack", body(6, generation=2))
    assert (store.get(RACK) or {})["metadata"]["generation"] == 3
    assert store.put("Rack", body(6, uid="new"))


def test_racks_are_found_by_site_and_forgotten() -> None:
    store = Store()
    store.put("Rack", body(1))
    assert list(store.members_of("lab", "lab")) == [RACK]
    assert store.sites() == {"lab"}
    assert store.retain("Rack", []) == [RACK]
    assert list(store.members_of("lab", "lab")) == []
    assert store.get(RACK) is None
    assert not store.has(Key("Rack", "lab", "r1"))


def test_the_applied_configuration_is_not_kept() -> None:
    store = Store()
    store.put(
        "Rack",
        body(
            1,
            annotations={
                "kubectl.kubernetes.io/last-applied-configuration": "x",
                "racktwin.io/rotate-credentials": "b",
            },
        ),
    )
    assert (store.get(RACK) or {})["metadata"]["annotations"] == {"racktwin.io/rotate-credentials": "b"}


def test_ready_repeats_the_first_that_is_bad() -> None:
    verdicts = Verdicts(("One", "Two", "Three"))
    verdicts.good("One")
    verdicts.bad("Two", "DittoHTTP503", "no answer")
    full = verdicts.complete()
    assert full["Three"].status == "Unknown"
    assert (full["Ready"].status, full["Ready"].reason) == ("False", "DittoHTTP503")
    assert full["Ready"].message == "Two: no answer"
    assert not verdicts.all_good()


def test_waiting_never_hides_something_worse() -> None:
    verdicts = Verdicts(("One",))
    verdicts.bad("One", "Bad", "bad")
    verdicts.waiting("One", "later")
    assert verdicts.held["One"].status == "False"


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    verdicts = Verdicts(("One",))
    verdicts.bad("One", "A", "a")
    first = conditions(verdicts.complete(), [], 1, "t1")
    verdicts.bad("One", "B", "b")
    second = conditions(verdicts.complete(), first, 2, "t2")
    assert {entry["lastTransitionTime"] for entry in second} == {"t1"}
    assert {entry["observedGeneration"] for entry in second} == {2}
    verdicts.good("One")
    third = conditions(verdicts.complete(), second, 2, "t3")
    assert {entry["lastTransitionTime"] for entry in third} == {"t3"}
    assert ready_of({"status": {"conditions": third}}) == ("True", "AsDesired")
    assert condition_true({"status": {"conditions": third}}, "One")


def test_a_status_is_patched_only_where_it_differs() -> None:
    assert status_patch({"a": 1}, {"a": 1}) is None
    assert status_patch({"a": 1, "old": 2}, {"a": 3}) == {"a": 3, "old": None}
