"""`racktwin replay`: past readings once more, as things of the scenario's own."""

from __future__ import annotations

from typing import Any

import click

from racktwin_cli import installation, show
from racktwin_cli.kube import Cluster
from racktwin_cli.scenario import outcome, resource
from racktwin_cli.scenario.whatif import only_room
from racktwin_cli.size.command import Duration


@click.command()
@click.option("--from", "begin", required=True, metavar="TIME", help="Beginning, RFC 3339.")
@click.option("--to", "end", required=True, metavar="TIME", help="End, RFC 3339.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=300,
    show_default=True,
    help="How many times as fast.",
)
@click.option("--room", help="Room; the site's only one when left out.")
@click.option("--site", help="Site; the only one when left out.")
@click.option("--rack", "racks", multiple=True, metavar="NAME", help="A rack; all of the room when left out.")
@click.option(
    "--resolution", type=Duration(), default="0s", show_default=True, help="Time between readings; 0: as recorded."
)
@click.option("--name", help="Name of the Scenario; one is made up when left out.")
@click.option("--keep", is_flag=True, help="Keep twins, topics and history of the replay until it is deleted.")
@click.option("--delete", is_flag=True, help="Delete the Scenario afterwards.")
@click.option("--timeout", type=Duration(), default="24h", show_default=True, help="How long to wait.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def replay(
    *,
    begin: str,
    end: str,
    speed: float,
    room: str | None,
    site: str | None,
    racks: tuple[str, ...],
    resolution: float,
    name: str | None,
    keep: bool,
    delete: bool,
    timeout: float,
    json_wanted: bool,
) -> None:
    """Play past readings through the pipeline once more, faster.

    They go to a site of the scenario's own (its twins, topics and bucket have the scenario's name in theirs), never to
    the live ones, and all of it is removed at the end unless --keep is given. For instance: racktwin replay --from
    2026-03-01T06:00:00Z --to 2026-03-01T18:00:00Z --speed 300.
    """
    cluster = Cluster()
    settings = installation.load()
    site = resource.site_of(cluster, site or settings.site)
    name = name or resource.fresh_name("replay")
    asked: dict[str, Any] = {"from": begin, "to": end, "speed": speed, "resolutionS": resolution, "keep": keep}
    if racks:
        asked["racks"] = list(racks)
    room = room or only_room(cluster, site)
    resource.check_room(cluster, site, room)
    spec = {"room": room, "replay": asked}
    cluster.create_scenario(site, resource.manifest(name, site, spec))
    resource.progress(f"Scenario {name} in {site}")
    with resource.deleted_after(cluster, site, name, wanted=delete):
        found = resource.wait(cluster, site, name, timeout_s=timeout, tell=resource.progress)
    if json_wanted:
        show.as_json({"name": name, "site": site, "spec": found["spec"], "status": found["status"]})
    else:
        outcome.table(found)
        if keep:
            click.echo(f"its things are those of site {found['status'].get('replayedSite')}")
