"""`racktwin collect`: the collectors' own commands, run as the process that collects would run.

Memory of that process is measured, so its code lives there and not here.
"""

from __future__ import annotations

import os
import subprocess
import sys

import click

from racktwin_cli.failures import FAILED, Failure


@click.group()
def collect() -> None:
    """Collect readings of real devices: try a configuration, find devices, run.

    A configuration names the site, the gateway that speaks for the devices, the way to Hono and the devices; the
    README has one. `racktwin collect maps` lists the devices' maps that are shipped.
    """


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "collector", *arguments], check=False)
    if done.returncode < 0 or done.returncode == FAILED:
        raise Failure(f"the collectors ended with {done.returncode}", "look at the lines above")
    click.get_current_context().exit(done.returncode)


_JSON = click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
_CONFIG = click.option(
    "--config", "path", type=click.Path(dir_okay=False), envvar="RACKTWIN_COLLECTOR_CONFIG", required=True, help="YAML."
)


def _flags(json_wanted: bool) -> list[str]:
    return ["--json"] if json_wanted else []


@collect.command()
@_CONFIG
@click.option("--only", default="", help="Sources whose name begins with this.")
@click.option("--listen", type=float, default=6.0, show_default=True, help="Seconds to wait for what speaks by itself.")
@_JSON
def check(path: str, only: str, listen: float, json_wanted: bool) -> None:
    """Try each device and print what would be sent; sends nothing. Ends with 3 when one does not answer."""
    _run("check", "--config", path, "--only", only, "--listen", str(listen), *_flags(json_wanted))


@collect.command()
@click.argument("protocol", type=click.Choice(["redfish", "snmp"]))
@click.option("--range", "range_", required=True, help="10.0.0.0/24, 10.0.0.5-10.0.0.9, or a list.")
@click.option("--site", required=True, help="Name of the Site.")
@click.option("--room", required=True, help="Name of the room they stand in.")
@click.option("--gateway", default="main", show_default=True, help="The Site's gateway that will speak for them.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Instead of the protocol's own.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="For instance community.env=COMMUNITY.")
@_JSON
def discover(  # noqa: PLR0917 - click fills them in by name
    protocol: str,
    range_: str,
    site: str,
    room: str,
    gateway: str,
    port: int,
    options: tuple[str, ...],
    json_wanted: bool,
) -> None:
    """Ask a range of addresses what is there, and propose Rack resources and entries for collectors.yaml."""
    arguments = ["discover", protocol, "--range", range_, "--site", site, "--room", room, "--gateway", gateway]
    arguments += ["--port", str(port), *(part for option in options for part in ("--option", option))]
    _run(*arguments, *_flags(json_wanted))


@collect.command()
@click.argument("protocol")
@_JSON
def options(protocol: str, json_wanted: bool) -> None:
    """What an entry of a protocol may say."""
    _run("options", protocol, *_flags(json_wanted))


@collect.command()
@_JSON
def maps(json_wanted: bool) -> None:
    """The maps of devices' values that are shipped."""
    _run("maps", *_flags(json_wanted))


@collect.command()
@_CONFIG
def run(path: str) -> None:
    """Collect until stopped, as `python -m collector --config` does."""
    if os.name == "posix":
        # In our place: this program's memory is several times the collectors', and who stops it means them.
        os.execv(sys.executable, [sys.executable, "-m", "collector", "--config", path])
    _run("--config", path)
