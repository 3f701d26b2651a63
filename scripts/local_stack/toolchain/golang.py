"""Builds a Go program as a small module of its own around an upstream module.

The module's `go.mod` is upstream's, so that exactly upstream's versions are used; only its relative `replace` lines,
which point into upstream's source tree, are turned into the versions released beside it. Checksums are upstream's and
the checksum database's.
"""

import dataclasses
import json
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import ClassVar

from local_stack.toolchain.artefact import Artefact, BuildError, Workshop

_RELATIVE_REPLACE = re.compile(r"^(\s*(?:replace\s+)?)(\S+)(?:\s+v\S+)?\s+=>\s+\.\.?/\S*\s*$")
_DROPPED = re.compile(r"^(module|toolchain)\s")


def derive_go_mod(upstream: str, module: str, version: str, sibling_version: str | None) -> str:
    """The text of a `go.mod` that builds a program around `module` at `version`, from upstream's own `go.mod`.

    With `sibling_version`, modules that upstream replaces by a folder of its tree are replaced by that released
    version, and requirements of their placeholder version v0.0.0 follow. Without it such replacements are dropped:
    the required versions are released ones.
    """
    siblings = {match[2] for line in upstream.splitlines() if (match := _RELATIVE_REPLACE.match(line))}
    lines = ["module racktwin.invalid/program"]
    for line in upstream.splitlines():
        if _DROPPED.match(line):
            continue
        if match := _RELATIVE_REPLACE.match(line):
            if sibling_version:
                lines.append(f"{match[1]}{match[2]} => {match[2]} {sibling_version}")
            continue
        words = line.split()
        if sibling_version and len(words) >= 2 and words[-2] in siblings and words[-1] == "v0.0.0":
            lines.append(line.replace("v0.0.0", sibling_version))
        else:
            lines.append(line)
    lines.append(f"require {module} {version}")
    return "\n".join(lines) + "\n"


def download(shop: Workshop, module: str, version: str) -> Path:
    """Fetch a module through the user's own Go proxy settings; return the read-only folder it lies in."""
    answer = json.loads(shop.run(["go", "mod", "download", "-json", f"{module}@{version}"]))
    return Path(answer["Dir"])


def go_build(
    shop: Workshop, folder: Path, output: Path, *, flags: list[str], package: str, env: dict[str, str]
) -> None:
    """`go build` with progress counted in packages. Raises BuildError."""
    total = len(shop.run(["go", "list", *flags, "-deps", package], cwd=folder, env=env).split())
    seen = 0

    def count(line: str) -> None:
        nonlocal seen
        # -v prints the import path of each package as it is compiled, and nothing else that begins like one.
        if " " not in line.strip():
            seen += 1
            shop.progress(min(seen, total), total + 1)

    shop.run(
        ["nice", "-n", "5", "go", "build", "-v", "-p", str(shop.jobs), *flags, "-o", output, package],
        cwd=folder,
        env=env,
        on_line=count,
    )


def main_source(component: str) -> str:
    """The main package that a component is built from."""
    return (resources.files("local_stack.toolchain") / "sources" / component / "main.go").read_text(encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class GoProgram(Artefact):
    """A program of our own few lines around an upstream Go module, statically linked."""

    module: str
    main_source: str
    sibling_version: str | None = None
    version_packages: tuple[str, ...] = ()
    """Packages whose gitVersion, gitMajor and gitMinor are set to the version, as upstream's release build does."""
    names: tuple[str, ...] = ()
    """Names the program is called by; the first one is the file, the others are links to it."""

    weight: ClassVar[int] = 5

    def make(self, shop: Workshop) -> None:
        """Fill `bin/`."""
        upstream = download(shop, self.module, self.version)
        if not (upstream / "go.mod").is_file():
            raise BuildError(f"{self.module} {self.version} has no go.mod")
        text = (upstream / "go.mod").read_text(encoding="utf-8")
        (shop.scratch / "go.mod").write_text(
            derive_go_mod(text, self.module, self.version, self.sibling_version), encoding="utf-8"
        )
        shutil.copyfile(upstream / "go.sum", shop.scratch / "go.sum")
        (shop.scratch / "main.go").write_text(self.main_source, encoding="utf-8")
        binaries = shop.output / "bin"
        binaries.mkdir()
        flags = ["-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags", self._linker_flags()]
        go_build(shop, shop.scratch, binaries / self.names[0], flags=flags, package=".", env={"CGO_ENABLED": "0"})
        for name in self.names[1:]:
            (binaries / name).symlink_to(self.names[0])

    def _linker_flags(self) -> str:
        major, minor, *_ = self.version.removeprefix("v").split(".")
        values = {"gitVersion": self.version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        settings = [f"-X {package}.{key}={value}" for package in self.version_packages for key, value in values.items()]
        return " ".join(["-s", "-w", *settings])
