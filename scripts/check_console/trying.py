"""Tries one thing, tells how it went, and lets the rest go on."""

from __future__ import annotations

import sys
from collections.abc import Callable

from playwright.sync_api import Error

from check_console.browser import Visit


def tried(seen: Visit, name: str, run: Callable[[], object]) -> bool:
    """Whether it went well; if not, what was missed and what the page says is told."""
    seen.problems.clear()
    try:
        run()
        problem = "; ".join(seen.problems)
    except (AssertionError, Error) as error:
        problem = "; ".join([_missed(error), _says(seen), *seen.problems])
    print(f"{'FAILED' if problem else 'passed':<7} {name:<12} {problem}", file=sys.stderr)
    return not problem


def _missed(error: Exception) -> str:
    """What was expected of what, without the picture of the whole page that comes with it."""
    told = str(error).split("Aria snapshot:")[0]
    return " ".join(line.strip() for line in told.splitlines() if line.strip() and line.strip() != "Call log:")


def _says(seen: Visit) -> str:
    try:
        return seen.says()
    except Error as error:
        return f"the page itself does not answer: {_missed(error)}"
