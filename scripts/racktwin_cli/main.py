"""`racktwin`: the group of commands, and where every failure becomes one line and an exit code."""

from __future__ import annotations

import os

import click
import structlog

from racktwin import __version__
from racktwin.command_line import Commands
from racktwin_cli import installation, server
from racktwin_cli.collect import collect
from racktwin_cli.doctor.command import doctor
from racktwin_cli.failures import EXIT_CODES
from racktwin_cli.fidelity import fidelity
from racktwin_cli.files.calibrate import calibrate
from racktwin_cli.files.forecast import forecast
from racktwin_cli.files.power_fit import power_fit
from racktwin_cli.inventory.export import export_group
from racktwin_cli.inventory.import_ import import_group
from racktwin_cli.inventory.netbox import netbox
from racktwin_cli.models.from_files import detect, evaluate, train
from racktwin_cli.models.registry import models
from racktwin_cli.openapi.command import openapi
from racktwin_cli.optimise import optimise
from racktwin_cli.placement import placement
from racktwin_cli.rejects.command import rejects
from racktwin_cli.scenario.replay import replay
from racktwin_cli.scenario.whatif import whatif
from racktwin_cli.set import set_command
from racktwin_cli.size.command import size
from racktwin_cli.status import status


@click.group(
    cls=Commands,
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


for command in (
    calibrate,
    collect,
    detect,
    doctor,
    evaluate,
    fidelity,
    forecast,
    export_group,
    import_group,
    models,
    netbox,
    openapi,
    power_fit,
    rejects,
    replay,
    set_command,
    size,
    status,
    train,
    optimise,
    placement,
    whatif,
    *server.commands,
):
    cli.add_command(command)


def main() -> None:
    """The console script."""
    cli(prog_name="racktwin")
