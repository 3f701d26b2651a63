"""`racktwin import`: racks and servers from files of others, by way of a plan. NetBox has a group of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inventory import opendcim, tables
from inventory.plan import make_plan
from inventory.wanted import Inventory
from racktwin.names import check_site
from racktwin_cli.failures import Failure, one_line
from racktwin_cli.inventory import carry
from racktwin_cli.inventory.netbox import import_ as from_netbox


@click.group("import")
def import_group() -> None:
    """Take racks and servers over from other inventories.

    Shows what would change; --out FOLDER writes YAML, --apply changes the cluster. Exit code 3: something cannot be
    taken over, or was only shown.
    """


def _options(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--site", required=True, help="Name of the Site, and its namespace."),
            click.option("--gateway", "gateways", multiple=True, help="Gateway that a new Site gets."),
            click.option(
                "--out", type=click.Path(path_type=Path), help="Write all resources as YAML into this folder."
            ),
            click.option("--against", type=click.Path(path_type=Path), help="Start from YAML files, not the cluster."),
            click.option("--apply", "apply_wanted", is_flag=True, help="Make the changes on the cluster."),
            click.option("--delete", is_flag=True, help="Remove servers of these racks that the file has not."),
            click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document."),
        )
    ):
        command = option(command)
    return command


@import_group.command("csv")
@click.argument("racks", type=click.Path(path_type=Path))
@click.option("--servers", type=click.Path(path_type=Path), help="CSV file of servers; they stay as they are without.")
@_options
@click.pass_context
def csv(context: click.Context, /, *, racks: Path, servers: Path | None, **options: Any) -> None:
    """Racks (and servers) from CSV files as `racktwin export csv` writes them.

    A column is a field of the Rack by its name; an empty cell leaves the field as it is.
    """
    try:
        inventory = tables.read(_site(options), _text(racks), None if servers is None else _text(servers))
    except tables.TableError as error:
        raise Failure(one_line(error, 600), "racktwin export csv shows the form") from error
    _finish(context, inventory, options)


@import_group.command("opendcim")
@click.argument("xml", type=click.Path(path_type=Path))
@click.option("--devices", type=click.Path(path_type=Path), help="openDCIM's device list as CSV: serials and models.")
@click.option("--room", default="", help="Name of the room; the data centre's when left out.")
@click.option("--metres-per-point", type=float, default=0.0, help="Scale of the drawing; cabinets are 0.6 m wide else.")
@_options
@click.pass_context
def from_opendcim(
    context: click.Context, /, *, xml: Path, devices: Path | None, room: str, metres_per_point: float, **options: Any
) -> None:
    """Cabinets and devices from openDCIM's export for CFD (Reports, XML for CFD)."""
    try:
        inventory = opendcim.read(
            _site(options),
            _text(xml),
            None if devices is None else _text(devices),
            room=room,
            metres_per_point=metres_per_point,
        )
    except opendcim.OpenDcimError as error:
        raise Failure(f"{xml}: {one_line(error)}", "give the file of Reports, XML Output for CFD Simulation") from error
    _finish(context, inventory, options)


def _finish(context: click.Context, inventory: Inventory, options: dict[str, Any]) -> None:
    out, against = options["out"], options["against"]
    if out is not None and options["apply_wanted"]:
        raise click.UsageError("--out and --apply exclude each other")
    there = carry.current(inventory.site, against or out)
    tables.site_for(inventory, there, options["gateways"])
    plan = make_plan(inventory, there, delete=options["delete"])
    done: dict[str, Any] = {}
    if out is not None:
        done["files"] = [str(path) for path in carry.write(plan, out, there)]
    elif options["apply_wanted"]:
        done["applied"] = carry.carry_out(plan)
    carry.report(context, plan, done, options["json_wanted"], "--out FOLDER writes this, --apply makes it so")


def _site(options: dict[str, Any]) -> str:
    try:
        return check_site(options["site"])
    except ValueError as error:
        raise Failure(one_line(error), "give another --site") from error


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", "give a file that can be read") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # What openDCIM's export calls itself, and old spreadsheets are.
        return data.decode("latin-1")


import_group.add_command(from_netbox, "netbox")
