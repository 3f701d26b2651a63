"""How served models do: by horizon as the scorecard notes it in the registry, by thing as the twins tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import namespace
from racktwin_cli import installation, show
from racktwin_cli.doctor.target import site_of
from racktwin_cli.failures import Failure, one_line
from racktwin_cli.kube import Cluster

if TYPE_CHECKING:
    from models.registry import Registry

COLUMNS: Final = ("serving", "version", "state", "horizon", "MAE", "bias", "skill", "coverage", "scored")
_OF_THINGS: Final = ("twin", "target", "horizon", "MAE", "bias", "skill", "coverage", "scored")
_SCORES: Final = ("mae", "bias", "skill", "coverage", "count")


def serving(registry: Registry, name: str) -> dict[str, Any] | None:
    """How the version of a model that serves does, as plain data; None where none serves.

    Raises:
        RegistryError: the registry cannot be read.
    """
    pointer = registry.pointer(name)
    if pointer is None:
        return None
    state = registry.state(name)
    row: dict[str, Any] = {"model": name, "version": pointer.version}
    if state is None or state.version != pointer.version:
        nothing = dict.fromkeys(_SCORES)
        return row | {"state": "not scored", "reason": "", "at": None, **nothing, "count": 0, "horizons": {}}
    found = "paused" if state.paused else "drifting" if state.drifting else "well" if state.count else "not scored"
    row |= {"state": found, "reason": state.reason, "at": state.at}
    row |= {score: getattr(state, score) for score in _SCORES}
    horizons = sorted(state.horizons.items(), key=lambda each: int(each[0]))
    return row | {"horizons": {horizon: {s: getattr(own, s) for s in _SCORES} for horizon, own in horizons}}


def cells(row: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Lines of a table: the model over all horizons, then each of them."""
    yield row["model"], row["version"], row["state"], "all", *_figures(row)
    for horizon, own in row["horizons"].items():
        yield "", "", "", _minutes(horizon), *_figures(own)


def of_things(things: Iterable[Mapping[str, Any]], model: str) -> list[dict[str, Any]]:
    """A model's scores of each thing, target and horizon (s), the least skill first. Pure."""
    rows = []
    for thing in things:
        properties = thing.get("features", {}).get("scorecard", {}).get("properties") or {}
        for target, horizons in (properties.get("models") or {}).get(model, {}).items():
            for horizon, own in horizons.items():
                row = {"thing": thing["thingId"], "target": target, "horizon": int(horizon)}
                rows.append(row | {score: own.get(score) for score in _SCORES})
    return sorted(rows, key=lambda row: (row["skill"] is None, row["skill"], row["thing"], row["target"]))


@click.command()
@click.argument("model")
@click.option("--site", "site_name", metavar="SITE", help="The site; the only one of the cluster when left out.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def scores(model: str, site_name: str | None, json_wanted: bool) -> None:
    """Tell how MODEL's predictions came true for each rack, target and horizon, the worst first.

    As the twins have it (feature scorecard), so without a registry too. Skill is against persistence.
    """
    settings = installation.load()
    site = site_name or settings.site or site_of(settings, Cluster(), None)
    try:
        found = list(DittoClient(settings).search(namespaces=namespace(site), fields="thingId,features/scorecard"))
    except ValueError as error:
        raise Failure(one_line(error), "name a site as its Site resource is named") from error
    except DittoError as error:
        raise Failure(one_line(error), "start the stack, or set RACKTWIN_DITTO_URL and its user") from error
    rows = of_things(found, model)
    if not rows:
        raise Failure(
            f"site {site}: no twin has scores of a model {model!r} yet",
            "wait until its first predictions have come due, and see that the process scorecard runs",
        )
    if json_wanted:
        show.as_json({"site": site, "model": model, "things": rows})
        return
    show.as_table(
        _OF_THINGS,
        [
            (row["thing"].partition(":")[2], row["target"], _minutes(row["horizon"]), *_figures(row))
            for row in rows
        ],
    )  # fmt: skip


def _minutes(seconds: str | int) -> str:
    whole = int(seconds)
    return f"{whole // 60} min" if whole % 60 == 0 else f"{whole} s"


def _figures(own: Mapping[str, Any]) -> tuple[str, ...]:
    def said(score: str, how: str) -> str:
        return "" if own.get(score) is None else format(own[score], how)

    return said("mae", ".3f"), said("bias", "+.3f"), said("skill", ".2f"), said("coverage", ".1%"), said("count", "")
