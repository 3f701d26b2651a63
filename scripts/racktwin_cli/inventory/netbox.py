"""`racktwin netbox`: take a site over from NetBox, see what differs, keep it in step, write back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from inventory.netbox import back
from inventory.netbox.mapping import inventory_of
from inventory.netbox.reading import NetBox, NetBoxError
from inventory.netbox.settings import NetBoxSettings
from inventory.plan import Plan, make_plan
from inventory.wanted import Inventory
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import check_site
from racktwin.twin_power import measured_power
from racktwin_cli import installation, show
from racktwin_cli.failures import FOUND, Failure, one_line
from racktwin_cli.inventory import carry


@click.group()
def netbox() -> None:
    """Take sites, rooms, racks, servers, feeds and cooling units over from NetBox (4.x).

    Address and token: RACKTWIN_NETBOX_URL, RACKTWIN_NETBOX_TOKEN_FILE (or RACKTWIN_NETBOX_TOKEN); `python -m dcim
    --help` lists all settings. Nothing is changed without --apply. Exit code 3: it differs, or something cannot be
    taken over.
    """


def _options(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--url", help="NetBox's base URL; RACKTWIN_NETBOX_URL when left out."),
            click.option("--token-file", type=click.Path(path_type=Path), help="File with the API token."),
            click.option("--from", "slug", help="Slug of the site in NetBox; the only one there when left out."),
            click.option("--site", help="Name of the Site here; NetBox's slug when left out."),
            click.option("--default-room", help="Room of racks without a location; they are refused without it."),
            click.option("--gateway", "gateways", multiple=True, help="Gateway that a new Site gets."),
            click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document."),
        )
    ):
        command = option(command)
    return command


@netbox.command("diff")
@_options
@click.option("--against", type=click.Path(path_type=Path), help="Compare with YAML files instead of the cluster.")
@click.pass_context
def diff(context: click.Context, /, *, against: Path | None, json_wanted: bool, **options: Any) -> None:
    """Show what differs between NetBox and the resources; change nothing."""
    _, inventory, _ = _read(options)
    plan = make_plan(inventory, carry.current(inventory.site, against))
    if json_wanted:
        show.as_json(carry.as_json(plan))
    else:
        carry.tell(plan)
    if plan.changes or plan.problems:
        context.exit(FOUND)


@netbox.command("import")
@_options
@click.option("--out", type=click.Path(path_type=Path), help="Write all resources as YAML files into this folder.")
@click.option("--against", type=click.Path(path_type=Path), help="Start from YAML files instead of the cluster.")
@click.option("--apply", "apply_wanted", is_flag=True, help="Make the changes on the cluster.")
@click.option("--delete", is_flag=True, help="Also remove what is gone from NetBox.")
@click.pass_context
def import_(
    context: click.Context,
    /,
    *,
    out: Path | None,
    against: Path | None,
    apply_wanted: bool,
    delete: bool,
    json_wanted: bool,
    **options: Any,
) -> None:
    """Take a site over once: shows the plan; --out writes YAML, --apply changes the cluster."""
    if out is not None and apply_wanted:
        raise click.UsageError("--out and --apply exclude each other")
    _, inventory, _ = _read(options)
    there = carry.current(inventory.site, against if against is not None or out is None else out)
    plan = make_plan(inventory, there, delete=delete)
    done: dict[str, Any] = {}
    if out is not None:
        done["files"] = [str(path) for path in carry.write(plan, out, there)]
    elif apply_wanted:
        done["applied"] = carry.carry_out(plan)
    carry.report(context, plan, done, json_wanted, "--out FOLDER writes this, --apply makes it so")


@netbox.command("sync")
@_options
@click.option("--apply", "apply_wanted", is_flag=True, help="Make the changes, and write back; shown only without it.")
@click.option("--delete", is_flag=True, help="Also remove what is gone from NetBox.")
@click.option("--write-back/--no-write-back", default=True, help="Write thing ids and measured power into NetBox.")
@click.pass_context
def sync(
    context: click.Context, /, *, apply_wanted: bool, delete: bool, write_back: bool, json_wanted: bool, **options: Any
) -> None:
    """Bring the cluster in step with NetBox, and write thing ids and measured power back.

    `python -m dcim` does the same again and again, on NetBox's webhooks and by polling.
    """
    client, inventory, settings = _read(options)
    plan = make_plan(inventory, carry.current(inventory.site, None), delete=delete)
    done: dict[str, Any] = {}
    if apply_wanted:
        done["applied"] = carry.carry_out(plan)
    if write_back:
        changes = _write_back(plan, inventory, settings)
        try:
            done["writtenBack"] = sum(
                client.update(endpoint, items) if apply_wanted else len(items) for endpoint, items in changes
            )
        except NetBoxError as error:
            raise Failure(one_line(error, 500), "racktwin netbox prepare makes the custom fields") from error
    carry.report(context, plan, done, json_wanted, "the same with --apply makes it so")


@netbox.command("prepare")
@_options
def prepare(*, json_wanted: bool, **options: Any) -> None:
    """Make the custom fields in NetBox that Racktwin reads and writes (names begin with racktwin_)."""
    settings = _settings(options)
    try:
        made = back.prepare(NetBox(settings), settings.netbox_field_prefix)
    except NetBoxError as error:
        raise Failure(one_line(error, 500), "may the token's user add custom fields?") from error
    if json_wanted:
        show.as_json({"made": made})
    else:
        click.echo("\n".join(f"made {name}" for name in made) or "all custom fields are there")


def _settings(options: dict[str, Any]) -> NetBoxSettings:
    values = {
        "netbox_url": options["url"],
        "netbox_token_file": options["token_file"],
        "netbox_site": options["slug"],
        "netbox_default_room": options["default_room"],
        "netbox_gateways": ",".join(options["gateways"]) or None,
    }
    try:
        return NetBoxSettings(**{key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        raise Failure(f"settings: {one_line(error)}", "python -m dcim --help lists them") from error


def _read(options: dict[str, Any]) -> tuple[NetBox, Inventory, NetBoxSettings]:
    """NetBox's site. Raises Failure."""
    settings = _settings(options)
    try:
        if options["site"]:
            check_site(options["site"])
        client = NetBox(settings)
        return client, inventory_of(client.snapshot(), settings, options["site"] or ""), settings
    except NetBoxError as error:
        raise Failure(one_line(error, 500), "check --url, the token and --from") from error
    except ValueError as error:
        raise Failure(one_line(error), "give another --site") from error


def _write_back(plan: Plan, inventory: Inventory, settings: NetBoxSettings) -> list[tuple[str, list[dict[str, Any]]]]:
    prefix = settings.netbox_field_prefix
    try:
        measured = measured_power(DittoClient(installation.load()), plan.site)
    except DittoError as error:
        raise Failure(one_line(error), "is Ditto running? --no-write-back leaves NetBox as it is") from error
    changes = (back.thing_ids(plan, inventory, prefix), back.powers(plan, inventory, prefix, measured))
    return [(endpoint, items) for part in changes for endpoint, items in part.items()]
