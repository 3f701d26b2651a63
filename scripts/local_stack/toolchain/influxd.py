"""Builds influxd from its Go module and the Rust crates (Flux) that module carries.

It is built inside a writable copy of the module, because only a main module's `replace` lines apply and Flux's Rust
library is found through them. The web interface is not part of the module, so influxd runs with `--ui-disabled`.
"""

import dataclasses
import os
import shutil
import subprocess
from typing import ClassVar

from local_stack.toolchain.artefact import Artefact, Workshop
from local_stack.toolchain.golang import download, go_build

# Flux is compiled with its own "deny warnings"; newer compilers have newer warnings.
_RUSTC_WRAPPER = '#!/bin/sh\nexec "$@" --cap-lints=warn\n'


def installed_rust() -> str | None:
    """The toolchain rustup would use here, to be used in spite of the module's own pin; None without rustup."""
    if chosen := os.environ.get("RUSTUP_TOOLCHAIN"):
        return chosen
    if not shutil.which("rustup"):
        return None
    answer = subprocess.run(["rustup", "show", "active-toolchain"], capture_output=True, text=True, check=False)
    words = answer.stdout.split()
    return words[0] if answer.returncode == 0 and words else None


@dataclasses.dataclass(frozen=True)
class Influxd(Artefact):
    """The InfluxDB 2 server."""

    module: str = "github.com/influxdata/influxdb/v2"
    pkg_config: str = "github.com/influxdata/pkg-config"
    tags: str = "sqlite_foreign_keys,sqlite_json"

    weight: ClassVar[int] = 4

    def make(self, shop: Workshop) -> None:
        """Fill `bin/influxd`."""
        source = shop.scratch / "source"
        shutil.copytree(download(shop, self.module, self.version), source)
        for path in [source, *source.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
        tools = shop.scratch / "tools"
        tools.mkdir()
        wrapper = tools / "rustc-wrapper"
        wrapper.write_text(_RUSTC_WRAPPER, encoding="utf-8")
        wrapper.chmod(0o755)
        env = {"CGO_ENABLED": "1", "CARGO_BUILD_JOBS": str(shop.jobs), "RUSTC_WRAPPER": str(wrapper)}
        if toolchain := installed_rust():
            env["RUSTUP_TOOLCHAIN"] = toolchain
        # It compiles Flux's Rust library whenever Go asks for its flags, and passes other libraries on to the real
        # pkg-config.
        shop.run(["go", "build", "-buildvcs=false", "-o", tools / "pkg-config", self.pkg_config], cwd=source)
        env["PKG_CONFIG"] = str(tools / "pkg-config")
        (shop.output / "bin").mkdir()
        flags = ["-buildvcs=false", "-tags", self.tags, "-ldflags", f"-s -w -X main.version={self.version}"]
        go_build(shop, source, shop.output / "bin" / "influxd", flags=flags, package="./cmd/influxd", env=env)
