"""Whether a version may serve: a forecast by its error, a detector by what it lacks of finding all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from training import promotion
from training.gate import judge_detector


@pytest.mark.parametrize(
    ("f1", "alarms", "serving", "margin", "passed"),
    [
        (0.90, 0.01, None, 0.0, True),
        (0.90, 0.03, None, 0.0, False),
        (0.49, 0.01, None, 0.0, False),
        (0.91, 0.01, 0.90, 0.0, True),
        (0.90, 0.01, 0.90, 0.0, False),
        # Of 0.10 that the one before lacks, a fifth less is 0.08.
        (0.91, 0.01, 0.90, 0.2, False),
        (0.93, 0.01, 0.90, 0.2, True),
    ],
)
def test_a_detector_must_beat_what_serves_by_the_margin(f1, alarms, serving, margin, passed):
    verdict = judge_detector(f1=f1, false_alarm_rate=alarms, f1_of_serving=serving, margin=margin)
    assert verdict.passed is passed


@pytest.mark.parametrize(("inputs_of_serving", "passed"), [(["a.last", "b.last"], False), (["a-b.last"], True)])
def test_a_detector_is_not_held_back_by_the_card_of_one_that_reads_other_inputs(inputs_of_serving, passed):
    metrics = {"f1": 0.90, "falseAlarmRate": 0.01}
    serving = SimpleNamespace(inputs=inputs_of_serving, metrics={"f1": 0.95})
    new = SimpleNamespace(definition=SimpleNamespace(name="m"), inputs=["a.last", "b.last"], metrics=metrics)
    registry = SimpleNamespace(manifest=lambda _name, _version: serving)
    assert promotion._detects(registry, new, "0" * 12, 0.0).passed is passed
