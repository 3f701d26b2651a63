"""What is read together: processors, memory, disks, network, battery, each a group with a rhythm of its own.

Each group asks psutil once and leaves out what is not there. Next: `servertwin.log.sampler`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from servertwin.log.probe import Probe

Values = dict[str, float | str]
# Names of loopback on Linux, macOS and Windows.
_LOOPBACK: Final = ("lo", "lo0", "Loopback Pseudo-Interface 1")


class Group(Protocol):
    """Values read together."""

    def read(self, now: float) -> Values:
        """What there is now, by column; ``now`` is monotonic seconds."""

    def more(self) -> Sequence[str]:
        """Columns that this group may have later, though it has none now."""


class Rates:
    """Counters -> what they grew by per second. A counter that went back was reset: no rate can be told."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._before: Mapping[str, float] = {}

    def of(self, now: float, counters: Mapping[str, float]) -> dict[str, float]:
        """Rates since the last call, by name; empty at the first."""
        at, before = self._at, self._before
        self._at, self._before = now, counters
        if at is None or now <= at:
            return {}
        return {
            name: (value - before[name]) / (now - at)
            for name, value in counters.items()
            if name in before and value >= before[name]
        }


class _Plain:
    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def more(self) -> Sequence[str]:
        return ()


class Cores(_Plain):
    """Utilisation in total and per core, from one reading of the cores' times; load averages."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._before: list[Any] = []

    def read(self, now: float) -> Values:
        values: Values = {}
        times = self._probe.ask("cpu_times", percpu=True) or []
        before, self._before = self._before, times
        if times and len(times) == len(before):
            shares = [_shares(new, old) for new, old in zip(times, before, strict=True)]
            known = [share for share in shares if share is not None]
            for number, share in enumerate(shares):
                if share is not None:
                    values[f"cpu/core{number}"] = round(share["busy"], 2)
            if known:
                values["cpu/utilization"] = round(sum(share["busy"] for share in known) / len(known), 2)
                for name in ("wait", "stolen"):
                    if name in known[0]:
                        values[f"cpu/{name}"] = round(sum(share.get(name, 0.0) for share in known) / len(known), 2)
        load = self._probe.ask("getloadavg")
        if load is not None:
            values |= {
                name: round(float(value), 2)
                for name, value in zip(("cpu/loadAverage", "cpu/load5", "cpu/load15"), load, strict=False)
            }
        return values

    def more(self) -> Sequence[str]:
        # Between two readings that are close a core's time may not have moved, and the core is there all the same.
        fields = self._before[0]._fields if self._before else ()
        found = [f"cpu/core{number}" for number in range(len(self._before))] + (["cpu/utilization"] if fields else [])
        return found + [name for name, has in (("cpu/wait", "iowait"), ("cpu/stolen", "steal")) if has in fields]


def _shares(new: Any, old: Any) -> dict[str, float] | None:
    """Shares (%) of a core's time since the last reading; None where no time has passed."""
    spent = {name: max(0.0, getattr(new, name) - getattr(old, name)) for name in new._fields}
    # Linux counts guests' time within user time too.
    total = sum(seconds for name, seconds in spent.items() if name not in ("guest", "guest_nice"))
    if total <= 0.0:
        return None
    idle = spent.get("idle", 0.0) + spent.get("iowait", 0.0)
    shares = {"busy": min(100.0, 100.0 * (total - idle) / total)}
    if "iowait" in spent:
        shares["wait"] = 100.0 * spent["iowait"] / total
    if "steal" in spent:
        shares["stolen"] = 100.0 * spent["steal"] / total
    return shares


class Frequency(_Plain):
    """The clock, where the system tells it."""

    def read(self, now: float) -> Values:
        frequency = self._probe.ask("cpu_freq")
        return {"cpu/frequency": round(frequency.current * 1e6)} if frequency and frequency.current > 0 else {}


class Memory(_Plain):
    """Main memory; used is what is not available."""

    def read(self, now: float) -> Values:
        memory = self._probe.ask("virtual_memory")
        if memory is None or memory.total <= 0:
            return {}
        used = memory.total - memory.available
        return {
            "memory/used": used,
            "memory/total": memory.total,
            "memory/available": memory.available,
            "memory/utilization": round(100.0 * used / memory.total, 3),
        }


