"""helm and its companions, built on first use, and where the chart is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from local_stack import paths
from local_stack.toolchain import chart_tools
from local_stack.toolchain.artefact import Artefact
from local_stack.toolchain.builder import Builder

CHART: Final = paths.repository() / "charts" / "racktwin"
PROFILES: Final = CHART / "profiles"
HELM: Final = chart_tools.HELM.folder / "bin" / chart_tools.HELM.program
UNITTEST: Final = chart_tools.HELM_UNITTEST.folder / "bin" / chart_tools.HELM_UNITTEST.program
KUBECONFORM: Final = chart_tools.KUBECONFORM.folder / "bin" / chart_tools.KUBECONFORM.program


class CheckError(Exception):
    """Something is not as it should be; the text says what and where."""


def build(artefacts: Sequence[Artefact]) -> None:
    """Make what is missing. Raises BuildError."""
    Builder().make(artefacts)


def profiles() -> list[str]:
    """Names of all profiles."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 300,
) -> str:
    """Standard output of a command that succeeds.

    Raises:
        CheckError: it did not; the text is what it said.
    """
    result = subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        # No proxy may come between helm and loopback.
        env={**os.environ, "NO_PROXY": "127.0.0.1,localhost", **(environment or {})},
    )
    if result.returncode != 0:
        said = "\n".join(line for line in result.stderr.splitlines() if "found symbolic link" not in line)
        words = " ".join(str(part) for part in command[1:4])
        raise CheckError(f"{Path(str(command[0])).name} {words}: {said.strip() or result.stdout.strip()}")
    return result.stdout
