"""`racktwin`: the group of commands, and where every failure becomes one line and an exit code."""

from __future__ import annotations

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
    "calibrate": "racktwin_cli.files.calibrate:calibrate",
    "collect": "racktwin_cli.collect:collect",
    "detect": "racktwin_cli.models.from_files:detect",
    "doctor": "racktwin_cli.doctor.command:doctor",
    "evaluate": "racktwin_cli.models.from_files:evaluate",
    "export": "racktwin_cli.inventory.export:export_group",
    "fidelity": "racktwin_cli.fidelity:fidelity",
    "forecast": "racktwin_cli.files.forecast:forecast",
    "import": "racktwin_cli.inventory.import_:import_group",
    "models": "racktwin_cli.models.registry:models",
    "netbox": "racktwin_cli.inventory.netbox:netbox",
    "openapi": "racktwin_cli.openapi.command:openapi",
    "optimise": "racktwin_cli.optimise:optimise",
    "placement": "racktwin_cli.placement:placement",
    "power-fit": "racktwin_cli.files.power_fit:power_fit",
    "rejects": "racktwin_cli.rejects.command:rejects",
    "replay": "racktwin_cli.scenario.replay:replay",
    "set": "racktwin_cli.set:set_command",
    "size": "racktwin_cli.size.command:size",
    "status": "racktwin_cli.status:status",
    "train": "racktwin_cli.models.from_files:train",
    "whatif": "racktwin_cli.scenario.whatif:whatif",
}


@click.group(
    cls=Commands,
    where=_COMMANDS,
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
