"""Finds a JDK 17, also where another JDK is the default.

Hono 1.0.3 was verified on 17 alone, and one JVM for all Java components keeps the page cache warm.
"""

import functools
import os
import re
import shutil
from pathlib import Path

JAVA_MAJOR = 17


def major_version(jdk: Path) -> int | None:
    """The major version of the JDK in a folder, from its `release` file; None if it is none."""
    try:
        release = (jdk / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    return int(match[1]) if match else None


def candidates(environment: dict[str, str]) -> list[Path]:
    """Folders that may hold a JDK, most wanted first."""
    found = [Path(environment[key]) for key in ("JAVA_HOME", "JDK_HOME") if environment.get(key)]
    if java := shutil.which("java", path=environment.get("PATH")):
        found.append(Path(java).resolve().parents[1])
    for pattern in ("/usr/lib/jvm/*", "/opt/*jdk*", "/usr/java/*"):
        found.extend(sorted(Path("/").glob(pattern.lstrip("/"))))
    found.extend(sorted(Path.home().glob(".sdkman/candidates/java/*")))
    return found


@functools.cache
def find_jdk() -> Path:
    """The home of a JDK 17.

    Raises:
        LookupError: there is none.
    """
    for folder in candidates(dict(os.environ)):
        if major_version(folder) == JAVA_MAJOR and (folder / "bin" / "java").exists():
            return folder.resolve()
    raise LookupError(f"no JDK {JAVA_MAJOR} in JAVA_HOME, on PATH or below /usr/lib/jvm")
