"""The stack's own processes are replaced for the time of a run, and run again afterwards, whatever became of it."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest

from dashboards.provoke import quick, stage
from dashboards.provoke.quick import Quick
from dashboards.provoke.stage import Stage, StageError
from local_stack.stack import StackError

FIDELITY_PID = 4242


class Stack:
    """Writes down what it is told."""

    def __init__(self, folder):
        self.told = []
        self.instance = SimpleNamespace(name="t", data=lambda name: folder / name)

    def halt(self, component):
        self.told.append(f"halt {component}")

    def ensure(self, components):
        self.told.append(f"ensure {' '.join(components)}")

    def env_for(self, component):
        return {"WHOSE": component, "RACKTWIN_HEALTH_PORT": "21033"}

    def process(self, component):
        return SimpleNamespace(pid=FIDELITY_PID)

    def endpoints(self):
        return {"ditto_url": "http://127.0.0.1:1", "kubectl": "kubectl", "kubeconfig": "none"}


class Process:
    """A process that was started, or not."""

    def __init__(self, command, *, env, **_more):
        self.command, self.env = command, env
        self.code = None

    def poll(self):
        return self.code

    def terminate(self):
        self.code = 0

    def wait(self, timeout=None):
        return self.code


@pytest.fixture
def stack(tmp_path, monkeypatch):
    found = Stack(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(quick.os, "kill", lambda pid, what: found.told.append(f"{what.name} {pid}"))
    return found


def test_each_runs_with_its_own_settings_and_those_of_the_run(stack, tmp_path):
    processes = Quick(stack, tmp_path)
    processes.run("scorecard", {"RACKTWIN_SCORECARD_LEAST": "50"})
    processes.run("fidelity", {})
    assert stack.told == ["halt scorecard", f"SIGSTOP {FIDELITY_PID}"]
    started = processes._running["scorecard"].process
    assert started.command[-3:][1:] == ["-m", "scorecard"]
    assert (started.env["WHOSE"], started.env["RACKTWIN_SCORECARD_LEAST"]) == ("scorecard", "50")
    # The stack's own may still hold its port.
    assert started.env["RACKTWIN_HEALTH_PORT"] == "0"
    assert processes.dead() == []
    started.code = 1
    assert processes.dead() == [f"scorecard (see {tmp_path / 'scorecard.log'})"]
    processes.stop()
    processes.restore()
    assert stack.told[2:] == [f"SIGCONT {FIDELITY_PID}", "ensure scorecard fidelity"]
    processes.restore()
    assert len(stack.told) == 4


class Ditto:
    """One site's twin."""

    def __init__(self):
        self.features = {"model.a": {"properties": {"state": "drifting"}}, "hops": {}}

    def get_thing(self, thing):
        return {"features": dict(self.features)}

    def request(self, method, path, json=None, headers=None):
        feature = path.rpartition("/")[2]
        if method == "DELETE":
            self.features.pop(feature, None)
            return SimpleNamespace(ok=True)
        assert method == "PATCH"
        properties = self.features[feature]["properties"] | json["properties"]
        self.features[feature] = {"properties": properties}
        return SimpleNamespace(ok=True)


@pytest.fixture
def scene(stack, tmp_path):
    (tmp_path / "gateway").mkdir()
    (tmp_path / "alerts-check").mkdir()
    (tmp_path / "gateway" / "faults.json").write_text('[{"kind": "leak"}]', encoding="utf-8")
    made = Stage(stack, "t")
    made._ditto = Ditto()
    return made


def test_what_stood_on_a_twin_and_the_plants_own_faults_are_there_again(scene, tmp_path):
    scene._set_aside("site", "t", "model.", {"state": "well"})
    assert scene._ditto.features == {"hops": {}, "model.a": {"properties": {"state": "well"}}}
    scene.break_plant({"kind": "unit-stops", "target": "crah-a1"})
    scene._ditto.features |= {"model.b": {}, "certificates": {}}
    scene.tidy()
    assert scene._ditto.features == {"hops": {}, "model.a": {"properties": {"state": "drifting"}}}
    assert json.loads((tmp_path / "gateway" / "faults.json").read_text(encoding="utf-8")) == [{"kind": "leak"}]


def test_only_what_was_found_in_the_run_counts(scene):
    scene._prepared_at = 1_000_000
    for observed, skill in ((1_000_000, None), (1_100_000, 0.4)):
        scene._ditto.features["fidelity"] = {"properties": {"skill": 0.4, "observedAt": observed}}
        assert scene.skill("a-r02-02") == skill
    del scene._ditto.features["fidelity"]
    assert scene.skill("a-r02-02") is None


def test_all_is_taken_back_though_something_fails(scene, stack, tmp_path):
    def fails(components):
        raise StackError("upkeep: it is not ready in time")

    stack.ensure = fails
    scene._quick.run("upkeep", stage.UPKEEP)
    scene._ditto.features["certificates"] = {}
    with pytest.raises(StageError, match=r"upkeep: it is not ready.*make demo"):
        scene.tidy()
    assert "certificates" not in scene._ditto.features
    assert scene._quick._running == {}


def test_a_deaf_unit_is_commanded_until_nobody_answered(scene):
    asked = []

    def command(unit, *, wait):
        asked.append(unit)

    scene._set = command
    control = {"setpoint": 19.0}
    scene._control = {"crah-a2": control}.__getitem__
    scene.insist("crah-a2")
    assert asked == []
    scene.break_plant({"kind": "unit-deaf", "target": "racktwin.t:cooling-crah-a2"})
    scene._prepared_at = 1000
    for state, at, count in (
        (None, 0, 1),
        ("timed out", 500, 2),
        ("accepted", 1500, 3),
        ("requested", 2000, 3),
        ("timed out", 2500, 3),
    ):
        control["lastCommand"] = {"state": state, "at": at} if state else None
        scene.insist("crah-a2")
        assert len(asked) == count
