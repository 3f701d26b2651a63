"""Which model serves: the registry's pointer decides, what fails the checks is refused and the one before goes on."""

from __future__ import annotations

import threading

import pytest
from tests.unit.runner.conftest import NOW, graph, manifest, write

from models.definition import ModelError, version_of
from models.registry import Registry, RegistryError, State
from racktwin import health, logs
from racktwin.process import Context
from runner.settings import RunnerSettings
from runner.source import ModelSource

GROUP = "racktwin-model-inlet-temperature"


class Rig:
    def __init__(self, tmp_path):
        self.now = NOW
        self.folder = tmp_path
        self.registry = Registry(str(tmp_path / "registry"))
        self.context = Context(
            "runner", logs.configure("runner", "error"), health.Health(), threading.Event(), lambda: self.now
        )

    def publish(self, name, **how):
        place = self.folder / name
        place.mkdir()
        content = graph(**how)
        self.registry.publish(write(place, content, manifest(content)))
        return version_of(content)

    def promote(self, version):
        self.registry.promote("inlet-temperature", version, at_ms=self.now, by="person", reason="")

    def source(self, **settings):
        url = str(self.folder / "registry")
        return ModelSource(RunnerSettings(registry_url=url, model="inlet-temperature", **settings), self.context)


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_pointer_decides_and_is_looked_at_again(rig):
    first = rig.publish("a")
    rig.promote(first)
    source = rig.source()
    assert source.first().manifest.version == first
    second = rig.publish("b", opset=18)
    rig.promote(second)
    assert source.update() is None
    rig.now += 10_000
    assert source.update().manifest.version == second
    rig.now += 10_000
    assert source.update() is None


def test_version_that_fails_the_checks_is_refused_and_the_one_before_goes_on(rig):
    first = rig.publish("a")
    rig.promote(first)
    source = rig.source()
    source.first()
    bad = rig.publish("b", targets=1)
    rig.promote(bad)
    rig.now += 10_000
    assert source.update() is None
    good = rig.publish("c", opset=18)
    rig.promote(good)
    rig.now += 10_000
    assert source.update().manifest.version == good


def test_a_pinned_version_stays(rig):
    first, second = rig.publish("a"), rig.publish("b", opset=18)
    rig.promote(second)
    source = rig.source(model_version=first)
    assert source.first().manifest.version == first
    rig.now += 10_000
    assert source.update() is None


def test_nothing_promoted_says_what_to_do(rig):
    rig.publish("a")
    with pytest.raises(RegistryError, match="racktwin models promote"):
        rig.source().first()


def test_paused_by_the_scorecard_until_another_serves(rig):
    first = rig.publish("a")
    rig.promote(first)
    source = rig.source()
    source.first()
    rig.registry.set_state("inlet-temperature", State(first, rig.now, paused=True, since=rig.now))
    rig.now += 10_000
    source.update()
    assert source.paused
    rig.promote(rig.publish("b", opset=18))
    rig.now += 10_000
    assert source.update() is not None
    assert not source.paused


@pytest.mark.parametrize("stays", [False, True])
def test_a_runner_that_starts_with_a_paused_version_predicts_nothing(rig, stays):
    first, second = rig.publish("a"), rig.publish("b", opset=18)
    rig.promote(second if stays else first)
    rig.registry.set_state("inlet-temperature", State(first, rig.now, paused=True, since=rig.now), pinned=stays)
    source = rig.source(model_version=first if stays else "current")
    source.first()
    assert source.paused
    rig.registry.resume("inlet-temperature", first, at_ms=rig.now + 1)
    rig.now += 10_000
    source.update()
    assert not source.paused


def test_a_promoted_version_that_is_refused_is_noted_until_one_is_served(rig):
    good, bad = rig.publish("a"), rig.publish("b", opset=18)
    rig.promote(good)
    source = rig.source()
    source.first()
    place = rig.folder / "registry" / "inlet-temperature" / "versions" / bad / "model.onnx"
    whole = place.read_bytes()
    place.write_bytes(whole[:-1])
    rig.promote(bad)
    rig.now += 10_000
    assert source.update() is None
    refusal = rig.registry.refusal("inlet-temperature", GROUP)
    assert (refusal.version, "sha256" in refusal.reason) == (bad, True)
    # One that starts with it ends and notes nothing, it may be on its way out.
    rig.registry.set_refusal("inlet-temperature", GROUP, None)
    with pytest.raises(ModelError, match="sha256"):
        rig.source().first()
    assert rig.registry.refusal("inlet-temperature", GROUP) is None
    rig.registry.set_refusal("inlet-temperature", GROUP, refusal)
    place.write_bytes(whole)
    assert rig.source().first().manifest.version == bad
    assert rig.registry.refusal("inlet-temperature", GROUP) is None


def test_what_was_ordered_is_held_to(rig):
    rig.promote(rig.publish("a"))
    with pytest.raises(ModelError, match=r"spec\.task"):
        rig.source(model_contract='{"task":"detect"}').first()
    assert rig.source(expiry_s=77).first().manifest.definition.expiry_s == 77