class Swap(_Plain):
    """Swap; a machine without any has none, not 0 of 0."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._rates = Rates()

    def read(self, now: float) -> Values:
        swap = self._probe.ask("swap_memory")
        if swap is None or swap.total <= 0:
            return {}
        values: Values = {
            "swap/used": swap.used,
            "swap/total": swap.total,
            "swap/utilization": round(100.0 * swap.used / swap.total, 2),
        }
        rates = self._rates.of(now, {"swap/in": swap.sin, "swap/out": swap.sout})
        return values | {name: round(rate, 1) for name, rate in rates.items()}


class Disks(_Plain):
    """Rates of all disks together, and the busiest disk's time with I/O."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._rates = Rates()
        self._busy = Rates()

    def read(self, now: float) -> Values:
        disks = self._probe.ask("disk_io_counters", perdisk=True)
        if not disks:
            return {}
        # Partitions repeat what their disk counts, and loop devices what the disk under them does.
        whole = {
            name: disk
            for name, disk in disks.items()
            if not any(name != other and name.startswith(other) for other in disks)
            and not name.startswith(("loop", "ram", "zram", "dm-", "md"))
        } or dict(disks)
        total = {
            "disk/readBytes": sum(disk.read_bytes for disk in whole.values()),
            "disk/writeBytes": sum(disk.write_bytes for disk in whole.values()),
            "disk/reads": sum(disk.read_count for disk in whole.values()),
            "disk/writes": sum(disk.write_count for disk in whole.values()),
        }
        values: Values = {name: round(rate, 1) for name, rate in self._rates.of(now, total).items()}
        busy = {name: disk.busy_time for name, disk in whole.items() if hasattr(disk, "busy_time")}
        shares = self._busy.of(now, busy)
        if shares:
            # Milliseconds per second, so a tenth of it is percent.
            values["disk/ioTime"] = round(min(100.0, max(shares.values()) / 10.0), 2)
        return values


class Usage(_Plain):
    """How full the file system is."""

    def __init__(self, probe: Probe, path: str) -> None:
        super().__init__(probe)
        self._path = path

    def read(self, now: float) -> Values:
        usage = self._probe.ask("disk_usage", self._path)
        if usage is None or usage.total <= 0:
            return {}
        return {"disk/used": usage.used, "disk/total": usage.total, "disk/utilization": round(float(usage.percent), 2)}


class Network(_Plain):
    """Rates of all real interfaces together; loopback by itself."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._rates = Rates()

    def read(self, now: float) -> Values:
        cards = self._probe.ask("net_io_counters", pernic=True)
        if not cards:
            return {}
        real = [card for name, card in cards.items() if name not in _LOOPBACK]
        own = [card for name, card in cards.items() if name in _LOOPBACK]
        counters: dict[str, float] = {}
        if real:
            counters = {
                "network/rx": sum(card.bytes_recv for card in real),
                "network/tx": sum(card.bytes_sent for card in real),
                "network/rxPackets": sum(card.packets_recv for card in real),
                "network/txPackets": sum(card.packets_sent for card in real),
                "network/errors": sum(card.errin + card.errout + card.dropin + card.dropout for card in real),
            }
        if own:
            counters["network/loopback"] = sum(card.bytes_sent for card in own)
        return {name: round(rate, 1) for name, rate in self._rates.of(now, counters).items()}


class Battery(_Plain):
    """The battery, where there is one."""

    def read(self, now: float) -> Values:
        battery = self._probe.ask("sensors_battery")
        if battery is None:
            return {}
        values: Values = {"battery/charge": round(float(battery.percent), 2)}
        if battery.power_plugged is not None:
            values["battery/mains"] = 1 if battery.power_plugged else 0
        if battery.secsleft is not None and int(battery.secsleft) >= 0:
            values["battery/left"] = int(battery.secsleft)
        return values

    def more(self) -> Sequence[str]:
        # How long it will last is known only while it discharges.
        return ("battery/left",) if self._probe.ask("sensors_battery") is not None else ()


class Counts(_Plain):
    """How many processes there are; their names are not read for it."""

    def read(self, now: float) -> Values:
        numbers = self._probe.ask("pids")
        return {"processes/count": len(numbers)} if numbers else {}
