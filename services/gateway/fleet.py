"""The fleet: racks of the site, simulated, one sample per rack and interval. Runs in the main thread.

Next in the flow: :class:`gateway.mqtt.MqttUplink`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import structlog

from gateway import metrics
from gateway.inventory import Inventory, InventoryError
from gateway.packs import Pack, rack_packs
from gateway.spool import Spool
from racktwin.simulation import Plant, RackSpec


class Uplink(Protocol):
    """Where samples go."""

    def offer(self, packs: list[Pack]) -> None:
        """Take packs, in order."""

    def forget(self, device: str) -> None:
        """A device is no longer ours."""


class Fleet:
    """The simulated plant and the list of its racks. Not thread safe but for :meth:`knows`."""

    def __init__(
        self,
        inventory: Inventory,
        uplink: Uplink,
        spool: Spool,
        *,
        seed: int,
        clock: Callable[[], int],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._inventory, self._uplink, self._spool = inventory, uplink, spool
        self._clock, self._log = clock, log
        self._plant = Plant([], seed, start_s=clock() / 1000.0)
        self._ids: list[str] = []
        self._known: frozenset[str] = frozenset()
        self._problem = ""

    def knows(self, device: str) -> bool:
        """Whether the device is one of the fleet's."""
        return device in self._known

    def refresh(self) -> str:
        """Read the list of racks: new ones join, removed ones leave. Returns why it could not be read, or ''."""
        try:
            racks = self._inventory.racks()
        except InventoryError as error:
            if str(error) != self._problem:
                self._log.warning("racks not read, going on with those known", reason=str(error), racks=len(self._ids))
            self._problem = str(error)
            return self._problem
        self._problem = ""
        if tuple(racks) != self._plant.racks:
            self._adopt(racks)
        return ""

    def sample(self) -> int:
        """Advance the plant to now and offer one pack per rack; how many."""
        now_ms = self._clock()
        dt = now_ms / 1000.0 - self._plant.time_s
        if not self._ids or dt <= 0.0:
            return 0
        # After a suspension of the machine the plant goes on from where it was.
        readings = self._plant.step(min(dt, 60.0))
        self._plant.time_s = now_ms / 1000.0
        seq = self._spool.next_seq()
        packs = rack_packs(self._ids, readings, seq, now_ms)
        self._spool.keep(seq, packs)
        self._uplink.offer(packs)
        return len(packs)

    def _adopt(self, racks: list[RackSpec]) -> None:
        before, after = set(self._ids), {rack.id for rack in racks}
        if not self._plant.racks:
            self._plant.time_s = self._clock() / 1000.0
        self._plant = self._plant.with_racks(racks)
        self._ids = [rack.id for rack in racks]
        self._known = frozenset(after)
        for gone in sorted(before - after):
            self._uplink.forget(gone)
        metrics.DEVICES.labels("fleet").set(len(self._ids))
        self._log.info("racks", total=len(self._ids), joined=len(after - before), left=len(before - after))


def next_tick(now: float, interval_s: float) -> float:
    """The next multiple of the interval after ``now`` (both seconds): a late sample is not made up for."""
    return (now // interval_s + 1.0) * interval_s


def wait_until(at_s: float, wait: Callable[[float], object]) -> None:
    """Wait until the wall clock shows ``at_s`` (epoch seconds), by ``wait`` (which may return early)."""
    left = at_s - time.time()
    if left > 0.0:
        wait(left)
