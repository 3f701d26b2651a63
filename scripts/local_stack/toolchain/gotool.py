"""Builds a program that is a main package of a released Go module, as `go install` does for anybody.

`go install` refuses modules that replace others; those name their `module`, and are built with its own `go.mod`.
Programs for which we write the main package are built by `golang.GoProgram`.
"""

import dataclasses
import shutil
from typing import ClassVar

from local_stack.toolchain.artefact import Artefact, Workshop
from local_stack.toolchain.golang import derive_go_mod, download, go_build


@dataclasses.dataclass(frozen=True)
class GoTool(Artefact):
    """One program from `package` at the artefact's version, statically linked, as `bin/<program>`."""

    package: str
    program: str
    tags: str = ""
    linker_values: tuple[tuple[str, str], ...] = ()
    """Variables set at link time, as upstream's release build does: (package and name, value)."""
    module: str = ""
    """The package's module, where that replaces other modules; empty: `go install` will do."""

    weight: ClassVar[int] = 3

    def make(self, shop: Workshop) -> None:
        """Fill `bin/`."""
        values = [f"-X {name}={value}" for name, value in self.linker_values]
        flags = ["-trimpath", *(("-tags", self.tags) if self.tags else ()), "-ldflags", " ".join(["-s", "-w", *values])]
        binaries = shop.output / "bin"
        binaries.mkdir()
        if self.module:
            self._build(shop, flags)
        else:
            self._install(shop, flags)

    def _build(self, shop: Workshop, flags: list[str]) -> None:
        upstream = download(shop, self.module, self.version)
        text = (upstream / "go.mod").read_text(encoding="utf-8")
        (shop.scratch / "go.mod").write_text(derive_go_mod(text, self.module, self.version, None), encoding="utf-8")
        shutil.copyfile(upstream / "go.sum", shop.scratch / "go.sum")
        go_build(
            shop,
            shop.scratch,
            shop.output / "bin" / self.program,
            flags=["-mod=mod", "-buildvcs=false", *flags],
            package=self.package,
            env={"CGO_ENABLED": "0"},
        )

    def _install(self, shop: Workshop, flags: list[str]) -> None:
        binaries = shop.output / "bin"
        built = 0

        def count(line: str) -> None:
            nonlocal built
            # -v prints the import path of each package as it is compiled.
            if line.strip() and " " not in line.strip():
                built += 1
                shop.progress(built, built + 1)

        shop.run(
            [
                *("nice", "-n", "5", "go", "install", "-v", "-p", str(shop.jobs), *flags),
                f"{self.package}@{self.version}",
            ],
            env={"CGO_ENABLED": "0", "GOBIN": str(binaries)},
            on_line=count,
        )
        made = next(binaries.iterdir())
        if made.name != self.program:
            made.rename(binaries / self.program)
