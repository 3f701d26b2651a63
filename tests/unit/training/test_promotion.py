"""A trained version serves when it passes the gate; the one that serves already changes nothing."""

from __future__ import annotations

import pytest
from tests.unit.runner.conftest import graph, manifest, write

from models.registry import Registry, State
from training import promotion
from training.gate import Gate

MODEL = "inlet-temperature"


@pytest.fixture
def rig(tmp_path):
    registry = Registry(str(tmp_path / "registry"))

    def promote(name, f1, at, **gate):
        folder = tmp_path / name
        folder.mkdir()
        content = graph(inputs=3 + int(f1 * 100))
        write(folder, content, manifest(content, metrics={"f1": f1, "falseAlarmRate": 0.01}))
        return promotion.promote(
            registry, folder, None, now_ms=at, by="training", scratch=tmp_path / "scratch", gate=Gate(**gate)
        )

    return registry, promote


def test_a_better_version_serves_with_a_clean_sheet(rig):
    registry, promote = rig
    first = promote("a", 0.8, 1)
    assert (first.verdict.passed, first.served_before) == (True, None)
    registry.set_state(MODEL, State(first.version, 2, drifting=True, paused=True, since=1))
    second = promote("b", 0.9, 3)
    assert (second.verdict.passed, second.served_before) == (True, first.version)
    assert registry.state(MODEL) == State(second.version, 3, since=3)
    assert registry.outcome(MODEL).promoted


def test_what_serves_trained_again_is_no_promotion_and_leaves_its_sheet(rig):
    registry, promote = rig
    first = promote("a", 0.8, 1)
    paused = State(first.version, 2, drifting=True, paused=True, reason="it is worse", since=1)
    registry.set_state(MODEL, paused)
    again = promote("again", 0.8, 3)
    assert (again.version, again.served_before, again.verdict.passed) == (first.version, first.version, False)
    assert registry.state(MODEL) == paused
    assert [each.at for each in registry.pointer(MODEL).history] == [1]
    outcome = registry.outcome(MODEL)
    assert (outcome.at, outcome.promoted, outcome.reason) == (3, False, promotion.SAME)


@pytest.mark.parametrize(
    ("gate", "says"), [({"margin": 0.6}, "not better than what serves"), ({"promote": False}, "waits for a person")]
)
def test_what_does_not_pass_is_there_and_does_not_serve(rig, gate, says):
    registry, promote = rig
    first = promote("a", 0.8, 1)
    second = promote("b", 0.9, 3, **gate)
    assert not second.verdict.passed
    assert says in registry.outcome(MODEL).reason
    assert registry.pointer(MODEL).version == first.version
    assert len(registry.versions(MODEL)) == 2
