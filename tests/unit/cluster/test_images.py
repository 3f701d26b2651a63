"""The same files give the same layer; an image consists of blobs by their content."""

import json
import os
import tarfile
from pathlib import Path

from cluster.images import libraries
from cluster.images.oci import Config, Images
from cluster.images.python import EXTRAS, _wanted, normalise, runtime_requirements
from cluster.images.tree import Tree

ROOT = Path(__file__).resolve().parents[3]


def tree_of(folder: Path) -> Tree:
    tree = Tree()
    tree.tree(folder, "/opt/app", lambda path: path.name != "__pycache__")
    tree.text("/etc/hello", "hello\n")
    tree.link("/opt/link", "app")
    tree.folder("/tmp", 0o1777)
    return tree


def sample(folder: Path) -> Path:
    (folder / "sub" / "__pycache__").mkdir(parents=True)
    (folder / "sub" / "program").write_text("#!/bin/sh\n")
    (folder / "sub" / "program").chmod(0o700)
    (folder / "sub" / "__pycache__" / "x.pyc").write_text("no")
    (folder / "plain").write_text("plain")
    return folder


def test_a_layer_depends_on_nothing_but_its_files(tmp_path: Path) -> None:
    sample(tmp_path / "a")
    sample(tmp_path / "b")
    images = Images(tmp_path / "images")
    first = images.layer(tree_of(tmp_path / "a"))
    os.utime(tmp_path / "b" / "plain", (1, 1))
    assert images.layer(tree_of(tmp_path / "b")) == first
    (tmp_path / "b" / "plain").write_text("other")
    assert images.layer(tree_of(tmp_path / "b")) != first


def test_a_layer_holds_folders_modes_links_and_no_owner(tmp_path: Path) -> None:
    images = Images(tmp_path / "images")
    layer = images.layer(tree_of(sample(tmp_path / "a")))
    with tarfile.open(images.blob_path(layer.digest)) as archive:
        members = {member.name: member for member in archive}
    assert {"opt", "opt/app", "opt/app/sub", "opt/app/sub/program", "etc/hello", "opt/link", "tmp"} <= set(members)
    assert not any("__pycache__" in name for name in members)
    assert members["opt/app/sub/program"].mode == 0o755
    assert members["opt/app/plain"].mode == 0o644
    assert members["tmp"].mode == 0o1777
    assert members["opt/link"].linkname == "app"
    assert all(member.uid == member.gid == 0 for member in members.values())


def test_an_image_is_found_by_its_tag_until_it_is_another(tmp_path: Path) -> None:
    images = Images(tmp_path / "images")
    layer = images.layer(tree_of(sample(tmp_path / "a")))
    digest = images.image("racktwin/app", "1", [layer], Config(("run",), {"PATH": "/bin"}, "1000:1000"))
    assert images.manifest("racktwin/app", "1") == digest
    assert images.manifest("racktwin/app", "2") is None
    manifest = json.loads(images.blob_path(digest).read_text())
    config = json.loads(images.blob_path(manifest["config"]["digest"]).read_text())
    assert config["config"] == {"Cmd": ["run"], "Env": ["PATH=/bin"], "User": "1000:1000", "WorkingDir": "/"}
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]


def test_sweeping_removes_what_no_tag_leads_to_once_it_is_old(tmp_path: Path) -> None:
    images = Images(tmp_path / "images")
    layer = images.layer(tree_of(sample(tmp_path / "a")))
    old = images.image("racktwin/app", "1", [layer], Config(("one",)))
    new = images.image("racktwin/app", "1", [layer], Config(("two",)))
    assert images.sweep() == 0
    assert images.sweep(older_than_s=-1) > 0
    assert not images.blob_path(old).exists()
    assert images.blob_path(new).exists()
    assert images.blob_path(layer.digest).exists()


def test_libraries_are_read_from_what_the_loader_says() -> None:
    said = """\
/opt/x/program:
\tlinux-vdso.so.1 (0x00007ffc3d5f2000)
\tlibpython3.11.so.1.0 => /opt/python/lib/libpython3.11.so.1.0 (0x00007f0364c00000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0364a1e000)
\tliboptional.so.2 => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f0365224000)
/opt/x/static:
\tnot a dynamic executable
"""
    found, missing = libraries.parse(said)
    assert {str(path) for path in found} == {
        "/opt/python/lib/libpython3.11.so.1.0",
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    }
    assert missing == {"liboptional.so.2"}


def test_a_library_goes_to_where_the_loader_looks() -> None:
    assert libraries.target_of(Path("/lib/x86_64-linux-gnu/libc.so.6")) == "/lib/x86_64-linux-gnu/libc.so.6"
    assert libraries.target_of(Path("/opt/python/lib/libpython3.so")) == "/usr/lib/libpython3.so"


def test_requirements_of_extras_are_not_needed() -> None:
    assert _wanted("python-qpid-proton>=0.40") == "python-qpid-proton"
    assert _wanted("PyYAML>=6; python_version < '4'") == "pyyaml"
    assert _wanted("sphinx; extra == 'docs'") is None
    assert normalise("Typing_Extensions") == "typing-extensions"


def test_the_image_can_collect_and_train() -> None:
    """What a pod of ours imports is in both ways to make the image: the operator's trainings run in it too."""
    wanted = {_wanted(text) for text in runtime_requirements(ROOT / "pyproject.toml", EXTRAS)}
    assert {"onnxruntime", "pymodbus", "scikit-learn", "onnx", "skl2onnx"} <= wanted
    recipe = (ROOT / "charts" / "images" / "Dockerfile").read_text(encoding="utf-8")
    assert all(f"--extra {extra}" in recipe for extra in EXTRAS)
