"""What this machine measures of itself, by psutil, as properties of a server. Absent is absent, never 0.

Rates need two samples, so the first has none. The ``probe`` is psutil; tests pass another.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import psutil

Values = dict[tuple[str, str], float]

# Sensor chips that report the processor's temperature, by Linux' names.
_CPU_CHIPS: Final = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")


@dataclass(frozen=True, slots=True)
class _Counters:
    at: float
    read: int | None
    write: int | None
    busy_ms: dict[str, int]
    rx: int | None
    tx: int | None


class MachineSampler:
    """Samples of this machine. Not thread safe."""

    def __init__(
        self,
        disk: str = "/",
        probe: ModuleType | Any = psutil,
        monotonic: Callable[[], float] = time.monotonic,
        load_average: Callable[[], tuple[float, float, float]] = os.getloadavg,
    ) -> None:
        self._disk, self._probe, self._monotonic, self._load = disk, probe, monotonic, load_average
        self._probe.cpu_percent(interval=None)  # the first call only sets the mark
        self._before: _Counters | None = None

    def sample(self) -> Values:
        """What can be measured now, by (feature, property), in the catalogue's units."""
        values: Values = {("cpu", "utilization"): float(self._probe.cpu_percent(interval=None))}
        frequency = self._probe.cpu_freq()
        if frequency is not None and frequency.current > 0:
            values["cpu", "frequency"] = round(frequency.current * 1e6)
        values["cpu", "loadAverage"] = round(self._load()[0], 2)
        memory = self._probe.virtual_memory()
        values["memory", "used"] = memory.total - memory.available
        values["memory", "total"] = memory.total
        values["memory", "utilization"] = round(100.0 * (memory.total - memory.available) / memory.total, 2)
        try:
            usage = self._probe.disk_usage(self._disk)
        except OSError:
            pass
        else:
            values["disk", "used"] = usage.used
            values["disk", "total"] = usage.total
            values["disk", "utilization"] = round(float(usage.percent), 2)
        self._rates(values)
        self._sensors(values)
        return values

    def _rates(self, values: Values) -> None:
        now = self._count()
        before, self._before = self._before, now
        if before is None or now.at <= before.at:
            return
        dt = now.at - before.at
        for name, old, new in (
            (("disk", "readBytes"), before.read, now.read),
            (("disk", "writeBytes"), before.write, now.write),
            (("network", "rx"), before.rx, now.rx),
            (("network", "tx"), before.tx, now.tx),
        ):
            # A counter that went back was reset (an interface that left): no rate can be told.
            if old is not None and new is not None and new >= old:
                values[name] = round((new - old) / dt, 1)
        busy = [ms - before.busy_ms[disk] for disk, ms in now.busy_ms.items() if disk in before.busy_ms]
        if busy:
            values["disk", "ioTime"] = round(min(100.0, max(0.0, max(busy) / (dt * 10.0))), 2)

    def _count(self) -> _Counters:
        disks = self._probe.disk_io_counters(perdisk=True) or {}
        network = {k: v for k, v in (self._probe.net_io_counters(pernic=True) or {}).items() if k != "lo"}
        # Partitions repeat what their disk counts.
        whole = {k: v for k, v in disks.items() if not any(k != d and k.startswith(d) for d in disks)}
        return _Counters(
            at=self._monotonic(),
            read=sum(d.read_bytes for d in whole.values()) if whole else None,
            write=sum(d.write_bytes for d in whole.values()) if whole else None,
            busy_ms={k: d.busy_time for k, d in whole.items() if hasattr(d, "busy_time")},
            rx=sum(n.bytes_recv for n in network.values()) if network else None,
            tx=sum(n.bytes_sent for n in network.values()) if network else None,
        )

    def _sensors(self, values: Values) -> None:
        """Temperatures and fans, where the machine (and psutil on its system) has them."""
        chips = self._probe.sensors_temperatures() if hasattr(self._probe, "sensors_temperatures") else {}
        for chip in _CPU_CHIPS:
            readings = [entry.current for entry in chips.get(chip, []) if entry.current]
            if readings:
                values["thermal", "cpuTemperature"] = round(float(max(readings)), 2)
                break
        fans = self._probe.sensors_fans() if hasattr(self._probe, "sensors_fans") else {}
        speeds = [entry.current for entries in fans.values() for entry in entries if entry.current]
        if speeds:
            values["fans", "fanSpeed"] = round(sum(speeds) / len(speeds), 1)
