"""The command line of the local stack. It parses, prints, and turns errors into one message and an exit code; work is
done elsewhere.

Exit codes: 0 done, 1 something failed (the text says what and what to do), 130 Ctrl-C.
"""

import json
import os
import shlex
import subprocess
import sys

import click
from rich.console import Console
from rich.table import Table

from local_stack import config, entry, model, testing
from local_stack.census import Surveyor
from local_stack.components import COMPONENTS
from local_stack.demo import Demo, DemoError, summary
from local_stack.stack import Stack, StackError
from local_stack.steps import Steps
from local_stack.toolchain import prerequisites

_STATE_COLOURS = {"ready": "green", "starting": "yellow", "failing": "red", "dead": "red", "stopped": "dim"}


def say(component: str, event: str) -> None:
    """One line of progress on standard error."""
    click.echo(f"  {component:<15} {event}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--stack", "name", default="demo", show_default=True, help="Name of the stack; stacks share nothing but builds."
)
@click.option("--port-base", type=click.IntRange(1024, 65000), help="First of the stack's 100 ports; remembered.")
@click.pass_context
def cli(context: click.Context, name: str, port_base: int | None) -> None:
    """Racktwin's real components on this machine, without containers, on loopback."""
    context.obj = (name, port_base)


def _stack(context: click.Context) -> Stack:
    name, port_base = context.obj
    try:
        return Stack(name, port_base)
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


_components = click.argument("components", nargs=-1, type=click.Choice(list(COMPONENTS)))
_yes = click.option("--yes", is_flag=True, help="Install missing prerequisites without asking (as root, on Debian).")


@cli.command()
@_components
@_yes
@click.pass_context
def build(context: click.Context, components: tuple[str, ...], yes: bool) -> None:
    """Make what the components (all of them) need and is missing."""
    prerequisites.require(assume_yes=yes)
    _stack(context).build(components)


@cli.command()
@_components
@_yes
@click.pass_context
def up(context: click.Context, components: tuple[str, ...], yes: bool) -> None:
    """Start the components (all of them) and what they depend on; mend what is not healthy."""
    prerequisites.require(assume_yes=yes)
    stack = _stack(context)
    stack.ensure(components, say)
    _print_endpoints(stack)


@cli.command()
@click.argument("components", nargs=-1, required=True, type=click.Choice(list(COMPONENTS)))
@click.pass_context
def restart(context: click.Context, components: tuple[str, ...]) -> None:
    """Stop the components and start them again, for instance after a change of their code."""
    _stack(context).restart(components, say)


@cli.command()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop everything; data is kept."""
    _stack(context).stop(say)


@cli.command()
@click.pass_context
def clean(context: click.Context) -> None:
    """Stop everything and remove the stack's data, secrets and logs. Builds are kept."""
    _stack(context).clean(say)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """The components as they are now."""
    rows = _stack(context).status()
    if as_json:
        click.echo(json.dumps([vars(row) for row in rows]))
        return
    table = Table("component", "state", "pid", "up", "what it is", box=None, pad_edge=False)
    for row in rows:
        colour = _STATE_COLOURS[row.state]
        what = row.why if not row.detail else f"{row.why} [dim]({row.detail[:90]})"
        up_for = f"{row.up_s:.0f} s" if row.up_s else ""
        table.add_row(row.name, f"[{colour}]{row.state}", str(row.pid or ""), up_for, what)
    Console().print(table)


@cli.command()
@click.argument("component", type=click.Choice([*COMPONENTS, "supervisord"]))
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines.")
@click.pass_context
def logs(context: click.Context, component: str, follow: bool, lines: int) -> None:
    """The end of a component's log."""
    file = _stack(context).instance.logs / f"{component}.log"
    if not file.exists():
        raise click.ClickException(f"{file} does not exist: {component} was not started yet")
    sys.exit(subprocess.run(["tail", "-n", str(lines), *(["-F"] if follow else []), str(file)], check=False).returncode)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def endpoints(context: click.Context, as_json: bool) -> None:
    """Where each thing is."""
    stack = _stack(context)
    if as_json:
        click.echo(json.dumps(stack.endpoints()))
    else:
        _print_endpoints(stack)


@cli.command()
@click.argument("component", required=False, type=click.Choice(list(COMPONENTS)))
@click.pass_context
def env(context: click.Context, component: str | None) -> None:
    """Settings as shell lines (with secrets): of a component, or an administrator's. Use: eval "$(… env)"."""
    stack = _stack(context)
    values = stack.env_for(component) if component else stack.user_env()
    for key, value in sorted(values.items()):
        click.echo(f"export {key}={shlex.quote(value)}")


@cli.command()
@_yes
@click.pass_context
def demo(context: click.Context, yes: bool) -> None:
    """Start everything, apply the example site, wait until predictions are on the twins."""
    # The clock starts here: warm_start_s is what a person waits.
    steps = Steps()
    prerequisites.require(assume_yes=yes)
    stack = _stack(context)
    census = Demo(stack, steps).run()
    click.echo(summary(stack, census))


@cli.command("demo-status")
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON line.")
@click.pass_context
def demo_status(context: click.Context, as_json: bool) -> None:
    """What the real systems hold: racks, things, devices, readings, predictions."""
    surveyor = Surveyor(_stack(context))
    census = surveyor.take()
    if as_json:
        click.echo(json.dumps(vars(census)))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in vars(census).items():
        table.add_row(key.replace("_", " "), str(value))
    Console().print(table)
    for system, problem in surveyor.problems.items():
        click.echo(f"{system} did not answer: {problem}", err=True)
    context.invoke(status)


@cli.command()
@click.argument("parts", nargs=-1, type=click.Choice(testing.PARTS))
@_yes
@click.pass_context
def test(context: click.Context, parts: tuple[str, ...], yes: bool) -> None:
    """Lint and tests (all of them), on this stack, whose data is removed before and which is stopped after."""
    prerequisites.require(assume_yes=yes)
    results = testing.run(_stack(context), parts, say)
    click.echo(testing.report(results))
    if not all(result.ok for result in results):
        sys.exit(1)


@cli.command()
@click.option("--out", help="Folder for the model; the place `demo` takes it from when left out.")
@click.pass_context
def train(context: click.Context, out: str | None) -> None:
    """Train the example site's model on the stack's history if there is enough of it, else on simulated history."""
    folder = out or str(model.folder(str(config.settings()["demo"]["model"])))
    environment = {**os.environ, **_stack(context).user_env()}
    command = [sys.executable, "-m", "training", "--history", "auto", "--out", folder]
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def _print_endpoints(stack: Stack) -> None:
    for key, value in stack.endpoints().items():
        if not isinstance(value, dict):
            click.echo(f"{key:<24} {value}")


def main() -> None:
    """Entry point."""
    entry.run(cli, (DemoError, StackError), "what runs keeps running, and the same command continues from here")
