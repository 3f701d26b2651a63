"""The chart's previous version, out of the repository's history; a shallow clone or an archive may have none."""

from __future__ import annotations

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

import msgspec
import yaml

from check_charts.tools import CheckError

_CHART: Final = "charts/racktwin/Chart.yaml"
# What the chart's symbolic links lead to, too.
_NEEDED: Final = ("charts", "operators/rack_operator")


class Previous(msgspec.Struct, frozen=True):
    """A version, and the last commit that had it."""

    version: str
    commit: str


def find(repository: Path) -> Previous | None:
    """The version before the present one; None where the history does not go back to it."""
    present = _version((repository / _CHART).read_text(encoding="utf-8"))
    changes = _git(repository, "log", "--format=%H", "--", _CHART)
    if changes is None:
        return None
    # Between its changes the version is what it was before the next one; what is not yet committed is such a change.
    for commit in ("HEAD", *(f"{change}^" for change in changes.decode().split())):
        name = _git(repository, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
        text = _git(repository, "show", f"{commit}:{_CHART}")
        if name is not None and text is not None and _version(text.decode()) != present:
            return Previous(_version(text.decode()), name.decode().strip())
    return None


def extract(repository: Path, commit: str, into: Path) -> Path:
    """The chart as it was then, in a folder below `into`.

    Raises:
        CheckError: the history lacks it.
    """
    content = _git(repository, "archive", "--format=tar", commit, *_NEEDED)
    if content is None:
        raise CheckError(f"git archive {commit}: the history lacks the chart of then")
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        archive.extractall(into, filter="data")
    return into / Path(_CHART).parent


def _version(text: str) -> str:
    return str(yaml.safe_load(text)["version"])


def _git(repository: Path, *arguments: str) -> bytes | None:
    try:
        result = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=False, timeout=60)
    except OSError:
        return None
    return result.stdout if result.returncode == 0 else None
