"""The fleet: rooms of the site, simulated, one sample per device and interval. Runs in the main thread.

Next in the flow: :class:`gateway.mqtt.MqttUplink`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from gateway import metrics
from gateway.controls import Controls
from gateway.faults_file import FaultsFile
from gateway.inventory import Found, Inventory, InventoryError
from gateway.packs import rack_packs, unit_packs
from gateway.shelves import Shelves
from gateway.spool import Spool
from physics.plant import Plant
from racktwin.outbox import Pack

# What is sampled less often, and the longest time that a room is advanced at once (s).
SLOW_MS: Final = 5000
LONGEST_S: Final = 60.0


class Uplink(Protocol):
    """Where samples go."""

    def offer(self, packs: list[Pack]) -> None:
        """Take packs, in order."""

    def forget(self, device: str) -> None:
        """A device is no longer ours."""


class Fleet:
    """The simulated rooms and the devices in them. Not thread safe but for :meth:`knows`."""

    def __init__(
        self,
        inventory: Inventory,
        uplink: Uplink,
        spool: Spool,
        *,
        seed: int,
        clock: Callable[[], int],
        log: structlog.stdlib.BoundLogger,
        controls: Controls | None = None,
        faults: FaultsFile | None = None,
        disks_every_s: float = 300.0,
    ) -> None:
        """``controls`` are the units' controllers, which commands reach from another thread; ``disks_every_s``: between
        two readings of a simulated disk."""
        self._inventory, self._uplink, self._spool = inventory, uplink, spool
        self._seed, self._clock, self._log = seed, clock, log
        self._controls = controls or Controls()
        self._faults = faults or FaultsFile(None, clock, log)
        self._shelves = Shelves(seed, disks_every_s)
        self._plants: dict[str, Plant] = {}
        self._found = Found()
        self._problem = ""
        self._last_ms = 0
        self._slow_at = 0
        self._rise: dict[str, float] = {}

    def knows(self, device: str) -> bool:
        """Whether the device is one of the fleet's."""
        return device in self._found.devices

    def refresh(self) -> str:
        """Read what there is: new devices join, removed ones leave; faults begin and are mended.

        Returns why it could not be read, or an empty text.
        """
        try:
            found = self._inventory.found()
        except InventoryError as error:
            if str(error) != self._problem:
                known = len(self._found.devices)
                self._log.warning("racks not read, going on with those known", reason=str(error), devices=known)
            self._problem = str(error)
            return self._problem
        self._problem = ""
        if found != self._found:
            self._adopt(found)
        self._break()
        return ""

    def sample(self) -> int:
        """Advance the rooms to now and offer one pack per device; how many."""
        now_ms = self._clock()
        dt = (now_ms - self._last_ms) / 1000.0
        if not self._found.devices or dt <= 0.0:
            return 0
        self._last_ms = now_ms
        seq = self._spool.next_seq()
        slow = now_ms >= self._slow_at
        if slow:
            self._slow_at = now_ms + SLOW_MS
        packs: list[Pack] = []
        for plant in self._plants.values():
            packs += self._sample(plant, min(dt, LONGEST_S), seq, now_ms, slow)
        packs += self._shelves.packs(seq, now_ms)
        self._spool.keep(seq, packs)
        self._uplink.offer(packs)
        return len(packs)

    def _sample(self, plant: Plant, dt: float, seq: int, now_ms: int, slow: bool) -> list[Pack]:
        """One room's step. After a suspension of the machine it goes on from where it was."""
        said: dict[str, dict[tuple[str, str], float | str]] = {}
        for unit in plant.layout.unit_ids:
            force = self._controls.step(unit, self._rise.get(unit), dt, now_ms)
            if force is None:
                continue
            plant.set_control(unit, setpoint=force.ramped_setpoint, fan=force.ramped_fan)
            control: dict[tuple[str, str], float | str] = {
                ("control", "setpoint"): force.setpoint,
                ("control", "fanSpeed"): force.fan_speed,
                ("control", "mode"): force.mode,
            }
            said[unit] = control if slow else {}
        readings = plant.step(dt, step_s=1.0 if dt <= 1.5 else 5.0)
        plant.time_s = now_ms / 1000.0
        rises = (readings.return_ - readings.supply)[0].tolist()
        self._rise = self._rise | dict(zip(plant.layout.unit_ids, rises, strict=True))
        racks = rack_packs(plant.layout.rack_ids, readings, seq, now_ms, reported=self._found.devices, slow=slow)
        units = unit_packs(plant.layout.unit_ids, readings, seq, now_ms, reported=said, slow=slow)
        return racks + units

    def _adopt(self, found: Found) -> None:
        before = self._found.devices
        now_s = self._clock() / 1000.0
        if not before:
            self._last_ms = self._clock()
        plants: dict[str, Plant] = {}
        for layout in found.rooms:
            old = self._plants.get(layout.room)
            if old is None:
                plants[layout.room] = Plant(layout, self._seed, start_s=now_s)
            else:
                plants[layout.room] = old if old.layout == layout else old.with_layout(layout)
        self._plants, self._found = plants, found
        self._controls.adopt(found.units)
        self._shelves.adopt(found.shelves, self._clock())
        for gone in sorted(before - found.devices):
            self._uplink.forget(gone)
        metrics.DEVICES.labels("fleet").set(len(found.devices))
        joined, left = len(found.devices - before), len(before - found.devices)
        self._log.info("devices", total=len(found.devices), rooms=len(plants), joined=joined, left=left)

    def _break(self) -> None:
        """Give each room, each unit's controller and each server's disks the faults that concern it."""
        faults = self._faults.read()
        now_s = self._clock() / 1000.0
        self._shelves.set_faults(faults, now_s)
        self._controls.set_faults(faults, now_s)
        for plant in self._plants.values():
            plant.set_faults([fault for fault in faults if plant.concerns(fault)])


def next_tick(now: float, interval_s: float) -> float:
    """The next multiple of the interval after ``now`` (both seconds): a late sample is not made up for."""
    return (now // interval_s + 1.0) * interval_s


def wait_until(at_s: float, wait: Callable[[float], object]) -> None:
    """Wait until the wall clock shows ``at_s`` (epoch seconds), by ``wait`` (which may return early)."""
    left = at_s - time.time()
    if left > 0.0:
        wait(left)
