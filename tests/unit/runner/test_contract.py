"""A TwinModel says what its model must read and say; an artifact that does not keep that is refused with the part."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.unit.runner.conftest import NOW, PARTITION, graph, manifest, reading

from models.definition import ModelError
from runner.contract import check, read
from runner.intake import Intake, selection

MADE = manifest(graph())
KEPT = {
    "task": "forecast",
    "kinds": ["rack"],
    "channels": [msgspec.to_builtins(channel) for channel in MADE.definition.channels],
    "windowS": 3600,
    "resolutionS": 10,
    "targets": ["bottom", "top"],
    "horizonsS": [900],
    "unit": "Cel",
    "sha256": MADE.graph.sha256,
}


def test_what_is_kept_passes_and_nothing_asks_nothing():
    check(read(json.dumps(KEPT)), MADE)
    check(read(""), MADE)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sha256": "0" * 64}, "spec.artifact.sha256"),
        ({"task": "detect"}, "spec.task"),
        ({"windowS": 60}, "spec.inputs.windowS is 60"),
        ({"horizonsS": [300, 900]}, "spec.output.horizonsS is 300, 900"),
        ({"targets": ["top"]}, "spec.output.targets"),
        ({"unit": "K"}, "spec.output.unit"),
        ({"channels": KEPT["channels"][:1]}, "spec.inputs.channels"),
        ({"kinds": ["server"]}, "is for rack alone"),
    ],
)
def test_what_differs_is_named(changes, says):
    with pytest.raises(ModelError, match=says):
        check(read(json.dumps(KEPT | changes)), MADE)


def test_a_contract_that_is_none_is_refused():
    with pytest.raises(ModelError, match="contract"):
        read("{not json")


def test_only_the_selected_things_are_served():
    intake = Intake(MADE.definition, selection("hall-a", "", "r1, r2"))
    intake.take([(PARTITION, reading("rack-r1")), (PARTITION, reading("rack-r3"))], NOW, NOW)
    assert [thing.id for thing in intake.things.values()] == ["racktwin.berlin:rack-r1"]
    elsewhere = Intake(MADE.definition, selection("hall-b", "", ""))
    elsewhere.take([(PARTITION, reading("rack-r1"))], NOW, NOW)
    assert len(elsewhere) == 0
    assert selection("", " ", "") is None
