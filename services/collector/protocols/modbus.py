"""Modbus TCP: cooling units and PDUs by their registers. Registers near each other are read in one request.

The maps are data: ``data/modbus/``, or a file of the user's own. Only reads; commands go through the guard and Hono.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from collector import maps
from collector.config import Target
from collector.model import Plugin, Reading, SourceError, Surroundings
from collector.points import Binding, Point, bind, readings_of, something

Table = Literal["holding", "input", "coil", "discrete"]
# Format character and registers of each type.
_TYPES: Final = {
    "int16": ("h", 1), "uint16": ("H", 1), "int32": ("i", 2), "uint32": ("I", 2), "float32": ("f", 2),
    "int64": ("q", 4), "uint64": ("Q", 4), "float64": ("d", 4),
}  # fmt: skip
_LARGEST: Final = 120
_GAP: Final = 8


class ModbusPoint(Point, kw_only=True):
    """``address`` counts from 0, as on the wire. ``words: little``: the low word comes first. ``bit``: that bit of a
    16-bit register alone."""

    address: int
    table: Table = "holding"
    type: Literal["int16", "uint16", "int32", "uint32", "float32", "int64", "uint64", "float64"] = "uint16"
    words: Literal["big", "little"] = "big"
    bit: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 65535:
            raise ValueError(f"address {self.address}: expected 0 to 65535")

    @property
    def size(self) -> int:
        """Registers, or bits of a table of bits."""
        return 1 if self.table in ("coil", "discrete") else _TYPES[self.type][1]

    def decode(self, words: Sequence[int]) -> float:
        """The value of its registers."""
        if self.table in ("coil", "discrete"):
            return float(words[0])
        if self.bit is not None:
            return float(words[0] >> self.bit & 1)
        ordered = words if self.words == "big" else list(reversed(words))
        raw = struct.pack(f">{len(ordered)}H", *ordered)
        return float(struct.unpack(">" + _TYPES[self.type][0], raw)[0])


class ModbusOptions(Target, kw_only=True):
    """One device. ``unit`` is its address behind the host, for gateways to serial lines."""

    host: str
    port: int = 502
    unit: int = 1
    map: str = ""
    points: list[ModbusPoint] = []


@dataclass(frozen=True, slots=True)
class Block:
    """One request: so many registers (or bits) of a table from an address on."""

    table: Table
    address: int
    count: int


def blocks(points: Sequence[ModbusPoint]) -> list[Block]:
    """The fewest requests that read all points, none over the protocol's limit."""
    found: list[Block] = []
    for point in sorted(points, key=lambda p: (p.table, p.address)):
        last = found[-1] if found else None
        end = point.address + point.size
        if (
            last is not None
            and last.table == point.table
            and point.address <= last.address + last.count + _GAP
            and end - last.address <= _LARGEST
        ):
            found[-1] = Block(last.table, last.address, max(last.count, end - last.address))
        else:
            found.append(Block(point.table, point.address, point.size))
    return found


class ModbusSource:
    """One device behind one TCP connection."""

    def __init__(self, options: ModbusOptions, surroundings: Surroundings) -> None:
        points = list(options.points)
        if options.map:
            points += maps.load("modbus", options.map, ModbusPoint, options.folder).points
        self.name = options.name
        self.bindings: Sequence[Binding[ModbusPoint]] = something(
            bind(
                points, site=surroundings.site, thing=options.thing, interval=options.interval, feed=options.feed,
                sensor=options.sensor,
            ),
            options.map or "points",
        )  # fmt: skip
        self._options, self._clock = options, surroundings.clock
        self._client: AsyncModbusTcpClient | None = None

    async def read(self, due: Sequence[Binding[ModbusPoint]]) -> list[Reading]:
        client = await self._connected()
        words: dict[tuple[Table, int], int] = {}
        try:
            for block in blocks([binding.point for binding in due]):
                for offset, word in enumerate(await self._block(client, block)):
                    words[block.table, block.address + offset] = word
        except ModbusException as error:
            raise SourceError(f"{self._options.host}:{self._options.port}: {error}") from error

        def raw(point: ModbusPoint) -> float:
            return point.decode([words[point.table, point.address + at] for at in range(point.size)])

        return readings_of(((binding, raw(binding.point)) for binding in due), self._clock())

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None:
            # It does not retry or reconnect: the runner does, with its own back-off.
            options = self._options
            self._client = AsyncModbusTcpClient(
                options.host, port=options.port, timeout=options.timeout_s, retries=0, reconnect_delay=0
            )
        if not self._client.connected and not await self._client.connect():
            raise SourceError(f"{self._options.host}:{self._options.port}: nobody answers")
        return self._client

    async def _block(self, client: AsyncModbusTcpClient, block: Block) -> Sequence[int]:
        read = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[block.table]
        answer: Any = await read(block.address, count=block.count, device_id=self._options.unit)
        if answer.isError():
            raise SourceError(
                f"{block.table} registers {block.address} to {block.address + block.count - 1} of unit "
                f"{self._options.unit}: {answer}"
            )
        if block.table in ("coil", "discrete"):
            return [int(bit) for bit in answer.bits[: block.count]]
        return list(answer.registers)


PLUGIN = Plugin(ModbusOptions, ModbusSource, default_port=502)
