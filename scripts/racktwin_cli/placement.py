"""`racktwin placement`: where a new rack fits in a room, and how much more the room can carry."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from racktwin.ditto_client import DittoClient
from racktwin_cli import installation, rooms, show
from racktwin_cli.doctor.target import site_of
from racktwin_cli.failures import FOUND
from racktwin_cli.kube import Cluster

_POWER: Final = re.compile(r"^(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>kW|W)?$", re.IGNORECASE)


class Power(click.ParamType[float]):
    """A power such as 8kW or 750W; a bare number is watts. Gives watts."""

    name = "power"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Watts of a text; numbers are watts already."""
        if isinstance(value, int | float):
            return float(value)
        match = _POWER.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r}: expected for instance 8kW or 750W", param, ctx)
        return float(match["number"]) * (1000.0 if (match["unit"] or "").lower() == "kw" else 1.0)


@click.command()
@click.option("--room", required=True, help="Room to look at.")
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option("--power", "power_w", type=Power(), default="8kW", show_default=True, help="Power of the new rack.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
@click.pass_context
def placement(context: click.Context, *, room: str, site: str | None, power_w: float, json_wanted: bool) -> None:
    """Rank the free places of a room for a new rack, and tell what the room can still carry.

    For instance: racktwin placement --room hall-a --power 8kW. Each place is tried in the room's model, with all
    cooling units and with each lost in turn. Exit code 3: it fits nowhere.
    """
    settings = installation.load()
    chosen = site or settings.site or site_of(settings, Cluster(), None)
    things = rooms.things_of(DittoClient(settings), chosen, room)
    answer = rooms.ask("placement", room, things, powerW=power_w)
    left = rooms.ask("capacity", room, things)
    if json_wanted:
        show.as_json({"room": room, **answer, "left": left})
    else:
        rows = [
            (
                place["row"],
                f"{place['x']:g}, {place['y']:g}",
                "yes" if place["fits"] else "no",
                f"{place['own_inlet_c']:.1f} °C",
                f"{place['hottest_c']:.1f} °C",
                f"{place['hottest_one_lost_c']:.1f} °C",
                place["why"],
            )
            for place in answer["places"]
        ]
        show.as_table(("row", "x, y (m)", "fits", "its inlet", "hottest", "one unit lost", "why"), rows)
        click.echo(
            f"left in room {room}: power {left['power_w'] / 1000:.1f} kW, cooling {left['cooling_w'] / 1000:.1f} kW, "
            f"with one unit lost {left['cooling_one_lost_w'] / 1000:.1f} kW; {left['limit']} limits it"
        )
    if not any(place["fits"] for place in answer["places"]):
        context.exit(FOUND)
