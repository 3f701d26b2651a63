"""Simulated servers' disks as packs: one disk of a server at a time, a few times an hour. Next: `gateway.fleet`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.packs import make_pack
from physics.faults import Fault
from physics.shelves import SLOTS, Shelf
from racktwin.drives import PREFIX
from racktwin.outbox import Pack

_BETWEEN_MS: Final = 1000


class Shelves:
    """The disks of the servers that are simulated. Not thread safe."""

    def __init__(self, seed: int, every_s: float) -> None:
        self._seed, self._every_ms = seed, round(every_s * 1000)
        self._shelves: dict[str, Shelf] = {}
        # When each disk speaks next, by server and slot (epoch ms).
        self._due: dict[str, list[int]] = {}

    def adopt(self, servers: Iterable[str], now_ms: int) -> None:
        """Have these servers (thing ids) and no others. New ones tell of their disks at once, one after the other."""
        wanted = set(servers)
        for server in sorted(wanted - self._shelves.keys()):
            self._shelves[server] = Shelf(server, self._seed)
            self._due[server] = [now_ms + _BETWEEN_MS * at for at in range(len(SLOTS))]
        for server in self._shelves.keys() - wanted:
            del self._shelves[server], self._due[server]

    def set_faults(self, faults: Sequence[Fault], now_s: float) -> None:
        """Have these faults and no others."""
        for shelf in self._shelves.values():
            shelf.set_faults(faults, now_s)

    def packs(self, seq: int, now_ms: int) -> list[Pack]:
        """At most one pack for each server, which has one disk in it: a message is 2,048 bytes at most with Hono."""
        packs = []
        for server, shelf in self._shelves.items():
            due = self._due[server]
            at = min(range(len(SLOTS)), key=due.__getitem__)
            if due[at] > now_ms:
                continue
            due[at] = max(due[at] + self._every_ms, now_ms + self._every_ms // 2)
            told = shelf.read(SLOTS[at], now_ms / 1000.0)
            if told is not None:
                values = {(f"{PREFIX}{SLOTS[at].name}", name): value for name, value in told.items()}
                packs.append(make_pack(server, "server", seq, now_ms, values, numbered=False))
        return packs
