"""All peers in one process: ``python -m tests.collectors.peers --devices N``; prints their ports and logins as one JSON
line, then serves until it is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import secrets
import signal
from typing import Any

from tests.collectors.peers import exporter, modbus, redfish, snmp, thingsboard


async def serve(devices: int) -> None:
    """Start everything, print, wait."""
    community, auth, private = (secrets.token_hex(8) for _ in range(3))
    agents = [
        snmp.Agent(functools.partial(snmp.apc, n), community, user="ops", auth=auth, private=private)
        for n in range(devices)
    ]
    raritan = snmp.Agent(functools.partial(snmp.raritan, 0), community)
    _, modbus_port = await modbus.serve(min(200, max(2, devices)))
    board = thingsboard.Server(2)
    _, board_port = await thingsboard.serve(board)
    mockups = {
        "subsystem": redfish.Mockup(1),
        "legacy": redfish.Mockup(2, generation="legacy"),
        "pdu": redfish.Mockup(3, kind="pdu"),
        **{f"many-{n}": redfish.Mockup(n) for n in range(devices)},
    }
    ports = {name: (await redfish.serve(mockup))[1] for name, mockup in mockups.items()}
    ipmi = [exporter.ipmi(n)[1] for n in range(devices)]
    found: dict[str, Any] = {
        "snmp": {"ports": [await agent.port() for agent in agents], "raritan": await raritan.port()},
        "secrets": {
            "COMMUNITY": community, "SNMP_AUTH": auth, "SNMP_PRIV": private, "BOARD": board.password,
            **{f"BMC_{name.upper().replace('-', '_')}": mockup.password for name, mockup in mockups.items()},
        },
        "modbus": modbus_port,
        "thingsboard": {"port": board_port, "user": board.user},
        "redfish": {"ports": ports, "user": "collector"},
        "ipmi": ipmi,
        "snmp_exporter": exporter.snmp(1)[1],
    }  # fmt: skip
    print(json.dumps(found), flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.collectors.peers", description=__doc__)
    parser.add_argument("--devices", type=int, default=2, help="of each kind that there are many of")
    asyncio.run(serve(parser.parse_args().devices))


if __name__ == "__main__":
    main()
