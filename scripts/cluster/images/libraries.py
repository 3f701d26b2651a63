"""Finds the shared libraries that programs of the host need, so that they also run in an image that holds little else.

What lies in the image already (libraries that wheels and JDKs bring along) is left where it is.
"""

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from cluster.images.tree import Tree

_RESOLVED = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_MISSING = re.compile(r"^\s*(\S+) => not found$", re.MULTILINE)
_ELF = b"\x7fELF"
_BATCH = 200
# Where the loader looks without being told, in every image.
_SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")


def is_elf(path: Path) -> bool:
    """Whether the file is a program or a library."""
    try:
        with path.open("rb") as file:
            return file.read(4) == _ELF
    except OSError:
        return False


def parse(ldd: str) -> tuple[set[Path], set[str]]:
    """(libraries by path, names of those that were not found) in the output of `ldd`."""
    return {Path(found) for found in _RESOLVED.findall(ldd)}, set(_MISSING.findall(ldd))


def target_of(library: Path) -> str:
    """Where a library goes: to its own place if the loader looks there, else to one where it does."""
    text = str(library)
    return text if text.startswith(_SYSTEM) else f"/usr/lib/{library.name}"


def needed(files: Sequence[Path]) -> tuple[set[Path], set[str]]:
    """What `files` are linked to, directly or not: (paths, names not found)."""
    found: set[Path] = set()
    missing: set[str] = set()
    for start in range(0, len(files), _BATCH):
        command = ["ldd", *(str(file) for file in files[start : start + _BATCH])]
        # It ends with 1 when one of the files is linked to nothing.
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        paths, names = parse(output)
        found |= paths
        missing |= names
    return found, missing


def add(tree: Tree, also: Iterable[Path] = ()) -> set[str]:
    """Add to the tree what its programs and libraries (and `also`) need; return the names that were not found.

    A name may be missing for good reason: some wheels carry optional parts.
    """
    sources = {path.resolve() for path in tree.sources()}
    programs = [path for path in sorted(sources) if is_elf(path)]
    found, missing = needed([*programs, *also])
    present = {path.name for path in sources}
    for library in sorted(found):
        if library.resolve() not in sources:
            tree.file(library, target_of(library))
    return missing - present
