"""Promise: a restored model registry serves what served, from the same versions."""

from __future__ import annotations

import datetime as dt
import io
import shutil
import tarfile
from pathlib import Path

import msgspec
import pytest

from models.definition import Channel, Definition, Graph, Manifest, Target, version_of
from models.notes import Refusal, State
from models.registry import Registry
from provision.backup import registry, whole
from provision.failure import Failure
from provision.settings import BackupSettings

NOW = dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC)
GRAPHS = (b"first graph", b"second graph")


def publish(at: Registry, folder: Path, model: str, graph: bytes, created: int) -> str:
    definition = Definition(
        name=model, title="", package="warm", kinds=["rack"], horizon_s=900, window_s=3600, resolution_s=10,
        expiry_s=60, stale_after_s=30, coverage=0.9,
        channels=[Channel("top", "environment.top", "temperature", "Cel")], targets=[Target("top", "top")],
    )  # fmt: skip
    told = Graph(file="model.onnx", sha256="", opset=17, input="inputs", outputs=[])
    manifest = Manifest(
        format=1, version=version_of(graph), created=created, definition=definition, inputs=[], graph=told,
        training={}, metrics={},
    )  # fmt: skip
    place = folder / f"{model}-{created}"
    place.mkdir()
    (place / "model.onnx").write_bytes(graph)
    (place / "CARD.md").write_text("# Card")
    (place / "model.json").write_bytes(msgspec.json.encode(manifest))
    return at.publish(place).version


@pytest.fixture
def filled(tmp_path: Path) -> Registry:
    """Two models; of the first the older version serves again, and things are noted of it."""
    at = Registry(str(tmp_path / "registry"))
    for model in ("warm", "cold"):
        versions = [publish(at, tmp_path, model, graph, created) for created, graph in enumerate(GRAPHS)]
        for at_ms, version in enumerate(versions):
            at.promote(model, version, at_ms=at_ms, by="training", reason="better")
    at.rollback("warm", at_ms=3, reason="worse after all")
    at.set_state("warm", State(versions[0], 5, skill=0.25, coverage=0.9, count=500))
    at.set_refusal("warm", "runners", Refusal(versions[1], 1, "opset 30"))
    # What else a volume and a training that is under way leave there.
    (tmp_path / "registry" / "lost+found").mkdir()
    half = tmp_path / "registry" / "warm" / "versions" / "0123456789ab"
    half.mkdir()
    (half / "model.onnx").write_bytes(b"half")
    (tmp_path / "registry" / "warm" / "state.json.part").write_bytes(b"{")
    (tmp_path / "registry" / "warm" / ".lock").touch()
    return at


def settings(tmp_path: Path, root: str) -> BackupSettings:
    return BackupSettings(backup_dir=tmp_path / "backup", registry_url=root)


def said(at: Registry, model: str) -> tuple[object, ...]:
    return at.pointer(model), at.state(model), at.refusal(model, "runners"), at.versions(model)


def test_a_registry_comes_back_in_an_empty_directory(tmp_path, filled):
    manifest = whole.save(settings(tmp_path, filled.url), None, NOW, 7, lambda line: None)
    assert manifest["parts"] == {"registry": {"models": 2, "versions": 4}}
    # The registry itself does not list one that is half written.
    shutil.rmtree(tmp_path / "registry" / "warm" / "versions" / "0123456789ab")
    for url in (str(tmp_path / "empty"), f"file://{tmp_path}/other"):
        restored = whole.load(settings(tmp_path, url), None, manifest["name"], lambda line: None)
        assert restored == manifest["parts"]
        back = Registry(url)
        assert back.models() == ["cold", "warm"]
        for model in ("warm", "cold"):
            assert said(back, model) == said(filled, model)
            for one in back.versions(model):
                fetched = back.fetch(model, one.version, tmp_path / "fetched")
                assert version_of((fetched / "model.onnx").read_bytes()) == one.version
                assert (fetched / "CARD.md").read_text() == "# Card"
        # It goes on from there.
        assert back.rollback("cold", at_ms=9, reason="try").version == version_of(GRAPHS[0])
        assert not list(Path(url.removeprefix("file://")).rglob("*.part"))


def test_a_restore_brings_the_pointer_back_and_keeps_versions_made_since(tmp_path, filled):
    before = filled.pointer("cold")
    manifest = whole.save(settings(tmp_path, filled.url), None, NOW, 7, lambda line: None)
    newest = publish(filled, tmp_path, "cold", b"third graph", 7)
    filled.promote("cold", newest, at_ms=8, by="training", reason="better still")
    whole.load(settings(tmp_path, filled.url), None, manifest["name"], lambda line: None)
    assert filled.pointer("cold") == before
    assert newest in [one.version for one in filled.versions("cold")]


def test_an_object_store_is_left_to_itself_and_that_is_said(tmp_path, filled):
    lines: list[str] = []
    with pytest.raises(Failure, match="nothing to back up"):
        whole.save(settings(tmp_path, "s3://bucket/prefix"), None, NOW, 7, lines.append)
    assert any("s3://bucket/prefix is not backed up here" in line for line in lines)


def test_a_registry_that_is_not_mounted_is_named(tmp_path):
    with pytest.raises(Failure, match="nowhere"):
        whole.save(settings(tmp_path, str(tmp_path / "nowhere")), None, NOW, 7, lambda line: None)
    assert whole.names(tmp_path / "backup") == []


@pytest.mark.parametrize("name", ["../escaped/current.json", "/etc/current.json", "warm/../x", "warm/a/b/c/d", "x"])
def test_a_file_that_is_none_of_a_registry_is_refused(tmp_path, name):
    with tarfile.open(tmp_path / "registry.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(Failure, match="no file of a model registry"):
        registry.load(tmp_path / "registry", tmp_path)
    assert not (tmp_path / "registry").exists()
