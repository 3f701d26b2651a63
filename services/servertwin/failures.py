"""What can go wrong for the person at the command line: one line, which ends with the next step. Pure.

Next: `servertwin.cli`, which prints it and chooses the exit code.
"""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
FOUND: Final = 3
INTERRUPTED: Final = 130

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 the command could not do its work (one line says why and what to do next), 2 wrong "
    "arguments or settings, 3 done and worse than was asked for, 130 interrupted."
)


class Failure(Exception):
    """The command cannot do its work; the text says why, `next_step` what to do about it."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(f"{what}; next: {next_step}")


def one_line(error: object, limit: int = 240) -> str:
    """An error's text without line breaks, cut."""
    return " ".join(str(error).split())[:limit]
