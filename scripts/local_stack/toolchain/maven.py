"""Fetches Java libraries with Maven, through the user's own Maven settings.

Several sets of one version become modules of one generated reactor, so that Maven starts once. Checksums are enforced
(`-C`).
"""

import dataclasses
import os
import tarfile
from typing import ClassVar
from xml.sax.saxutils import escape

from local_stack.toolchain.artefact import Artefact, BuildError, Workshop
from local_stack.toolchain.jdk import find_jdk

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_HEAD = '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'


def pom(name: str, dependencies: tuple[str, ...] = (), modules: tuple[str, ...] = ()) -> str:
    """A minimal POM; `dependencies` are group:artifact:version."""
    parts = [_HEAD, f"<groupId>racktwin</groupId><artifactId>{escape(name)}</artifactId>"]
    parts.append("<version>1</version><packaging>pom</packaging>")
    if modules:
        parts.append("<modules>" + "".join(f"<module>{escape(module)}</module>" for module in modules) + "</modules>")
    if dependencies:
        parts.append("<dependencies>")
        for dependency in dependencies:
            group, artifact, version = (escape(part) for part in dependency.split(":"))
            parts.append(
                f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
                f"<version>{version}</version></dependency>"
            )
        parts.append("</dependencies>")
    parts.append("</project>")
    return "\n".join(parts) + "\n"


def _maven(shop: Workshop, *arguments: str) -> None:
    downloads = 0

    def count(line: str) -> None:
        nonlocal downloads
        if "Copying " in line or "Downloaded from" in line:
            downloads += 1
            shop.progress(downloads, downloads + 20)

    environment = {"JAVA_HOME": str(find_jdk()), "MAVEN_OPTS": os.environ.get("MAVEN_OPTS", "-XX:TieredStopAtLevel=1")}
    shop.run(["mvn", "-B", "-C", *arguments], env=environment, on_line=count)


@dataclasses.dataclass(frozen=True)
class MavenLibraries(Artefact):
    """The runtime class paths of some artifacts: folder `<set>/` holds the jars of one of them."""

    sets: tuple[tuple[str, tuple[str, ...]], ...]
    """(set name, dependencies as group:artifact:version)"""

    exclusive: ClassVar[str] = "maven"
    weight: ClassVar[int] = 3

    def make(self, shop: Workshop) -> None:
        """Fill one folder of jars per set."""
        for name, dependencies in self.sets:
            folder = shop.scratch / name
            folder.mkdir()
            (folder / "pom.xml").write_text(pom(name, dependencies), encoding="utf-8")
        names = tuple(name for name, _ in self.sets)
        (shop.scratch / "pom.xml").write_text(pom("all", modules=names), encoding="utf-8")
        target = f"{shop.output}/${{project.artifactId}}"
        _maven(shop, f"{_PLUGIN}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}")
        for name in names:
            if not list((shop.output / name).glob("*.jar")):
                raise BuildError(f"Maven copied no jar for {name}")


@dataclasses.dataclass(frozen=True)
class MavenArchive(Artefact):
    """The `lib/` folder of a distribution archive that is published as a Maven artifact."""

    artifact: str
    """group:artifact:version:type:classifier"""

    exclusive: ClassVar[str] = "maven"
    weight: ClassVar[int] = 2

    def make(self, shop: Workshop) -> None:
        """Fill `lib/`."""
        _maven(shop, f"{_PLUGIN}:copy", f"-Dartifact={self.artifact}", f"-DoutputDirectory={shop.scratch}")
        archives = list(shop.scratch.glob("*.tar.gz"))
        if len(archives) != 1:
            raise BuildError(f"Maven did not deliver {self.artifact}")
        (shop.output / "lib").mkdir()
        with tarfile.open(archives[0]) as archive:
            for member in archive:
                parts = member.name.split("/")
                source = archive.extractfile(member) if member.isfile() else None
                if source is not None and len(parts) == 3 and parts[1] == "lib" and parts[2].endswith(".jar"):
                    (shop.output / "lib" / parts[2]).write_bytes(source.read())
