"""The wheel that pip makes of this project: all of our code and data is in it, and what is installed from it works.

Built without a network from a copy, so that nothing is left in the working tree.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from local_stack import paths

ROOTS: Final = ("services", "operators", "ml-models", "scripts")
# The console's page is built by its own tools and served from a folder that a setting names; the rest is to be read.
ELSEWHERE: Final = ("console/web/", "console/docs/")
NOT_DATA: Final = ("README.md",)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a wheel is made from."""
    copy = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("node_modules", "__pycache__", "*.egg-info", "web", ".*")
    for root in ROOTS:
        shutil.copytree(paths.repository() / root, copy / root, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(paths.repository() / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def site(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    wheels = tmp_path_factory.mktemp("wheels")
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(wheels)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    unpacked = tmp_path_factory.mktemp("site")
    (wheel,) = wheels.glob("racktwin-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Run:
    """Python with the unpacked wheel and the dependencies, in an empty folder; the working tree is not on its path."""
    installed = os.pathsep.join((str(site), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RACKTWIN_", "PYTHON"))}

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # Without `site` the virtual environment's own paths to the working tree are not followed.
            [sys.executable, "-S", *arguments],
            cwd=tmp_path, env={**environment, "PYTHONPATH": installed}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return start


def test_every_file_of_the_packages_is_inside(source: Path, site: Path) -> None:
    missing = []
    for root in ROOTS:
        for file in (source / root).rglob("*"):
            name = file.relative_to(source / root).as_posix()
            if not file.is_file() or name.startswith(ELSEWHERE) or file.name in NOT_DATA or "/" not in name:
                continue
            # Examples to apply are no package.
            if not (source / root / name.partition("/")[0] / "__init__.py").exists():
                continue
            if not (site / name).is_file():
                missing.append(f"{root}/{name}")
    assert missing == [], "[tool.setuptools.package-data] in pyproject.toml"
    assert (site / "racktwin_cli/openapi/console.json").is_file() and (
        site / "collector/data/snmp/ups-mib.yaml"
    ).is_file()


def test_nothing_else_is_inside(site: Path) -> None:
    tops = {path.name for path in site.iterdir()}
    ours = {
        path.name for root in ROOTS for path in (paths.repository() / root).iterdir() if (path / "__init__.py").exists()
    }
    assert tops - ours == {next(top for top in tops if top.endswith(".dist-info"))}
    (metadata,) = site.glob("*.dist-info/entry_points.txt")
    assert "racktwin = racktwin_cli.main:main" in metadata.read_text()


def test_the_command_line_works_from_the_wheel_alone(run: Run, site: Path) -> None:
    where = run("-c", "import racktwin_cli, collector, racktwin; print(racktwin_cli.__file__, collector.__file__)")
    assert all(Path(file).is_relative_to(site) for file in where.stdout.split()), where
    for arguments, said in (
        (("--help",), "collect"),
        (("openapi",), "collector-push"),
        (("collect", "--help"), "check"),
    ):
        done = run("-m", "racktwin_cli", *arguments)
        assert done.returncode == 0 and said in done.stdout, done


def test_collectors_work_from_the_wheel_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,top\n2026-01-01T00:00:00Z,20.5\n")
    config: dict[str, Any] = {
        "site": "t", "gateway": "edge", "uplink": {"credentials": "secret"}, "store": {"directory": "store"},
        "collectors": [
            {
                "name": "old", "protocol": "files", "pattern": "*.csv", "ledger": "ledger.json",
                "devices": [{"thing": "rack-a"}],
                "points": [{"feature": "environment.top", "property": "temperature", "path": "top"}],
            },
            {"name": "crah", "protocol": "modbus", "map": "cooling-unit", "host": "127.0.0.1", "port": 1,
             "thing": "cooling-a"},
        ],
    }  # fmt: skip
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    for command in (("collector", "check"), ("racktwin_cli", "collect", "check")):
        done = run("-m", *command, "--config", "c.yaml", "--json", "--only", "old")
        (row,) = json.loads(done.stdout)["sources"]
        assert (done.returncode, [r["value"] for r in row["readings"]]) == (0, [20.5]), done
    # A shipped map is found, though nobody answers.
    done = run("-m", "collector", "check", "--config", "c.yaml", "--json", "--only", "crah")
    assert done.returncode == 3 and "nobody answers" in done.stdout, done
    assert "apc-rpdu2" in run("-m", "collector", "maps").stdout


def test_packages_find_their_data_in_the_wheel(run: Run) -> None:
    done = run(
        "-c",
        "from importlib import resources\n"
        "from models.definition import read_definition\n"
        "from local_stack.config import settings\n"
        "print(read_definition('inlet_temperature').name, bool(settings()))\n"
        "print((resources.files('cluster') / 'stand-ins' / 'templates' / '_helpers.tpl').is_file())\n",
    )
    assert done.stdout.split() == ["inlet-temperature", "True", "True"], done
