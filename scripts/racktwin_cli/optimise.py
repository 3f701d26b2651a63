"""`racktwin optimise`: how a room's cooling is best set, what that saves, and why; accept it, or switch the mode."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any, Final

import click

from racktwin import commands
from racktwin.commands import Request
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import thing_id
from racktwin_cli import installation, rooms, show
from racktwin_cli import set as set_
from racktwin_cli.doctor.target import site_of
from racktwin_cli.failures import FOUND, Failure, one_line
from racktwin_cli.kube import Cluster
from racktwin_cli.size.command import Duration

_WAIT_S: Final = 20.0
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--room", required=True, help="Room to look at.")
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option(
    "--horizon", "horizon_s", type=Duration(), default="30m", show_default=True, help="How far to look ahead."
)
@click.option("--rci", type=click.FloatRange(90, 100), default=100, show_default=True, help="Cooling index kept (%).")
@click.option("--accept", is_flag=True, help="Ask for the proposed settings, as a person.")
@click.option("--confirm", is_flag=True, help="With --accept: confirm steps above a unit's limit.")
@click.option(
    "--mode", type=click.Choice(["off", "advise", "closed-loop"]), help="Set who acts on proposals from now on."
)
@click.option(
    "--shift",
    "shift_w",
    type=click.FloatRange(min=1),
    help="Also propose which load to move, in blocks of this many watts.",
)
@click.option("--tariff", type=_FILE, help="Keep cost low, by this file of times and prices per kWh (CSV or JSON).")
@click.option("--carbon", type=_FILE, help="Keep carbon low, by such a file, headed time,g/kWh or time,kg/kWh.")
@click.option(
    "--carbon-price", help="What carbon costs, for instance '80 EUR/t': cost is then tariff and carbon together."
)
@click.option("--who", help="Your name in the audit; the system's user name when left out.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
@click.pass_context
def optimise(
    context: click.Context,
    *,
    room: str,
    site: str | None,
    horizon_s: float,
    rci: float,
    accept: bool,
    confirm: bool,
    mode: str | None,
    shift_w: float | None,
    tariff: Path | None,
    carbon: Path | None,
    carbon_price: str | None,
    who: str | None,
    json_wanted: bool,
) -> None:
    """Propose set-points and fan speeds for a room's cooling units.

    For instance: racktwin optimise --room hall-a --horizon 30m. Nothing is changed without --accept or --mode; whatever
    is asked for then passes the guard. Exit code 3: a setting was asked for and not accepted.
    """
    priced = _priced(tariff, carbon, carbon_price)
    settings = installation.load()
    chosen = site or settings.site or site_of(settings, Cluster(), None)
    ditto = DittoClient(settings)
    if mode is not None:
        _switch(ditto, chosen, room, mode)
    things = rooms.things_of(ditto, chosen, room)
    answer = rooms.ask("optimise", room, things, horizonS=horizon_s, rci=rci, **priced)
    if shift_w is not None:
        answer["shift"] = rooms.ask("shift", room, things, blockW=shift_w)
    if mode is not None:
        answer["mode"] = mode
    results = _accept(ditto, answer, who or set_.user(), confirm) if accept else []
    if json_wanted:
        show.as_json({"room": room, **answer, **({"commands": results} if accept else {})})
    else:
        _print(room, answer, results)
    if any(result.get("state") != "accepted" for result in results):
        context.exit(FOUND)


def _priced(tariff: Path | None, carbon: Path | None, carbon_price: str | None) -> dict[str, str]:
    """What is to be kept low, by which series: their text is read by whoever answers."""
    if carbon_price is not None and carbon is None:
        raise Failure("--carbon-price: expected --carbon with it", "name a file whose heading is time,g/kWh")
    if tariff is not None and carbon is not None and carbon_price is None:
        raise Failure(
            "--tariff and --carbon: expected --carbon-price with both", "for instance --carbon-price '80 EUR/t'"
        )
    found = {} if carbon_price is None else {"carbonPrice": carbon_price}
    for name, path in (("tariff", tariff), ("carbon", carbon)):
        if path is None:
            continue
        try:
            found[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"{path}: {one_line(error)}", "expected lines of time and value per kWh") from error
    return found


def _print(room: str, answer: dict[str, Any], results: list[dict[str, Any]]) -> None:
    click.echo(f"room {room} ({answer['mode']}): {answer['why']}")
    rows = [
        (
            unit,
            f"{values['setpointNow']:g} °C",
            f"{values['setpoint']:g} °C",
            f"{values['fanSpeedNow']:g} %",
            f"{values['fanSpeed']:g} %",
        )
        for unit, values in answer["settings"].items()
    ]
    if rows:
        show.as_table(("unit", "set-point", "proposed", "fans", "proposed"), rows)
    if answer.get("saving") is not None:
        now, then = answer["powerNow"] / 1000, answer["powerThen"] / 1000
        click.echo(f"cooling {now:.1f} kW -> {then:.1f} kW ({answer['saving']:.1f} % saved), by the model")
    if answer.get("costNow") is not None:
        what = "carbon" if answer.get("objective") == "carbon" else "cost"
        click.echo(f"{what} an hour: {answer['costNow']:.2f} -> {answer['costThen']:.2f}, by the file's unit")
    for inlet, excess in (answer.get("givesUp") or {}).items():
        click.echo(f"cannot keep {inlet}: {excess:g} K too warm")
    if "shift" in answer:
        _print_moves(answer["shift"])
    for result in results:
        click.echo(set_.told(result))
    if rows and not results:
        click.echo("next: the same with --accept asks for it")


def _print_moves(shift: dict[str, Any]) -> None:
    for move in shift["moves"]:
        click.echo(f"move {move['powerW']:g} W from {move['from']} to {move['to']}")
    if shift["moves"]:
        click.echo(f"hottest inlet {shift['hottest']:.1f} °C -> {shift['hottestThen']:.1f} °C by it, by the model")
    else:
        click.echo(f"hottest inlet {shift['hottest']:.1f} °C: moving load in such blocks makes it no cooler")


def _accept(ditto: DittoClient, answer: dict[str, Any], person: str, confirm: bool) -> list[dict[str, Any]]:
    """Ask for every proposed setting, then watch them all."""
    now = int(time.time() * 1000)
    asked: list[tuple[str, str]] = []
    for unit, values in answer["settings"].items():
        request = Request(
            id=f"acc-{uuid.uuid4().hex[:12]}", origin="optimiser-proposal", who=person, confirm=confirm, at=now,
            valid_until=now + commands.DEFAULT_VALIDITY_MS, proposal=str(answer["proposal"]),
        )  # fmt: skip
        wished: dict[str, float | str] = {
            "setpoint": values["setpoint"],
            "fanSpeed": values["fanSpeed"],
            "mode": "manual",
        }
        set_.write_wish(ditto, unit, commands.desired_of(wished, request))
        asked.append((unit, request.id))
    began = time.monotonic()
    found = []
    for unit, command in asked:
        last = set_.watch(ditto, unit, command, _WAIT_S)
        found.append({"thing": unit, "seconds": round(time.monotonic() - began, 3), **last})
    return found


def _switch(ditto: DittoClient, site: str, room: str, mode: str) -> None:
    """Set who acts on proposals, and say so at once: it stays, whether or not there is a proposal then."""
    try:
        thing = thing_id(site, "room", room)
        response = ditto.request(
            "PUT", f"/api/2/things/{thing}/features/optimisation/desiredProperties/mode", json=mode
        )
    except ValueError as error:
        raise Failure(f"room {room!r}: {one_line(error)}", "kubectl get sites -A -o yaml names the rooms") from error
    except DittoError as error:
        raise Failure(one_line(error), "is Ditto running? racktwin doctor says what is not") from error
    if not response.ok:
        raise Failure(f"{thing}: Ditto {response.status_code}: {one_line(response.text)}", "is the room's name right?")
    click.echo(f"room {room}: the mode is {mode} from now on", err=True)
