"""What the commands that people run have in common: exit codes, and failures that become one line with the next step.

Each command line has a module `failures` of its own, which names these and says what its exit codes mean.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

import click

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
FOUND: Final = 3
INTERRUPTED: Final = 130


class Failure(Exception):
    """The command cannot do its work; the text says why, `next_step` what to do about it."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(f"{what}; next: {next_step}")


def one_line(error: object, limit: int = 240) -> str:
    """An error's text without line breaks, cut."""
    return " ".join(str(error).split())[:limit]


class Commands(click.Group):
    """Turns a `Failure` into one line on standard error. Commands named in ``where`` (name: "module:attribute") are
    imported when they are asked for, so that one needs nothing of what others do."""

    def __init__(self, *args: Any, where: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._where = dict(where or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self._where})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None where there is none."""
        if cmd_name not in self._where:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._where[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, context: click.Context) -> Any:
        """Run the command; its failure is the exit code."""
        try:
            return super().invoke(context)
        except Failure as failure:
            click.echo(f"error: {failure}", err=True)
            context.exit(FAILED)
        except KeyboardInterrupt:
            context.exit(INTERRUPTED)
