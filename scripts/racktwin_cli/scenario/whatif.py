"""`racktwin whatif`: options into a Scenario, its result out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml

from racktwin_cli import installation, show
from racktwin_cli.failures import Failure
from racktwin_cli.kube import Cluster
from racktwin_cli.scenario import changes, outcome, resource
from racktwin_cli.size.command import Duration

Json = dict[str, Any]


def _change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option, form, _build, about in reversed(changes.OPTIONS):
        function = click.option(option, multiple=True, metavar=form, help=about)(function)
    return function


@click.command()
@click.option("--room", help="Room; the site's only one when left out.")
@click.option("--site", help="Site; the only one when left out.")
@click.option("--name", help="Name of the Scenario; one is made up when left out.")
@click.option("--at", "base_time", metavar="TIME", help="Moment to start from, RFC 3339; the present when left out.")
@click.option("--duration", type=Duration(), default="1h", show_default=True, help="How long to compute.")
@click.option("--each-unit-fails", is_flag=True, help="One case for each cooling unit: the N+1 report.")
@_change_options
@click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The spec's whatIf, or a whole Scenario, as YAML or JSON: several cases at once.",
)  # fmt: skip
@click.option("--show", "shown", metavar="NAME", help="Show one that was made before, and make none.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report, one HTML page.")
@click.option("--delete", is_flag=True, help="Delete the Scenario and its series afterwards.")
@click.option("--timeout", type=Duration(), default="10m", show_default=True, help="How long to wait.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def whatif(
    *,
    site: str | None,
    name: str | None,
    shown: str | None,
    report: Path | None,
    delete: bool,
    timeout: float,
    json_wanted: bool,
    **asked: Any,
) -> None:
    """Ask what would happen to a room: a cooling unit fails, load moves, a feed is lost.

    For instance: racktwin whatif --room hall-a --unit-fails crah-a1 --report report.html. It starts from what was
    measured at the base time and runs as a Kubernetes Job; nothing live is touched. All changes given make one case;
    the table says when racks leave ASHRAE's ranges, with the mass near the air and were there none.
    """
    cluster = Cluster()
    settings = installation.load()
    site = resource.site_of(cluster, site or settings.site)
    if shown is not None:
        name = shown
        if cluster.scenario(site, name) is None:
            raise Failure(f"there is no Scenario {name} in {site}", f"kubectl get scenarios -n {site}")
    else:
        spec = _spec(asked, cluster, site)
        name = name or resource.fresh_name("whatif")
        resource.check_room(cluster, site, spec["room"])
        cluster.create_scenario(site, resource.manifest(name, site, spec))
        resource.progress(f"Scenario {name} in {site}")
    with resource.deleted_after(cluster, site, name, wanted=delete):
        found = resource.wait(cluster, site, name, timeout_s=timeout, tell=resource.progress)
        if report is not None:
            outcome.save_report(settings, found, report)
    if json_wanted:
        show.as_json({"name": name, "site": site, "spec": found["spec"], "status": found["status"]})
    else:
        outcome.table(found)


def _spec(asked: dict[str, Any], cluster: Cluster, site: str) -> Json:
    given = changes.of_options(asked)
    base: Json = {"baseTime": asked["base_time"]} if asked["base_time"] else {}
    what_if: Json = {"durationS": asked["duration"]}
    if asked["file"] is not None:
        read = _read(asked["file"])
        if read.get("kind") == "Scenario":
            spec = dict(read.get("spec") or {})
            base = {**{key: value for key, value in spec.items() if key in ("baseTime", "room")}, **base}
            read = dict(spec.get("whatIf") or {})
        what_if |= read
    if asked["each_unit_fails"]:
        what_if["eachUnitFails"] = True
    if given:
        what_if["changes"] = [*what_if.get("changes", []), *given]
    if not (what_if.get("changes") or what_if.get("cases") or what_if.get("eachUnitFails")):
        raise click.UsageError("nothing is asked: give --unit-fails, --load, --each-unit-fails …; see --help")
    return {**base, "room": asked["room"] or base.get("room") or only_room(cluster, site), "whatIf": what_if}


def only_room(cluster: Cluster, site: str) -> str:
    """The site's room where it has one. Raises Failure."""
    found = cluster.site(site)
    rooms = [str(entry["name"]) for entry in ((found or {}).get("spec") or {}).get("rooms") or ()]
    if len(rooms) != 1:
        raise Failure(f"site {site} has {len(rooms)} rooms: {', '.join(rooms) or 'none'}", "say which: --room")
    return rooms[0]


def _read(path: Path) -> Json:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Failure(f"{path.name}: {error}", "give YAML or JSON") from error
    if not isinstance(read, dict):
        raise Failure(f"{path.name}: expected an object", "give a whatIf, or a whole Scenario")
    return read
