"""Promise: the API server refuses a cooling unit whose limits contradict each other, and shows the good ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.crds.conftest import Kubectl

JsonObject = dict[str, Any]


def good_unit(kubectl: Kubectl, **spec: Any) -> JsonObject:
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "CoolingUnit",
        "metadata": {"name": "crah-1", "namespace": kubectl.namespace},
        "spec": {
            "site": "lab",
            "room": "hall",
            "racks": ["r1", "r2"],
            "position": {"xM": 1.0, "yM": 2.0},
            "capacityW": 100000,
            "airflowM3s": 8,
            **spec,
        },
    }


def test_a_good_unit_gets_its_defaults(kubectl: Kubectl) -> None:
    taken, said = kubectl.dry_run(good_unit(kubectl))
    assert taken, said
    spec = json.loads(said)["spec"]
    assert (spec["setpointMinC"], spec["setpointMaxC"], spec["fanMinPercent"]) == (14, 27, 30)
    assert spec["slew"] == {"setpointStepK": 2, "setpointKPerMin": 0.5, "fanPercentPerMin": 10}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"setpointC": 30}, "spec.setpointC"),
        ({"setpointMinC": 26, "setpointMaxC": 16}, "spec.setpointC"),
        ({"fanMinPercent": 80, "fanMaxPercent": 40}, "spec.fanMinPercent"),
        ({"fanMaxPercent": 140}, "spec.fanMaxPercent"),
        ({"slew": {"setpointStepK": 0}}, "spec.slew.setpointStepK"),
        ({"racks": ["r1", "r1"]}, "spec.racks"),
        ({"site": "-"}, "spec.site"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(kubectl: Kubectl, change: JsonObject, told: str) -> None:
    taken, said = kubectl.dry_run(good_unit(kubectl, **change))
    assert not taken
    assert told in said


def test_the_table_of_units_and_the_site_that_stays(kubectl: Kubectl) -> None:
    document = good_unit(kubectl)
    assert kubectl.run("create", "-f", "-", stdin=json.dumps(document)).returncode == 0
    try:
        table = kubectl.run("get", "cu", "-n", kubectl.namespace, "-o", "wide").stdout.splitlines()
        assert table[0].split() == ["NAME", "SITE", "ROOM", "TYPE", "READY", "REASON", "AGE", "MESSAGE"]
        assert table[1].split()[:4] == ["crah-1", "lab", "hall", "crah"]
        moved = json.dumps({"spec": {"site": "other"}})
        patch = ("patch", "coolingunit", "crah-1", "-n", kubectl.namespace, "--type=merge", "-p", moved)
        refused = kubectl.run(*patch)
        assert refused.returncode != 0
        assert "site is immutable" in refused.stderr
    finally:
        kubectl.run("delete", "coolingunit", "crah-1", "-n", kubectl.namespace, "--wait=false")
