"""Builds Grafana's server from its Go module; its pages are an artefact of their own (`grafana_pages`).

The newest Grafana that resolves as a Go module is one commit of mid-2023, of version 10.0. It reads provisioning files,
answers queries and evaluates and sends alerts as released ones do. `make check-dashboards` builds it on first use;
neither the local stack nor the chart needs it.
"""

import dataclasses
import shutil
from pathlib import Path
from typing import ClassVar

from local_stack.toolchain.artefact import Artefact, BuildError, Workshop
from local_stack.toolchain.golang import download, go_build

MODULE = "github.com/grafana/grafana"
VERSION = "v1.9.2-0.20230609164553-81d85ce8028d"
# What the server reads at its start, of a folder that is mostly pages.
_READ = ("conf/**/*", "public/app/plugins/**/plugin.json", "public/emails/*", "public/views/*")


@dataclasses.dataclass(frozen=True)
class GrafanaServer(Artefact):
    """`bin/grafana`, and in `home/` the defaults and descriptions of plugins that it reads."""

    wire: str
    """Version of the generator of the code that joins its services, which is not part of the module."""
    release: str
    """What it says that it is."""
    tags: str = "oss"

    weight: ClassVar[int] = 6

    def make(self, shop: Workshop) -> None:
        """Fill `bin/` and `home/`. Raises BuildError."""
        source = unpack(shop, self.version)
        # Checksums are upstream's and the checksum database's.
        env = {"GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "1"}
        tools = shop.scratch / "tools"
        shop.run(["go", "install", f"github.com/google/wire/cmd/wire@{self.wire}"], env={"GOBIN": str(tools)})
        shop.run([tools / "wire", "gen", "-tags", self.tags, "./pkg/server"], cwd=source, env=env)
        (shop.output / "bin").mkdir()
        flags = ["-tags", self.tags, "-ldflags", f"-s -w -X main.version={self.release}"]
        go_build(shop, source, shop.output / "bin" / "grafana", flags=flags, package="./pkg/cmd/grafana", env=env)
        keep(source, shop.output / "home")


def unpack(shop: Workshop, version: str, left_out: tuple[str, ...] = ()) -> Path:
    """The module's files, to be changed; without some of its topmost folders. Raises BuildError."""
    module, source = download(shop, MODULE, version), shop.scratch / "source"
    shutil.copytree(module, source, ignore=lambda folder, names: [name for name in left_out if folder == str(module)])
    for path in [source, *source.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    return source


def keep(source: Path, home: Path) -> None:
    """Copy what the server reads at its start. Raises BuildError where there are no defaults."""
    found = [path for pattern in _READ for path in source.glob(pattern) if path.is_file()]
    if not any(path.name == "defaults.ini" for path in found):
        raise BuildError(f"{MODULE} has no conf/defaults.ini")
    for path in found:
        target = home / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


GRAFANA = GrafanaServer(
    name="grafana",
    version=VERSION,
    why="Grafana's server: loads the chart's dashboards, data source, alert rules and contact points",
    wire="v0.7.0",
    release="10.0.0",
)
