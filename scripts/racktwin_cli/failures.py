"""What can go wrong for the person at the command line: one line each, which ends with the next step. Pure.

Next: `racktwin_cli.main`, which prints them and chooses the exit code.
"""

from __future__ import annotations

from typing import Final

from racktwin.command_line import DONE, FAILED, FOUND, INTERRUPTED, USAGE, Failure, one_line

EXIT_CODES: Final = (
    "Exit codes: 0 done and nothing is wrong, 1 the command could not do its work (one line says why and what to do "
    "next), 2 wrong arguments or settings, 3 done and something is wrong (doctor: a hop is broken), 130 Ctrl-C."
)

__all__ = ["DONE", "EXIT_CODES", "FAILED", "FOUND", "INTERRUPTED", "USAGE", "Failure", "one_line"]
