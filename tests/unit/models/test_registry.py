"""Versions never change, the pointer moves, a rollback goes back to what served before; what is broken is refused."""

from __future__ import annotations

import pytest
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import version_of
from models.registry import Registry, RegistryError


def artefact(folder, targets=2, extra=0):
    folder.mkdir()
    content = graph(inputs=3 + extra, targets=targets)
    return write(folder, content, manifest(content)), version_of(content)


@pytest.fixture
def registry(tmp_path):
    return Registry(str(tmp_path / "registry"))


def test_publishing_does_not_serve_and_promoting_does(registry, tmp_path):
    folder, version = artefact(tmp_path / "a")
    assert registry.publish(folder).version == version
    assert registry.pointer("inlet-temperature") is None
    registry.promote("inlet-temperature", version, at_ms=1, by="person", reason="first")
    assert registry.pointer("inlet-temperature").version == version
    assert registry.models() == ["inlet-temperature"]
    fetched = registry.fetch("inlet-temperature", version, tmp_path / "fetched")
    assert (fetched / "model.onnx").read_bytes() == (folder / "model.onnx").read_bytes()


def test_rollback_goes_back_one_by_one_and_then_says_so(registry, tmp_path):
    versions = []
    for n in range(3):
        folder, version = artefact(tmp_path / f"v{n}", extra=n)
        registry.publish(folder)
        registry.promote("inlet-temperature", version, at_ms=n, by="training", reason="")
        versions.append(version)
    assert registry.rollback("inlet-temperature", at_ms=10, reason="bad").version == versions[1]
    assert registry.rollback("inlet-temperature", at_ms=11, reason="bad").version == versions[0]
    with pytest.raises(RegistryError, match="first that served"):
        registry.rollback("inlet-temperature", at_ms=12, reason="bad")


def test_a_version_never_changes(registry, tmp_path):
    folder, version = artefact(tmp_path / "a")
    registry.publish(folder)
    before = registry.manifest("inlet-temperature", version)
    (folder / "CARD.md").write_text("another card")
    registry.publish(folder)
    assert registry.manifest("inlet-temperature", version) == before
    kept = tmp_path / "registry/inlet-temperature/versions" / version / "CARD.md"
    assert kept.read_text() != "another card"


def test_corrupted_artefact_is_not_published(registry, tmp_path):
    folder, _ = artefact(tmp_path / "a")
    (folder / "model.onnx").write_bytes(b"broken")
    with pytest.raises(RegistryError, match="not the one"):
        registry.publish(folder)
    assert registry.models() == []


@pytest.mark.parametrize("version", ["../../etc", "current", ""])
def test_a_version_is_no_path(registry, version):
    with pytest.raises(RegistryError, match="12 hexadecimal"):
        registry.manifest("inlet-temperature", version)


def test_unknown_version_names_those_there_are(registry, tmp_path):
    folder, version = artefact(tmp_path / "a")
    registry.publish(folder)
    with pytest.raises(RegistryError, match=version):
        registry.promote("inlet-temperature", "0" * 12, at_ms=0, by="person", reason="")


def test_no_registry_is_said(tmp_path):
    with pytest.raises(RegistryError, match="expected a directory"):
        Registry("")
