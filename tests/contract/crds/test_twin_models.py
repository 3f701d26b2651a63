"""Promise: the API server refuses a TwinModel that asks for what its task cannot give, or for no runners at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.crds.conftest import Kubectl

JsonObject = dict[str, Any]


def model(kubectl: Kubectl, **spec: Any) -> JsonObject:
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "TwinModel",
        "metadata": {"name": "sensor-fault", "namespace": kubectl.namespace},
        "spec": {"site": "lab", **spec},
    }


@pytest.mark.parametrize(
    "spec",
    [
        {"task": "detect"},
        {"task": "detect", "training": {}, "promotion": {"margin": 0.1, "automatic": False}},
        {"task": "detect", "training": {"history": "simulated"}},
        {"training": {"history": "influx"}, "promotion": {"leastSkill": 0.2, "coverageTolerance": 0.1}},
    ],
)
def test_what_a_task_can_give_is_taken(kubectl: Kubectl, spec: JsonObject) -> None:
    taken, said = kubectl.dry_run(model(kubectl, **spec))
    assert taken, said
    assert json.loads(said)["spec"]["replicas"] == {"min": 1, "max": 1, "lagPerReplica": 20000}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"task": "detect", "training": {"history": "influx"}}, "spec.training.history"),
        ({"task": "detect", "promotion": {"leastSkill": 0.2}}, "spec.promotion.leastSkill"),
        ({"task": "detect", "promotion": {"coverageTolerance": 0.1}}, "spec.promotion.coverageTolerance"),
        ({"replicas": {"min": 0}}, "spec.replicas.min"),
        ({"replicas": {"min": 3, "max": 2}}, "spec.replicas.min"),
    ],
)
def test_what_it_cannot_give_is_refused_by_name(kubectl: Kubectl, spec: JsonObject, told: str) -> None:
    taken, said = kubectl.dry_run(model(kubectl, **spec))
    assert not taken
    assert told in said
