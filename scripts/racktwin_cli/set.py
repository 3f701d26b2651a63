"""`racktwin set`: wish new set-points for a cooling unit, and see what the guard and the unit made of it.

Writes the unit's desired properties, as a person with a browser would; deciding and commanding is the guard's.
"""

from __future__ import annotations

import getpass
import os
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final, cast

import click

from racktwin import commands
from racktwin.commands import Request
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import Kind, ThingId, thing_id
from racktwin_cli import installation, show
from racktwin_cli.doctor.target import site_of
from racktwin_cli.failures import FOUND, Failure, one_line
from racktwin_cli.installation import Installation
from racktwin_cli.kube import Cluster
from racktwin_cli.size.command import Duration

_POLL_S: Final = 0.1
_DONE: Final = ("accepted", "refused", "timed out", "expired")
_EXAMPLE: Final = "racktwin set cooling/crah-a1 setpoint=21 fanSpeed=70"


@click.command("set")
@click.argument("unit")
@click.argument("values", nargs=-1, metavar="NAME=VALUE...")
@click.option("--site", help="Site; the only one of the cluster when left out.")
@click.option("--confirm", is_flag=True, help="Confirm a step above the unit's limit, or a set-point outside 14-27 °C.")
@click.option("--approve", metavar="ID", help="As a second person, approve the command of this id that waits for it.")
@click.option("--who", help="Your name in the audit; the system's user name when left out.")
@click.option("--one-way", is_flag=True, help="Ask the unit for no answer; its reports must show the values.")
@click.option("--valid", "valid_s", type=Duration(), default="10m", show_default=True, help="How long the wish holds.")
@click.option("--wait", "wait_s", type=Duration(), default="20s", show_default=True, help="How long to watch it.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
@click.pass_context
def set_command(
    context: click.Context,
    *,
    unit: str,
    values: tuple[str, ...],
    site: str | None,
    confirm: bool,
    approve: str | None,
    who: str | None,
    one_way: bool,
    valid_s: float,
    wait_s: float,
    json_wanted: bool,
) -> None:
    """Change a cooling unit's set-point, fan speed or mode, through the guard.

    UNIT is crah-a1, cooling/crah-a1 or a thing id. Values: setpoint (°C), fanSpeed (%), mode (auto, manual, mpc).
    For instance: racktwin set cooling/crah-a1 setpoint=21. Exit code 3: it was not accepted while this watched; what
    is printed says which rule refused it, and by how much.
    """
    settings = installation.load()
    thing = _unit_of(unit, settings, site)
    ditto = DittoClient(settings)
    person = who or user()
    if approve is not None:
        desired = _approval(ditto, thing, approve, person)
    else:
        now = int(time.time() * 1000)
        request = Request(
            id=f"cli-{uuid.uuid4().hex[:12]}", origin="cli", who=person, confirm=confirm, one_way=one_way, at=now,
            valid_until=now + int(valid_s * 1000),
        )  # fmt: skip
        desired = commands.desired_of(values_of(values), request)
    began = time.monotonic()
    write_wish(ditto, thing, desired)
    last = watch(ditto, thing, str(desired["request"]["id"]), wait_s)
    result = {"thing": thing, "seconds": round(time.monotonic() - began, 3), **last}
    if json_wanted:
        show.as_json(result)
    else:
        click.echo(told(result))
    if last.get("state") != "accepted":
        context.exit(FOUND)


def values_of(texts: tuple[str, ...]) -> dict[str, float | str]:
    """Values from NAME=VALUE.

    Raises:
        Failure: one is not of that form, or there is none.
    """
    found: dict[str, float | str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        name = {"fan": "fanSpeed", "fanspeed": "fanSpeed"}.get(name.strip().lower(), name.strip())
        if not sign:
            raise Failure(f"{text!r}: expected NAME=VALUE", f"for instance {_EXAMPLE}")
        try:
            found[name] = value.strip() if name == "mode" else float(value)
        except ValueError:
            raise Failure(f"{text!r}: expected a number", f"for instance {_EXAMPLE}") from None
    fault = commands.fault_of(found) or ("" if found else "nothing to set")
    if fault:
        raise Failure(fault, f"for instance {_EXAMPLE}")
    return found


def write_wish(ditto: DittoClient, thing: str, desired: Mapping[str, Any]) -> None:
    """Write desired properties as a whole.

    Raises:
        Failure: Ditto refused, or is away.
    """
    try:
        response = ditto.request("PUT", f"/api/2/things/{thing}/features/control/desiredProperties", json=desired)
    except DittoError as error:
        raise Failure(one_line(error), "is Ditto running? racktwin doctor says what is not") from error
    if response.status_code == 404:
        raise Failure(f"{thing}: there is no such cooling unit", "kubectl get coolingunits -A lists them")
    if not response.ok:
        raise Failure(f"{thing}: Ditto {response.status_code}: {one_line(response.text)}", "may this user command it?")


def watch(ditto: DittoClient, thing: str, command: str, wait_s: float) -> dict[str, Any]:
    """The last command once it is ours and done, or as it stands when the time is over.

    Raises:
        Failure: the guard has not looked at it in that time.
    """
    deadline = time.monotonic() + wait_s
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        try:
            last = last_command(ditto, thing)
        except DittoError as error:
            raise Failure(one_line(error), "is Ditto running? racktwin doctor says what is not") from error
        if last.get("id") == command:
            found = last
            if last.get("state") in (*_DONE, "awaiting approval"):
                return found
        time.sleep(_POLL_S)
    if not found:
        raise Failure(f"{thing}: nobody looked at command {command} within {wait_s:g} s", "is the guard running?")
    return found


def last_command(ditto: DittoClient, thing: str) -> dict[str, Any]:
    """What the twin tells of its last command. Raises DittoError."""
    body = ditto.get_thing(thing, "features/control/properties/lastCommand") or {}
    found = body.get("features", {}).get("control", {}).get("properties", {}).get("lastCommand")
    return found if isinstance(found, dict) else {}


def told(result: Mapping[str, Any]) -> str:
    """One command's fate in words."""
    values = ", ".join(f"{name} {value}" for name, value in (result.get("values") or {}).items())
    text = f"{result['thing']}: {values}: {result.get('state', 'unknown')} after {result['seconds']} s"
    if result.get("rule"):
        by = f", by {result['by']:g}" if result.get("by") is not None else ""
        text += f"\nrule {result['rule']}{by}"
    if result.get("detail"):
        text += f"\n{result['detail']}"
    if str(result.get("rule", "")).startswith("confirm"):
        text += "\nnext: if you want it, say so with --confirm"
    if result.get("state") == "awaiting approval":
        text += f"\nnext: another person: racktwin set {result['thing']} --approve {result['id']}"
    return text


def _approval(ditto: DittoClient, thing: str, command: str, person: str) -> dict[str, Any]:
    """The wish that waits, with the second person's name."""
    try:
        body = ditto.get_thing(thing, "features/control") or {}
    except DittoError as error:
        raise Failure(one_line(error), "is Ditto running? racktwin doctor says what is not") from error
    desired = body.get("features", {}).get("control", {}).get("desiredProperties") or {}
    if (desired.get("request") or {}).get("id") != command:
        raise Failure(f"{thing}: no command {command} waits there", "racktwin set prints the id of one that waits")
    return {**desired, "request": {**desired["request"], "approvedBy": person}}


def _unit_of(text: str, settings: Installation, site: str | None) -> str:
    try:
        if ":" in text:
            parsed = ThingId.parse(text)
        else:
            kind, _, name = text.rpartition("/")
            chosen = site or settings.site or site_of(settings, Cluster(), None)
            parsed = ThingId.parse(thing_id(chosen, cast(Kind, kind or "cooling"), name))
    except ValueError as error:
        raise Failure(str(error), f"for instance {_EXAMPLE}") from error
    if parsed.kind != "cooling":
        raise Failure(f"{parsed}: only cooling units take set-points", f"for instance {_EXAMPLE}")
    return str(parsed)


def user() -> str:
    """Name of whoever runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
