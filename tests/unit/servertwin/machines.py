"""psutil as other machines have it, for tests."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace as Thing

CpuLinux = namedtuple("CpuLinux", "user nice system idle iowait irq softirq steal guest guest_nice")
CpuMac = namedtuple("CpuMac", "user nice system idle")
Temperature = namedtuple("Temperature", "label current high critical")
Fan = namedtuple("Fan", "label current")


class Mac:
    """A Mac: no sensors, no time of I/O, two cores; counters grow by the same each time they are read."""

    def __init__(self):
        self.reads = 0

    def cpu_times(self, percpu=False):
        self.reads += 1
        # One core half busy, the other idle.
        return [CpuMac(0.5 * self.reads, 0, 0, 0.5 * self.reads), CpuMac(0, 0, 0, 1.0 * self.reads)]

    def getloadavg(self):
        return (1.5, 1.25, 1.0)

    def virtual_memory(self):
        return Thing(total=8_000, available=2_000)

    def swap_memory(self):
        return Thing(total=0, used=0, sin=0, sout=0)

    def disk_io_counters(self, perdisk=True):
        return {"disk0": Thing(read_bytes=100 * self.reads, write_bytes=0, read_count=self.reads, write_count=0)}

    def disk_usage(self, path):
        return Thing(total=1000, used=250, percent=25.0)

    def net_io_counters(self, pernic=True):
        card = Thing(
            bytes_recv=10 * self.reads, bytes_sent=20 * self.reads, packets_recv=0, packets_sent=0,
            errin=0, errout=0, dropin=0, dropout=0,
        )  # fmt: skip
        return {"en0": card, "lo0": card}

    def sensors_battery(self):
        return Thing(percent=80, secsleft=3600, power_plugged=False)

    def pids(self):
        return [1, 2, 3]


class Windows(Mac):
    """Windows: disk counters are switched off, loads are not told, the frequency is."""

    getloadavg = None
    sensors_battery = None

    def disk_io_counters(self, perdisk=True):
        raise RuntimeError("couldn't find any physical disk")

    def cpu_freq(self):
        return Thing(current=2400.0, min=0, max=2400.0)


class Server(Mac):
    """A Linux server with sensors; `heat` and `energy` are what they say."""

    heat = 55.0

    def cpu_times(self, percpu=False):
        self.reads += 1
        n = self.reads
        return [CpuLinux(0.2 * n, 0, 0.1 * n, 0.5 * n, 0.1 * n, 0, 0, 0.1 * n, 0, 0)] * 4

    def sensors_temperatures(self):
        return {
            "coretemp": [
                Temperature("Package id 0", self.heat, 90, 100),
                Temperature("Core 0", self.heat - 3, 90, 100),
            ],
            "nvme": [Temperature("Composite", 40.0, 80, 90), Temperature("Broken", 0, 80, 90)],
        }

    def sensors_fans(self):
        return {"ipmi": [Fan("fan1", 4000), Fan("fan2", 5000), Fan("fan3", 0)]}
