"""How a command line of ours ends: one message without a traceback, and an exit code. Used by `local_stack`, `cluster`.

Exit codes: 1 what was expected to fail failed, 2 wrong use (click's), 130 Ctrl-C.
"""

import os
import sys

import click

from local_stack.cluster import KubectlError
from local_stack.model import TrainingError
from local_stack.supervision import SupervisionError
from local_stack.toolchain.artefact import BuildError
from local_stack.toolchain.prerequisites import MissingToolsError

EXPECTED = (BuildError, KubectlError, MissingToolsError, SupervisionError, TrainingError)
"""What may fail wherever programs are built and run."""


def run(cli: click.Command, expected: tuple[type[Exception], ...], interrupted: str) -> None:
    """Run `cli`; `EXPECTED` errors and its own become one line, and `interrupted` is said at Ctrl-C."""
    failures: tuple[type[Exception], ...] = (*EXPECTED, *expected)
    try:
        cli(standalone_mode=False)
    except failures as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"interrupted; {interrupted}", err=True)
        # The exit code a shell gives a program ended by Ctrl-C; threads that wait for probes are not waited for.
        sys.stderr.flush()
        os._exit(130)
