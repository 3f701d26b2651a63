"""Promise: the API server refuses a Scenario that asks nothing, too much at once, or what cannot be; and any change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.crds.conftest import Kubectl

JsonObject = dict[str, Any]
FAILS = {"coolingUnit": {"name": "cu-1", "fails": True}}
REPLAY = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"}


def scenario(kubectl: Kubectl, spec: JsonObject, name: str = "trial") -> JsonObject:
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "Scenario",
        "metadata": {"name": name, "namespace": kubectl.namespace},
        "spec": {"site": "lab", "room": "hall", **spec},
    }


@pytest.mark.parametrize(
    "spec",
    [
        {"whatIf": {"changes": [FAILS]}},
        {"whatIf": {"eachUnitFails": True, "cases": [{"name": "a", "changes": [{"load": {"capW": 0}}]}]}},
        {"whatIf": {"changes": [{"atS": 60, "feed": {"pdu": "pdu-a"}}, {"feed": {"rack": "r1", "feed": "A"}}]}},
        {"baseTime": "2026-01-01T00:00:00Z", "whatIf": {"changes": [{"move": {"from": "r1", "to": "r2"}}]}},
        {"replay": REPLAY},
    ],
)
def test_what_can_be_asked_is_taken(kubectl: Kubectl, spec: JsonObject) -> None:
    taken, said = kubectl.dry_run(scenario(kubectl, spec))
    assert taken, said


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, "give either whatIf or replay"),
        ({"whatIf": {"changes": [FAILS]}, "replay": REPLAY}, "give either whatIf or replay"),
        ({"whatIf": {}}, "give changes, cases, or eachUnitFails"),
        ({"whatIf": {"changes": [{**FAILS, "load": {"capW": 1}}]}}, "give exactly one of coolingUnit"),
        ({"whatIf": {"changes": [{"atS": 5}]}}, "give exactly one of coolingUnit"),
        ({"whatIf": {"changes": [{"load": {"capW": 1, "addW": 1}}]}}, "exactly one of addW"),
        ({"whatIf": {"changes": [{"feed": {"pdu": "p", "rack": "r"}}]}}, "give a pdu, or a rack and its feed"),
        ({"whatIf": {"changes": [{"coolingUnit": {"name": "c", "setpointC": 55}}]}}, "setpointC"),
        ({"whatIf": {"changes": [{"coolingUnit": {"name": "c", "capacityPercent": 120}}]}}, "capacityPercent"),
        ({"whatIf": {"changes": [FAILS], "durationS": 1}}, "durationS"),
        ({"whatIf": {"cases": [{"name": "a", "changes": [FAILS]}, {"name": "a", "changes": [FAILS]}]}}, "Duplicate"),
        ({"replay": {"from": REPLAY["to"], "to": REPLAY["from"]}}, "from must lie before to"),
        ({"replay": {**REPLAY, "speed": 0}}, "speed"),
        ({"replay": {"from": "yesterday", "to": "today"}}, "date-time"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(kubectl: Kubectl, spec: JsonObject, told: str) -> None:
    taken, said = kubectl.dry_run(scenario(kubectl, spec))
    assert not taken
    assert told in said


def test_a_name_that_is_too_long_is_refused(kubectl: Kubectl) -> None:
    taken, said = kubectl.dry_run(scenario(kubectl, {"replay": REPLAY}, name="n" * 31))
    assert not taken
    assert "at most 30" in said


def test_a_scenario_cannot_be_changed(kubectl: Kubectl) -> None:
    made = scenario(kubectl, {"whatIf": {"changes": [FAILS]}}, name="fixed")
    assert kubectl.run("create", "-f", "-", stdin=json.dumps(made)).returncode == 0
    made["spec"]["whatIf"]["durationS"] = 120
    changed = kubectl.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(made))
    assert changed.returncode != 0
    assert "a Scenario is run once" in changed.stderr
