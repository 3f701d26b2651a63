"""The disks of simulated servers: what each tells at a moment, and which faults befall them.

Each server has two magnetic disks and two of flash, of which one is in the last weeks of its rated writes and is
changed before they end, again and again, so that there always is one to be found. Everything is a function of the seed,
the server's id and the time, so that a restart changes nothing; but a disk that a fault is mended of is a new one until
then. Next: `gateway.fleet` sends what they tell.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from physics.disks import HOUR_S, Course, Disk
from physics.faults import Fault, plain

_DAY_S: Final = 24 * HOUR_S
DEGRADES: Final = "disk-degrades"
FAILS: Final = "disk-fails"
# Of the worn disk: it stays so long, begins at 82 % and ends short of 90 %.
_WORN_STAYS_S: Final = 60 * _DAY_S
_WORN_A_PERCENT_H: Final = 180.0
_WORN_FROM: Final = 82.0
# Disks were put in at some time of the three years before.
_EPOCH_S: Final = 1_672_531_200.0
_SPREAD_S: Final = 3 * 365 * _DAY_S
# A share of disks lost some sectors once, and none since: as Backblaze tells of disks in use.
_SCARRED: Final = 0.05


@dataclass(frozen=True)
class Slot:
    """One place for a disk: its name, what it is."""

    name: str
    model: str
    ssd: bool
    capacity: float
    worn: bool = False


SLOTS: Final = (
    Slot("sda", "Racktwin HDD 8T", False, 8e12),
    Slot("sdb", "Racktwin HDD 8T", False, 8e12),
    Slot("sdc", "Racktwin SSD 960G", True, 960e9, worn=True),
    Slot("nvme0", "Racktwin NVMe 1920G", True, 1920e9),
)
Values = dict[str, float | str]


class Shelf:
    """A simulated server's disks. Not thread safe."""

    def __init__(self, server: str, seed: int) -> None:
        """``server`` is the thing's id."""
        self._server, self._seed = server, seed
        self._faults: dict[str, Fault] = {}
        # Slot -> how often it was mended, and when last.
        self._mended: dict[str, tuple[int, float]] = {}
        self._disks: dict[tuple[str, int, int], Disk] = {}

    def concerns(self, fault: Fault) -> bool:
        """Whether a fault is of one of these disks: its target is ``<server>/<disk>``."""
        server, _, disk = fault.target.partition("/")
        return server in (self._server, plain(self._server)) and any(slot.name == disk for slot in SLOTS)

    def set_faults(self, faults: Sequence[Fault], now_s: float) -> None:
        """Have these faults and no others; a disk that has one no more is a new disk."""
        new = {fault.target.partition("/")[2]: fault for fault in faults if self.concerns(fault)}
        for slot in self._faults.keys() - new.keys():
            self._mended[slot] = (self._mended.get(slot, (0, 0.0))[0] + 1, now_s)
        self._faults = new

    def read(self, slot: Slot, time_s: float) -> Values | None:
        """What a disk tells at a moment (epoch seconds), by the catalogue's names; None where it does not answer."""
        fault = self._faults.get(slot.name)
        if fault is not None and fault.kind == FAILS and fault.at(time_s) > 0.0:
            return None
        disk, mark = self._disk(slot, time_s)
        if not disk.says(time_s):
            return None
        counts = disk.counters(time_s)
        if fault is not None and fault.kind == DEGRADES and fault.at(time_s) > 0.0:
            course = Course(onset_s=fault.start_s, rate=fault.magnitude)
            sick = replace(disk, seed=disk.seed + 1, course=course, waits_h=2.0)
            for name, more in sick.counters(time_s).items():
                if name not in ("powerOnHours", "percentageUsed", "availableSpare"):
                    counts[name] += more
        rng = np.random.default_rng([disk.seed, int(time_s // 600)])
        told: Values = {
            "serial": mark,
            "model": slot.model,
            "mediaType": "SSD" if slot.ssd else "HDD",
            "health": "passed",
            "capacity": slot.capacity,
            "temperature": float(round(34.0 + 4.0 * rng.random() + (6.0 if slot.name.startswith("nvme") else 0.0))),
        }
        if slot.name.startswith("nvme"):
            counts["mediaErrors"] = counts.pop("reportedUncorrectable")
            counts |= {"criticalWarning": 0.0, "availableSpareThreshold": 10.0}
            del counts["reallocatedSectors"]
        return told | counts

    def _disk(self, slot: Slot, time_s: float) -> tuple[Disk, str]:
        """The disk that is in a slot at a moment, and its serial number."""
        number, mended_s = self._mended.get(slot.name, (0, 0.0))
        stay = int(time_s // _WORN_STAYS_S) if slot.worn else 0
        mark = f"{self._seed}/{self._server}/{slot.name}/{stay}/{number}"
        serial = "RT" + hashlib.sha256(mark.encode()).hexdigest()[:10].upper()
        key = (slot.name, stay, number)
        if key not in self._disks:
            self._disks[key] = self._made(slot, zlib.crc32(mark.encode()), stay, mended_s if number else None)
        return self._disks[key], serial

    @staticmethod
    def _made(slot: Slot, seed: int, stay: int, new_s: float | None) -> Disk:
        rng = np.random.default_rng([seed, 3])
        if new_s is not None:
            return Disk(seed, new_s, ssd=slot.ssd, worn=0.002 if slot.ssd else 0.0)
        if slot.worn:
            born = stay * _WORN_STAYS_S - _WORN_FROM * _WORN_A_PERCENT_H * HOUR_S
            return Disk(seed, born, ssd=True, worn=1.0 / _WORN_A_PERCENT_H)
        born = _EPOCH_S + _SPREAD_S * float(rng.random())
        course = Course()
        if rng.random() < _SCARRED:
            course = Course(burst=int(rng.integers(1, 9)), burst_s=born + 60 * _DAY_S * float(rng.random()))
        return Disk(seed, born, ssd=slot.ssd, course=course, worn=0.0005 if slot.ssd else 0.0)
