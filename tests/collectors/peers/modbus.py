"""A Modbus TCP server (pymodbus): cooling units by the example register map, one per unit id."""

from __future__ import annotations

import functools

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from tests.collectors.peers.values import wave


async def _measure(
    device: int,
    _function: int,
    start: int,
    _address: int,
    _count: int,
    registers: list[int],
    _values: list[int] | list[bool] | None,
) -> None:
    """Registers 0 to 13 of `data/modbus/cooling-unit.yaml`."""
    power, heat = round(wave(4000, 500, device)), round(wave(60_000, 8000, device))
    now = [
        round(wave(190, 8, device)), round(wave(310, 10, device)), 450, round(wave(28_000, 900, device)), 190, 700, 0, 0,
        power >> 16, power & 0xFFFF, heat >> 16, heat & 0xFFFF, 0, 12_345,
    ]  # fmt: skip
    registers[0 - start : len(now) - start] = now


async def serve(units: int, port: int = 0) -> tuple[ModbusTcpServer, int]:
    """A server with so many units; it and its port."""
    devices = [
        SimDevice(
            id=unit,
            simdata=[SimData(0, count=20, datatype=DataType.REGISTERS)],
            action=functools.partial(_measure, unit),
        )
        for unit in range(1, units + 1)
    ]
    server = ModbusTcpServer(devices, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    return server, int(server.transport.sockets[0].getsockname()[1])
