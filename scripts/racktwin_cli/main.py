"""`racktwin`: the group of commands, and where every failure becomes one line and an exit code."""

from __future__ import annotations

import importlib
import os
from typing import Final

import click
import structlog

from racktwin import __version__
from racktwin.command_line import Commands
from racktwin_cli import installation, server
from racktwin_cli.failures import EXIT_CODES

# Where each command is: what it needs (rdflib, kubernetes, pydantic) is imported by the one that runs.
_COMMANDS: Final = {
    "calibrate": "files.calibrate:calibrate",
    "collect": "collect:collect",
    "detect": "models.from_files:detect",
    "doctor": "doctor.command:doctor",
    "evaluate": "models.from_files:evaluate",
    "export": "inventory.export:export_group",
    "fidelity": "fidelity:fidelity",
    "forecast": "files.forecast:forecast",
    "import": "inventory.import_:import_group",
    "models": "models.registry:models",
    "netbox": "inventory.netbox:netbox",
    "openapi": "openapi.command:openapi",
    "optimise": "optimise:optimise",
    "placement": "placement:placement",
    "power-fit": "files.power_fit:power_fit",
    "rejects": "rejects.command:rejects",
    "replay": "scenario.replay:replay",
    "set": "set:set_command",
    "size": "size.command:size",
    "status": "status:status",
    "train": "models.from_files:train",
    "whatif": "scenario.whatif:whatif",
}


class _Imported(Commands):
    """Imports a command when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Of all commands, sorted."""
        return sorted({*super().list_commands(context), *_COMMANDS})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of this name."""
        if name not in _COMMANDS:
            return super().get_command(context, name)
        module, _, attribute = _COMMANDS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"racktwin_cli.{module}"), attribute)
        return command


@click.group(
    cls=_Imported,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Settings come from RACKTWIN_* (as the processes have them) and the kubeconfig. {EXIT_CODES}",
)
@click.option(
    "--stack", "name", metavar="NAME", help="Work on a local stack, for instance demo: its settings are used."
)
@click.version_option(__version__, prog_name="racktwin")
def cli(name: str | None) -> None:
    """Tools for an installation of Racktwin, local or in a cluster."""
    # Libraries of ours log; what a person asked for is on standard output alone.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    if name is not None:
        installation.use_stack(name, os.environ)


for command in server.commands:
    cli.add_command(command)


def main() -> None:
    """The console script."""
    cli(prog_name="racktwin")
