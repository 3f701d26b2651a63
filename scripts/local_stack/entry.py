"""How a command line of ours ends: one message without a traceback, and an exit code. Used by `local_stack`, `cluster`.

Exit codes: 1 what was expected to fail failed, 2 wrong use (click's), 130 Ctrl-C.
"""

import os
import sys

import click


def run(cli: click.Command, expected: tuple[type[Exception], ...], interrupted: str) -> None:
    """Run `cli`; `expected` errors become one line, and `interrupted` is said at Ctrl-C."""
    try:
        cli(standalone_mode=False)
    except expected as error:
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
