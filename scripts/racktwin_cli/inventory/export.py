"""`racktwin export`: a site in forms that others read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from inventory import brick, tables, things
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import namespace
from racktwin_cli import installation
from racktwin_cli.doctor.target import site_of
from racktwin_cli.failures import Failure, one_line
from racktwin_cli.inventory import carry
from racktwin_cli.kube import Cluster


@click.group("export")
def export_group() -> None:
    """Give a site away: CSV of its racks and servers, Brick, WoT Thing Descriptions."""


def chosen_site(site: str | None) -> str:
    """The site to export. Raises Failure where there are several and none was named."""
    settings = installation.load()
    return site or settings.site or site_of(settings, Cluster(), None)


def save(path: Path, text: str) -> None:
    """Write a file. Raises Failure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", "give a folder that can be written") from error


@export_group.command("brick")
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write; standard output without.")
def brick_command(*, site: str | None, out: Path | None) -> None:
    """The site's twins as a Brick graph in Turtle: places, equipment, points with units and their series."""
    chosen = chosen_site(site)
    _give(brick.turtle(chosen, _twins(chosen)), out)


@export_group.command("wot")
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option("--ditto-url", help="Address of Ditto in the descriptions; the one that is read when left out.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for a file for each twin.")
def wot(*, site: str | None, ditto_url: str | None, out: Path) -> None:
    """The site's twins as W3C WoT Thing Descriptions 1.1, a file each."""
    chosen = chosen_site(site)
    count = 0
    for name, description in things.descriptions(_twins(chosen), ditto_url or installation.load().ditto_url):
        save(out / name, json.dumps(description, indent=2, ensure_ascii=False) + "\n")
        count += 1
    click.echo(f"wrote {count} Thing Description(s) to {out}")


def _twins(site: str) -> list[dict[str, Any]]:
    try:
        found = list(
            DittoClient(installation.load()).search(
                namespaces=namespace(site), fields="thingId,attributes,features,definition,_modified"
            )
        )
    except DittoError as error:
        raise Failure(one_line(error), "is Ditto running? racktwin doctor says what is not") from error
    if not found:
        raise Failure(f"site {site} has no twins", "kubectl get sites -A names the sites")
    return sorted(found, key=lambda thing: str(thing["thingId"]))


def _give(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
    else:
        save(out, text)
        click.echo(f"wrote {out}")


@export_group.command("csv")
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Folder of YAML files, not the cluster.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for racks.csv and servers.csv.")
def csv(*, site: str | None, source: Path | None, out: Path) -> None:
    """Racks and servers as two CSV files, which `racktwin import csv` reads again without loss."""
    documents = carry.current("" if source is not None else chosen_site(site), source)
    for name, text in (("racks.csv", tables.racks_csv(documents)), ("servers.csv", tables.servers_csv(documents))):
        save(out / name, text)
        click.echo(f"wrote {out / name}: {text.count(chr(10)) - 1} row(s)")
