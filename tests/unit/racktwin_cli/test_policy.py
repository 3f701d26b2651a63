"""Whether the pipeline may write, by Ditto's rules, on the policies that the operator makes."""

from __future__ import annotations

import pytest

from rack_operator.desired import policies
from rack_operator.desired.ownership import Owner
from racktwin_cli.doctor.policy import may_write

PIPELINE = "integration:racktwin-berlin-pipeline"
MODELS = "integration:racktwin-berlin-models"
TOP = "environment.top"


@pytest.fixture
def documents():
    owner = Owner(kind="Rack", namespace="berlin", name="r1", uid="u-1")
    return [policies.own_policy("berlin", "rack", owner), policies.base_policy("berlin")]


def test_the_operators_policies_let_it(documents):
    assert may_write(documents, PIPELINE, TOP)
    assert may_write(documents[1:], PIPELINE, TOP), "rooms use the base policy itself"


def test_models_alone_write_their_features():
    documents = [policies.base_policy("berlin", ["anomaly", "prediction.own.top"])]
    for feature, by in (("prediction.own.top", MODELS), ("anomaly", MODELS), (TOP, PIPELINE), ("scorecard", PIPELINE)):
        assert [subject for subject in (PIPELINE, MODELS) if may_write(documents, subject, feature)] == [by], feature


def test_others_may_not(documents):
    assert not may_write(documents, "nginx:viewer", TOP)
    assert not may_write([], PIPELINE, TOP)


def test_without_the_import_it_may_not(documents):
    own, base = documents
    assert not may_write([{**own, "imports": {}}], PIPELINE, TOP)
    base["entries"]["pipeline"]["importable"] = "never"
    assert not may_write([own, base], PIPELINE, TOP)
    base["entries"]["pipeline"]["importable"] = "explicit"
    assert not may_write([own, base], PIPELINE, TOP)
    own["imports"][base["policyId"]]["entries"] = ["pipeline"]
    assert may_write([own, base], PIPELINE, TOP)


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("thing:/", True),
        ("thing:/features", False),
        ("thing:/features/environment.top", False),
        ("thing:/features/environment.top/properties", False),
        ("thing:/features/power", True),
        ("message:/features", True),
    ],
)
def test_the_deepest_revoke_counts(documents, resource, allowed):
    own, base = documents
    own["entries"]["strange"] = {
        "subjects": {PIPELINE: {"type": "test"}},
        "resources": {resource: {"grant": [], "revoke": ["WRITE"]}},
    }
    assert may_write([own, base], PIPELINE, TOP) is allowed
