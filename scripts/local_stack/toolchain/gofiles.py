"""Files out of a released Go module, such as the resource definitions that an operator brings."""

import dataclasses
import shutil

from local_stack.toolchain.artefact import Artefact, BuildError, Workshop
from local_stack.toolchain.golang import download


@dataclasses.dataclass(frozen=True)
class GoFiles(Artefact):
    """Copies of `files`, paths within `module`, side by side."""

    module: str
    files: tuple[str, ...]

    def make(self, shop: Workshop) -> None:
        """Copy. Raises BuildError where the module has no such file."""
        source = download(shop, self.module, self.version)
        for name in self.files:
            if not (source / name).is_file():
                raise BuildError(f"{self.module} {self.version} has no {name}")
            target = shop.output / (source / name).name
            shutil.copyfile(source / name, target)
            target.chmod(0o644)
