"""``python -m collector``: collect, or ``check`` and ``discover`` and end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from collector import lean, maps, settings
from collector.model import ConfigError, Surroundings
from collector.protocols import NAMES
from racktwin import __version__

FOUND_WRONG = 3


def parser() -> argparse.ArgumentParser:
    """What can be asked of it."""
    rows = settings.describe()
    top = argparse.ArgumentParser(
        prog="python -m collector",
        description="Collects readings of real devices and sends them through Hono, as a gateway on their behalf.",
        epilog="settings (environment):\n"
        + "\n".join(f"  {r['name']} (default {r['default']!r})\n      {r['description']}" for r in rows)
        + "\nexit codes: 0 done, 1 something broke, 2 wrong arguments or configuration, 3 a device does not answer",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument("--config", metavar="FILE", help="configuration, YAML")
    top.add_argument(
        "--json", action="store_true", help="print the settings as JSON and exit; with a command: JSON out"
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    check = commands.add_parser("check", help="try each device and print what would be sent; sends nothing")
    check.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="configuration, YAML")
    check.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
    check.add_argument("--only", metavar="NAME", default="", help="sources whose name begins with this")
    check.add_argument("--listen", type=float, default=6.0, metavar="S", help="wait so long for what speaks by itself")

    find = commands.add_parser("discover", help="ask a range of addresses what is there; prints Rack resources")
    find.add_argument("protocol", choices=("redfish", "snmp"))
    find.add_argument("--range", required=True, metavar="RANGE", help="10.0.0.0/24, 10.0.0.5-10.0.0.9, or a list")
    find.add_argument("--port", type=int, default=0, help="instead of the protocol's own")
    find.add_argument("--site", required=True, help="name of the Site")
    find.add_argument("--room", required=True, help="name of the room they stand in")
    find.add_argument("--gateway", default="main", help="the Site's gateway that will speak for them")
    find.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE",
        help="as in an entry: community.env=SNMP_COMMUNITY, user=root, password.file=PATH, verify=false",
    )  # fmt: skip
    find.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print what was found as JSON")

    options = commands.add_parser("options", help="what an entry of a protocol may say, and its points")
    options.add_argument("protocol", choices=NAMES)
    options.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")

    shipped = commands.add_parser("maps", help="the maps of values that are shipped")
    shipped.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
    return top


def main(argv: list[str] | None = None) -> int:
    """Run; the exit code."""
    arguments = parser().parse_args(argv)
    try:
        chosen = settings.load()
        if arguments.command is None:
            return _collect(arguments, chosen)
        return {"check": _check, "discover": _discover, "maps": _maps, "options": _options}[arguments.command](
            arguments, chosen
        )
    except ConfigError as error:
        print(f"collector: {error}", file=sys.stderr)
        return 2


def _config_path(arguments: argparse.Namespace, chosen: settings.CollectorSettings) -> Path:
    path = arguments.config or chosen.collector_config
    if not path:
        raise ConfigError("expected --config FILE, or RACKTWIN_COLLECTOR_CONFIG")
    return Path(path)


def _collect(arguments: argparse.Namespace, chosen: settings.CollectorSettings) -> int:
    if arguments.json:
        print(json.dumps({"process": "collector", "version": __version__, "settings": settings.describe()}))
        return 0
    path = _config_path(arguments, chosen)
    # Each arena of the allocator holds on to memory of its own; threads here are few and wait most of the time.
    if os.environ.get("MALLOC_ARENA_MAX") is None and sys.platform == "linux":
        os.environ["MALLOC_ARENA_MAX"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", "collector", *sys.argv[1:]])  # noqa: S606 - ourselves
    lean.keep_out()
    from collector import service  # noqa: PLC0415 - memory of check and discover

    return service.run(path, chosen)


def _check(arguments: argparse.Namespace, chosen: settings.CollectorSettings) -> int:
    from collector import check, config, service, sources  # noqa: PLC0415 - as above

    loaded = config.load(_config_path(arguments, chosen))
    made = sources.make(loaded, Surroundings(loaded.site, service.epoch_ms), arguments.only)
    if not made:
        raise ConfigError("collectors: none" + (f" begins with {arguments.only!r}" if arguments.only else ""))
    rows = asyncio.run(check.check(made, arguments.listen))
    good = all(row["ok"] for row in rows)
    if arguments.json:
        print(json.dumps({"ok": good, "sources": rows}))
    else:
        print(check.text(rows))
    return 0 if good else FOUND_WRONG


def _discover(arguments: argparse.Namespace, _chosen: settings.CollectorSettings) -> int:
    from collector import discovery, proposal, service  # noqa: PLC0415 - as above

    found = asyncio.run(
        discovery.discover(
            arguments.protocol,
            discovery.addresses(arguments.range),
            arguments.option,
            Surroundings(arguments.site, service.epoch_ms),
            arguments.port,
        )
    )
    if arguments.json:
        made = proposal.propose(found, site=arguments.site, room=arguments.room, gateway=arguments.gateway)
        devices: list[Any] = [msgspec.to_builtins(device) for device in found]
        print(json.dumps({"devices": devices, "racks": made.racks, "leftOut": made.left_out}))
    else:
        settings_given = discovery.options_of(arguments.option)
        print(
            proposal.text(found, settings_given, site=arguments.site, room=arguments.room, gateway=arguments.gateway),
            end="",
        )
    return 0 if found else FOUND_WRONG


def _options(arguments: argparse.Namespace, _chosen: settings.CollectorSettings) -> int:
    from collector import reference  # noqa: PLC0415 - as above

    found = reference.options(arguments.protocol)
    print(json.dumps(found) if arguments.json else reference.text(found))
    return 0


def _maps(arguments: argparse.Namespace, _chosen: settings.CollectorSettings) -> int:
    protocols = sorted(path.name for path in maps.DATA.iterdir() if maps.names(path.name))
    shipped = {protocol: maps.names(protocol) for protocol in protocols}
    if arguments.json:
        print(json.dumps(shipped))
    else:
        for protocol, names in shipped.items():
            print(f"{protocol}: {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
