"""`racktwin logger`, `stress`, `experiment`, `fingerprint`, `report`: the twin of one server.

The work is `python -m servertwin`, a process of its own that takes the same words: a logger should weigh nothing more
than it must. Next: `servertwin.cli`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import click

_TEXTS = {
    "logger": "Log what this machine does; into a file, onto its twin, for Prometheus.",
    "stress": "Load this machine on purpose: processors, memory, disk, network.",
    "experiment": "Load this machine by a schedule, and record what it does.",
    "fingerprint": "Tell what this machine is: hardware and software.",
    "report": "Write an experiment's report, one HTML file.",
}


def start(words: Sequence[str]) -> None:
    """Become the process that does the work; where the system has no such thing, run it and end with its exit code."""
    command = [sys.executable, "-m", "servertwin", *words]
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)
    raise SystemExit(subprocess.run(command, check=False).returncode)


def _command(name: str) -> click.Command:
    @click.command(
        name,
        help=_TEXTS[name],
        short_help=_TEXTS[name],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def run(words: tuple[Any, ...]) -> None:
        start([name, *map(str, words)])

    return run


commands = tuple(_command(name) for name in _TEXTS)
