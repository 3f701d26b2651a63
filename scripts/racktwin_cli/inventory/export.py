"""`racktwin export`: a site in forms that others read."""

from __future__ import annotations

from pathlib import Path

import click

from inventory import tables
from racktwin_cli import installation
from racktwin_cli.doctor.target import site_of
from racktwin_cli.failures import Failure
from racktwin_cli.inventory import carry
from racktwin_cli.kube import Cluster


@click.group("export")
def export_group() -> None:
    """Give a site away: CSV of its racks and servers."""


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
