"""`racktwin fidelity`: how far the twins of rooms and racks can be trusted, as the process `fidelity` says on them.

With `--server`, how far the model of one server can be, by an experiment that was recorded: `servertwin` judges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import ThingId, namespace
from racktwin_cli import installation, server, show
from racktwin_cli.failures import FOUND, Failure, one_line

_FIGURES = ("rmse", "bias", "skill", "nmbe", "cvrmse")
_DEFAULT_SITE = "berlin"
_FIELDS = "thingId,attributes(location),features/fidelity"


@click.command()
@click.option("--site", "site_name", metavar="SITE", help="The site; RACKTWIN_SITE or berlin when left out.")
@click.option("--room", metavar="ROOM", help="This room alone.")
@click.option("--racks", "racks_wanted", is_flag=True, help="Each rack too, the worst first.")
@click.option(
    "--worse-than",
    metavar="K",
    type=click.FloatRange(min=0.0),
    help="Exit code 3 if a room errs by more (K; a server: % of CPU).",
)
@click.option("--server", "of_server", is_flag=True, help="Of a server, by a recorded experiment, instead of rooms.")
@click.option("--run", type=click.Path(file_okay=False), help="With --server: the experiment's folder.")
@click.option("--config", type=click.Path(dir_okay=False), help="With --server: config.yaml.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
@click.pass_context
def fidelity(
    context: click.Context,
    *,
    site_name: str | None,
    room: str | None,
    racks_wanted: bool,
    worse_than: float | None,
    of_server: bool,
    run: str | None,
    config: str | None,
    json_wanted: bool,
) -> None:
    """Tell how well the physics of each room fits what is measured.

    Errors (K) are those of what was expected a step before; skill is against persistence, 15 min ahead; NMBE and
    CV(RMSE) are of power, as ASHRAE Guideline 14 has them. For a server: racktwin fidelity --server --run experiment.
    """
    if of_server:
        given = {"--run": run, "--config": config, "--worse-than": worse_than}
        words = [str(word) for pair in given.items() if pair[1] is not None for word in pair]
        server.start(["fidelity", *words, *(["--json"] if json_wanted else [])])
        return
    if run is not None or config is not None:
        raise click.UsageError("--run and --config go with --server")
    settings = installation.load()
    site = site_name or settings.site or _DEFAULT_SITE
    try:
        client = DittoClient(settings)
        things = list(client.search(namespaces=namespace(site), fields=_FIELDS))
    except ValueError as error:
        raise Failure(one_line(error), "name a site as its Site resource is named") from error
    except DittoError as error:
        raise Failure(one_line(error), "start the stack, or set RACKTWIN_DITTO_URL and its user") from error
    found = rows_of(things, room)
    if not found["room"]:
        where = f"room {room}" if room else f"site {site}"
        raise Failure(
            f"{where}: no twin of a room has fidelity yet",
            "wait ten minutes after the start, and see that the process fidelity runs and that units report",
        )
    rows = found["room"] + (found["rack"] if racks_wanted else [])
    if json_wanted:
        show.as_json({"site": site, "rooms": found["room"], "racks": found["rack"] if racks_wanted else []})
    else:
        columns = ("twin", "RMSE K", "bias K", "skill", "NMBE %", "CV(RMSE) %", "calibrated")
        show.as_table(columns, [_cells(row) for row in rows])
    if worse_than is not None and any((row.get("rmse") or 0.0) > worse_than for row in found["room"]):
        context.exit(FOUND)


def rows_of(things: Iterable[Mapping[str, Any]], room: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Fidelity of rooms and racks, each list with the largest error first; twins without any are left out. Pure."""
    found: dict[str, list[dict[str, Any]]] = {"room": [], "rack": []}
    for thing in things:
        try:
            who = ThingId.parse(str(thing.get("thingId")))
        except ValueError:
            continue
        where = who.name if who.kind == "room" else (thing.get("attributes") or {}).get("location")
        properties = ((thing.get("features") or {}).get("fidelity") or {}).get("properties") or {}
        if who.kind not in found or properties.get("rmse") is None or (room and where != room):
            continue
        row = {"thing": str(who), "room": where} | {name: properties.get(name) for name in _FIGURES}
        row["calibratedAt"] = properties.get("calibratedAt")
        if who.kind == "room":
            row["calibration"] = (properties.get("parameters") or {}).get("version")
        found[who.kind].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: -row["rmse"])
    return found


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    at = row.get("calibratedAt")
    figures = ["-" if row[name] is None else f"{row[name]:.3f}" for name in _FIGURES]
    return str(row["thing"]), *figures, show.moment(at) if at else "never"
