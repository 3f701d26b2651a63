"""Builds the pages that a browser loads from Grafana, of the same commit's Go module as its server.

The module has their sources, but not all that its build wants: a folder `vendor` is never part of a Go module, and two
packages come from elsewhere than a registry. What is missing is nothing that our pages use, panels of Angular among it,
so empty files and the registry's packages of the same name take their place. No script of a package is run while they
are installed; what was installed, some 3 GB, goes with the scratch folder. `make check-dashboards` builds them on first
use and has Grafana serve them (`dashboards.grafana.server`).
"""

import dataclasses
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from local_stack.toolchain.artefact import Artefact, BuildError, Workshop
from local_stack.toolchain.grafana import MODULE, VERSION, unpack

# Neither is loaded by a page of ours: hints of Angular's panels, and spreadsheets for download.
_PACKAGES: Final[Mapping[str, str]] = {"tether-drop": "1.4.2", "xlsx": "0.18.5"}
# Plugins of its package manager that Go modules leave out; they only serve upstream's developers.
_PLUGINS: Final = re.compile(r"^plugins:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
_FLOT: Final = ("", ".crosshair", ".dashes", ".fillbelow", ".gauge", ".selection", ".stack", ".stackpercent", ".time")
_VENDORED: Final = (
    "bootstrap/bootstrap.js",
    "tagsinput/bootstrap-tagsinput.js",
    *(f"flot/jquery.flot{part}.js" for part in _FLOT),
)
# Each passage and what takes its place: no source maps, which are twice the pages; packages of the same repository by
# where they lie; templates' names counted from the one folder that each has above itself, wherever the build runs.
_BUILD: Final[Mapping[str, tuple[str, str]]] = {
    "scripts/webpack/webpack.dev.js": ("devtool: 'inline-source-map'", "devtool: false"),
    "scripts/webpack/webpack.common.js": ("symlinks: false", "symlinks: true"),
}
_TEMPLATES: Final = (
    "'ngtemplate-loader?relativeTo=' + path.resolve(__dirname, '../../public')",
    "'ngtemplate-loader?relativeTo=/public'",
)
# What a server serves, and what it reads of the same folder at its start.
_SERVED: Final = (
    *(f"{folder}/**/*" for folder in ("build", "emails", "fonts", "gazetteer", "img", "locales", "maps", "views")),
    *(f"app/plugins/**/{pattern}" for pattern in ("plugin.json", "img/*")),
    "robots.txt",
)
_LEFT_OUT: Final = ("pkg", "docs")
# Webpack holds all of it at once.
_MEMORY_MIB: Final = 4096


def with_packages(text: str) -> str:
    """``package.json`` with packages of the registry alone. Raises BuildError where one is not asked for any more."""
    for name, version in _PACKAGES.items():
        text, count = re.subn(rf'("{name}": )"https?://[^"]*"', rf'\g<1>"{version}"', text)
        if not count:
            raise BuildError(f"{MODULE}: package.json asks for no {name} from elsewhere")
    return text


def without_plugins(text: str) -> str:
    """The package manager's settings, without its plugins."""
    return _PLUGINS.sub("", text)


def replaced(text: str, old: str, new: str, name: str) -> str:
    """``text`` with a passage that must be there replaced. Raises BuildError."""
    if old not in text:
        raise BuildError(f"{MODULE}: {name} has no {old!r}")
    return text.replace(old, new)


def adapt(source: Path) -> None:
    """Change upstream's unpacked sources so that they build from a Go module. Raises BuildError."""
    _rewrite(source / "package.json", with_packages((source / "package.json").read_text(encoding="utf-8")))
    _rewrite(source / ".yarnrc.yml", without_plugins((source / ".yarnrc.yml").read_text(encoding="utf-8")))
    for name, (old, new) in _BUILD.items():
        text = replaced((source / name).read_text(encoding="utf-8"), old, new, name)
        if name.endswith("common.js"):
            text = replaced(text, *_TEMPLATES, name)
        _rewrite(source / name, text)
    for name in _VENDORED:
        path = source / "public" / "vendor" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _rewrite(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def keep(public: Path, output: Path) -> None:
    """Copy what is served. Raises BuildError where the build left no page."""
    if not (public / "views" / "index.html").is_file():
        raise BuildError("the build left no views/index.html")
    for pattern in _SERVED:
        for path in public.glob(pattern):
            if path.is_file():
                target = output / path.relative_to(public)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def _ignore(line: str) -> None:
    """Nothing is read of what its tools say."""


@dataclasses.dataclass(frozen=True)
class GrafanaPages(Artefact):
    """What a Grafana serves to browsers, in `public/`."""

    weight: ClassVar[int] = 6

    def make(self, shop: Workshop) -> None:
        """Fill `public/`. Raises BuildError."""
        source = unpack(shop, self.version, _LEFT_OUT)
        adapt(source)
        yarn = next((source / ".yarn" / "releases").glob("yarn-*.cjs"), None)
        if yarn is None:
            raise BuildError(f"{MODULE} has no .yarn/releases/yarn-*.cjs")
        env = {
            # The user's own registry, as for the console's page.
            "YARN_NPM_REGISTRY_SERVER": shop.run(["npm", "config", "get", "registry"]).strip(),
            "YARN_GLOBAL_FOLDER": str(shop.scratch / "yarn"),
            "YARN_NODE_LINKER": "node-modules",
            "YARN_ENABLE_SCRIPTS": "false",
            "YARN_ENABLE_IMMUTABLE_INSTALLS": "false",
            "YARN_ENABLE_TELEMETRY": "false",
            "YARN_HTTP_TIMEOUT": "120000",
            "NODE_ENV": "dev",
            "NODE_OPTIONS": f"--max-old-space-size={_MEMORY_MIB}",
        }
        run: list[str | Path] = ["nice", "-n", "5", "node", yarn]
        shop.progress(0, 4)
        # Its output is told line by line, so the log has it.
        shop.run([*run, "install", "--mode=skip-build"], cwd=source, env=env, on_line=_ignore)
        shop.progress(2, 4)
        shop.run([*run, "themes:generate"], cwd=source, env=env, on_line=_ignore)
        config = ["--config", "scripts/webpack/webpack.dev.js", "--env", "noTsCheck=1", "--env", "noLint=1"]
        shop.run([*run, "webpack", *config], cwd=source, env=env, on_line=_ignore)
        keep(source / "public", shop.output / "public")


GRAFANA_PAGES = GrafanaPages(
    name="grafana-pages",
    version=VERSION,
    why="Grafana's pages, for a browser that sees how dashboards are drawn",
)
