"""Upstream's sources are changed where a Go module lacks something, and only what is served is kept of the build."""

import json
from pathlib import Path

import pytest

from local_stack.toolchain.artefact import BuildError
from local_stack.toolchain.catalogue import ARTEFACTS
from local_stack.toolchain.grafana import GRAFANA
from local_stack.toolchain.grafana_pages import GRAFANA_PAGES, adapt, keep, with_packages, without_plugins

PACKAGES = {
    "dependencies": {"react": "18.2.0", "tether-drop": "https://a.example/drop", "xlsx": "https://b.example/xlsx.tgz"}
}
YARN = """enableTelemetry: false

plugins:
  - path: .yarn/plugins/one.cjs
    spec: one

  - path: .yarn/plugins/two.cjs
yarnPath: .yarn/releases/yarn-3.cjs
"""
COMMON = """resolve: { symlinks: false },
loader: 'ngtemplate-loader?relativeTo=' + path.resolve(__dirname, '../../public') + '&prefix=public',
"""


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(
        tmp_path,
        **{
            "package.json": json.dumps(PACKAGES),
            ".yarnrc.yml": YARN,
            "scripts/webpack/webpack.dev.js": "devtool: 'inline-source-map',\n",
            "scripts/webpack/webpack.common.js": COMMON,
        },
    )
    return tmp_path


def test_packages_from_elsewhere_come_from_the_registry() -> None:
    found = json.loads(with_packages(json.dumps(PACKAGES, indent=2)))["dependencies"]
    assert found == {"react": "18.2.0", "tether-drop": "1.4.2", "xlsx": "0.18.5"}


def test_a_package_that_is_no_longer_asked_for_is_told() -> None:
    with pytest.raises(BuildError, match="tether-drop"):
        with_packages('{"dependencies": {"xlsx": "https://b.example/xlsx.tgz"}}')


@pytest.mark.parametrize("rest", ["", "yarnPath: x\n"])
def test_plugins_of_the_package_manager_go_and_nothing_else(rest: str) -> None:
    assert without_plugins("first: 1\nplugins:\n  - path: a\n    spec: 'b'\n\n" + rest) == "first: 1\n" + rest
    assert without_plugins(YARN).splitlines() == ["enableTelemetry: false", "", "yarnPath: .yarn/releases/yarn-3.cjs"]


def test_sources_are_changed_where_they_lie(source: Path) -> None:
    adapt(source)
    assert (source / "scripts/webpack/webpack.dev.js").read_text() == "devtool: false,\n"
    assert (source / "scripts/webpack/webpack.common.js").read_text().splitlines() == [
        "resolve: { symlinks: true },",
        "loader: 'ngtemplate-loader?relativeTo=/public' + '&prefix=public',",
    ]
    vendored = sorted(path.name for path in (source / "public/vendor").rglob("*.js"))
    assert len(vendored) == 11 and "jquery.flot.time.js" in vendored


def test_another_build_upstream_is_told_with_its_file(source: Path) -> None:
    (source / "scripts/webpack/webpack.common.js").write_text("symlinks: false")
    with pytest.raises(BuildError, match=r"webpack\.common\.js"):
        adapt(source)


def test_what_is_served_is_kept_and_sources_are_not(tmp_path: Path) -> None:
    public, output = tmp_path / "public", tmp_path / "output"
    served = ("views/index.html", "build/app.js", "build/img/a.svg", "app/plugins/panel/text/plugin.json")
    write(public, **dict.fromkeys((*served, "app/plugins/panel/text/module.ts", "sass/a.scss", "vendor/b.js"), "x"))
    keep(public, output)
    assert {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()} == set(served)


def test_a_build_without_a_page_is_none(tmp_path: Path) -> None:
    write(tmp_path, **{"build/app.js": "x"})
    with pytest.raises(BuildError, match=r"index\.html"):
        keep(tmp_path, tmp_path / "output")


def test_they_are_of_the_same_commit_as_the_server_and_no_stack_waits_for_them() -> None:
    assert GRAFANA_PAGES.version == GRAFANA.version
    assert GRAFANA_PAGES not in ARTEFACTS.values()
