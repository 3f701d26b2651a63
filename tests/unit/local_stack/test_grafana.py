"""Of Grafana's module only what its server reads is kept, and what it is built with decides its folder."""

import dataclasses
from pathlib import Path

import pytest

from local_stack.toolchain.artefact import BuildError
from local_stack.toolchain.catalogue import ARTEFACTS
from local_stack.toolchain.grafana import GRAFANA, keep


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_its_pages_are_left_behind(tmp_path: Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    plugin = "public/app/plugins/datasource/influxdb/plugin.json"
    write(source, "conf/defaults.ini", plugin, "public/app/plugins/datasource/influxdb/module.ts", "pkg/server/wire.go")
    keep(source, home)
    kept = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    assert kept == {"conf/defaults.ini", plugin}


def test_a_module_without_defaults_is_no_grafana(tmp_path: Path) -> None:
    write(tmp_path / "source", "public/views/index.html")
    with pytest.raises(BuildError, match=r"defaults\.ini"):
        keep(tmp_path / "source", tmp_path / "home")


def test_a_generator_of_another_version_makes_another_build() -> None:
    assert dataclasses.replace(GRAFANA, wire="v0.0.1").folder != GRAFANA.folder


def test_no_stack_is_made_to_wait_for_it() -> None:
    assert GRAFANA not in ARTEFACTS.values()
