"""One row of this machine's state: the groups that are due, in the catalogue's units. Absent is absent, never 0.

Rates need two samples of their group; the sampler takes the first when it is made. Next: `servertwin.log.run`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from racktwin import smartctl
from servertwin.config import Every
from servertwin.log.drives import Drives
from servertwin.log.groups import Battery, Cores, Counts, Disks, Frequency, Group, Memory, Network, Swap, Usage
from servertwin.log.probe import Probe
from servertwin.log.processes import Processes
from servertwin.log.sensors import POWERCAP, Sensors

Row = dict[str, float | str]


class Sampler:
    """Samples of this machine. Not thread safe."""

    def __init__(
        self,
        interval_s: float = 1.0,
        every: Every | None = None,
        *,
        path: str = "/",
        top: int = 3,
        probe: Probe | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        powercap: Path = POWERCAP,
        disks: tuple[Callable[[], smartctl.Disks], Callable[[smartctl.Disks], None]] | None = None,
    ) -> None:
        """``path``: whose file system's use is told; ``top``: how many processes are named; ``disks``: who asks them,
        and who is told whether that is possible."""
        every = every or Every()
        probe = probe or Probe()
        groups: list[tuple[Group, float | None]] = [
            (Cores(probe), every.cpu),
            (Frequency(probe), every.frequency),
            (Memory(probe), every.memory),
            (Swap(probe), every.swap),
            (Disks(probe), every.disk),
            (Usage(probe, path), every.usage),
            (Network(probe), every.network),
            (Sensors(probe, powercap), every.sensors),
            (Battery(probe), every.battery),
            (Counts(probe), every.count),
        ]
        if top:
            groups.append((Processes(probe, top), every.processes))
        if disks is not None:
            # It has a rhythm of its own; what it found is taken with the next row.
            groups.append((Drives(every.drives, *disks), None))
        # In ticks; a group with a whole number of seconds stays on its seconds.
        self._groups = [(group, max(1, round((seconds or interval_s) / interval_s))) for group, seconds in groups]
        self._monotonic = monotonic
        self._columns: dict[str, None] = {}
        for group, _ in self._groups:
            group.read(monotonic())

    def columns(self) -> list[str]:
        """Every column that this machine has, after a second reading of all groups: takes 50 ms, once."""
        if not self._columns:
            time.sleep(0.05)
            for group, _ in self._groups:
                self._columns.update(dict.fromkeys([*group.read(self._monotonic()), *group.more()]))
        return list(self._columns)

    def sample(self, tick: int) -> Row:
        """What is due at a tick, by column."""
        row: Row = {}
        for group, ticks in self._groups:
            if tick % ticks == 0:
                row.update(group.read(self._monotonic()))
        return row
