"""A failure of a command is one line with the next step, and an exit code."""

from __future__ import annotations

import click
from click.testing import CliRunner

from racktwin.command_line import FAILED, INTERRUPTED, Commands, Failure, one_line


@click.group(cls=Commands)
def cli() -> None:
    """Commands."""


@cli.command()
def fails() -> None:
    """Fails."""
    raise Failure("no such site", "racktwin status")


@cli.command()
def interrupted() -> None:
    """Is interrupted."""
    raise KeyboardInterrupt


def test_a_failure_is_one_line() -> None:
    result = CliRunner().invoke(cli, ["fails"])
    assert (result.exit_code, result.output) == (FAILED, "error: no such site; next: racktwin status\n")


def test_an_interrupt_has_its_exit_code() -> None:
    assert CliRunner().invoke(cli, ["interrupted"]).exit_code == INTERRUPTED


def test_an_error_in_one_line() -> None:
    assert one_line("a\n  b " * 3, limit=6) == "a b a "
