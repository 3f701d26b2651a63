"""Runs a system program and turns a failure into one readable error."""

import subprocess
from collections.abc import Sequence


class ClusterError(Exception):
    """The cluster could not be brought into the wanted state; the text says what failed and what to do."""


def run(*argv: str, check: bool = True, stdin: str | None = None, timeout_s: float = 60) -> str:
    """Standard output of a program.

    Raises:
        ClusterError: it failed and `check` is set.
    """
    try:
        result = subprocess.run(argv, capture_output=True, text=True, input=stdin, timeout=timeout_s, check=False)
    except OSError as error:
        raise ClusterError(f"cannot run {argv[0]}: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"`{' '.join(argv[:6])}` did not end within {timeout_s:.0f} s") from error
    if check and result.returncode != 0:
        said = (result.stderr or result.stdout).strip()[-800:]
        raise ClusterError(f"`{' '.join(argv[:8])}` ended with {result.returncode}: {said}")
    return result.stdout


def try_run(argv: Sequence[str]) -> str:
    """Standard output of a program that may be missing or fail; empty then."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
