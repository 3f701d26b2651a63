"""What can go wrong for the person at the command line: one line, which ends with the next step. Pure.

Next: `servertwin.cli`, which prints it and chooses the exit code.
"""

from __future__ import annotations

from typing import Final

from racktwin.command_line import FAILED, FOUND, INTERRUPTED, Failure, one_line

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 the command could not do its work (one line says why and what to do next), 2 wrong "
    "arguments or settings, 3 done and worse than was asked for, 130 interrupted."
)

__all__ = ["EXIT_CODES", "FAILED", "FOUND", "INTERRUPTED", "Failure", "one_line"]
