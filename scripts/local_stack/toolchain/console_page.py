"""Builds the console's page: TypeScript and styles in, static files out, by Vite and the packages of its lock file.

No script of a package is run while they are installed.
"""

import dataclasses
import hashlib
import shutil
from pathlib import Path
from typing import ClassVar

from local_stack import paths
from local_stack.toolchain.artefact import Artefact, Workshop

_LEFT_OUT = ("node_modules", "dist")


def _folder() -> Path:
    return paths.repository() / "services" / "console" / "web"


def digest_of_sources() -> str:
    """12 hexadecimal digits over every file that the page is built from."""
    digest = hashlib.sha256()
    folder = _folder()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in _LEFT_OUT:
            digest.update(f"{name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclasses.dataclass(frozen=True)
class ConsolePage(Artefact):
    """The built page in `web/`, and the accessibility checker in `axe.min.js`."""

    sources: str

    weight: ClassVar[int] = 2

    def make(self, shop: Workshop) -> None:
        """Fill `web/`."""
        web = shop.scratch / "web"
        shutil.copytree(_folder(), web, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        shop.progress(0, 3)
        # Not `npm ci`: it fails where a registry lacks the packages of other platforms, which are optional. The lock's
        # versions and digests hold here too.
        shop.run(["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=web)
        shop.progress(1, 3)
        shop.run(["npx", "--no-install", "tsc", "--noEmit"], cwd=web)
        shop.run(["node", "test/run.mjs"], cwd=web)
        shop.progress(2, 3)
        # For checking the page, never served with it.
        shutil.copyfile(web / "node_modules" / "axe-core" / "axe.min.js", shop.output / "axe.min.js")
        shop.run(["npx", "--no-install", "vite", "build", "--outDir", str(shop.output / "web")], cwd=web)
