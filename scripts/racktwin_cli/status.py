"""`racktwin status`: what the real systems of a local stack hold. The counting is `local_stack.census`'."""

from __future__ import annotations

import click

from racktwin_cli import show
from racktwin_cli.failures import FOUND, Failure, one_line


@click.command()
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, json_wanted: bool) -> None:
    """Count racks, things, devices, readings and predictions of a local stack's example site.

    Needs --stack before the command: racktwin --stack demo status. Exit code 3 when a system does not answer.
    """
    name = context.find_root().params.get("name")
    if name is None:
        raise Failure("status counts a local stack", "name it: racktwin --stack demo status")
    from local_stack import Stack  # noqa: PLC0415 - where there is no local stack, nothing of it is needed
    from local_stack.census import Surveyor  # noqa: PLC0415

    surveyor = Surveyor(Stack(name))
    census = vars(surveyor.take())
    if json_wanted:
        show.as_json({**census, "problems": surveyor.problems})
    else:
        show.as_table(("what", "count"), [(key.replace("_", " "), str(value)) for key, value in census.items()])
        for system, problem in surveyor.problems.items():
            click.echo(f"{system}: {one_line(problem)}", err=True)
    if surveyor.problems:
        context.exit(FOUND)
