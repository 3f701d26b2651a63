"""`python -m servertwin`: the commands, and where every failure becomes one line and an exit code.

`racktwin` starts it for its commands of the same names.
"""

from __future__ import annotations

from typing import Final

import click

from racktwin import __version__
from racktwin.command_line import Commands
from servertwin.failures import EXIT_CODES

# Loaded when asked for: a logger needs nothing of a report.
_COMMANDS: Final = {
    "logger": "servertwin.log.command:logger",
    "stress": "servertwin.stress.command:stress",
    "experiment": "servertwin.experiment.command:experiment",
    "fingerprint": "servertwin.fingerprint:fingerprint",
    "report": "servertwin.analysis.command:report",
    "fidelity": "servertwin.analysis.command:fidelity",
}


@click.group(
    cls=Commands,
    where=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="servertwin")
def cli() -> None:
    """The twin of one server: log it, load it, try it by a schedule, and see how well a model of it holds."""


def main() -> None:
    """The entry point."""
    cli(prog_name="racktwin")
