"""Volumes are laid out as files, privately, and a template cannot write outside its folder."""

import base64
import stat
from pathlib import Path
from typing import Any

import pytest

from local_node.environment import UnresolvedError
from local_node.templates import UnsupportedError
from local_node.volumes import lay_out, mount_points

CONFIG = {"data": {"model.json": "{}"}, "binaryData": {"model.onnx": base64.b64encode(b"\x08\x01").decode()}}


def lookup(kind: str, name: str) -> dict[str, Any] | None:
    return CONFIG if (kind, name) == ("ConfigMap", "c") else None


def test_a_config_map_becomes_files_that_only_we_can_read(tmp_path: Path) -> None:
    places = lay_out(tmp_path / "pod", [{"name": "v", "configMap": {"name": "c"}}], lookup)
    assert (places["v"] / "model.onnx").read_bytes() == b"\x08\x01"
    assert (places["v"] / "model.json").read_text() == "{}"
    assert stat.S_IMODE((places["v"] / "model.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(places["v"].stat().st_mode) == 0o700


def test_items_choose_and_rename(tmp_path: Path) -> None:
    volume = {"name": "v", "configMap": {"name": "c", "items": [{"key": "model.json", "path": "sub/m.json"}]}}
    place = lay_out(tmp_path / "pod", [volume], lookup)["v"]
    assert [p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()] == ["sub/m.json"]


def test_an_empty_folder_keeps_its_contents_and_a_config_map_is_renewed(tmp_path: Path) -> None:
    volumes = [{"name": "e", "emptyDir": {}}, {"name": "v", "configMap": {"name": "c"}}]
    places = lay_out(tmp_path / "pod", volumes, lookup)
    (places["e"] / "mine").write_text("kept")
    (places["v"] / "stale").write_text("x")
    lay_out(tmp_path / "pod", volumes, lookup)
    assert (places["e"] / "mine").read_text() == "kept"
    assert not (places["v"] / "stale").exists()


def test_a_missing_object_is_waited_for_unless_optional(tmp_path: Path) -> None:
    with pytest.raises(UnresolvedError, match="Secret gone"):
        lay_out(tmp_path / "pod", [{"name": "v", "secret": {"secretName": "gone"}}], lookup)
    optional = {"name": "v", "secret": {"secretName": "gone", "optional": True}}
    assert list(lay_out(tmp_path / "pod", [optional], lookup)["v"].iterdir()) == []


@pytest.mark.parametrize("path", ["../out", "/etc/x", "a/../../out"])
def test_paths_out_of_the_volume_are_refused(tmp_path: Path, path: str) -> None:
    volume = {"name": "v", "configMap": {"name": "c", "items": [{"key": "model.json", "path": path}]}}
    with pytest.raises(UnsupportedError, match="leads out"):
        lay_out(tmp_path / "pod", [volume], lookup)


def test_other_kinds_of_volumes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="hostPath"):
        lay_out(tmp_path / "pod", [{"name": "v", "hostPath": {"path": "/"}}], lookup)


def test_mounts_point_into_volumes() -> None:
    volumes = {"v": Path("/pods/v")}
    mounts = [{"name": "v", "mountPath": "/models"}, {"name": "v", "mountPath": "/one", "subPath": "one"}]
    assert mount_points(mounts, volumes) == {"/models": Path("/pods/v"), "/one": Path("/pods/v/one")}
    with pytest.raises(UnresolvedError, match="volume w"):
        mount_points([{"name": "w", "mountPath": "/w"}], volumes)
