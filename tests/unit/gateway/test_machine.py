"""This machine's telemetry: rates from two samples, and nothing where nothing is measured."""

from __future__ import annotations

from types import SimpleNamespace as Bag
from typing import Any

from gateway.machine import MachineSampler
from gateway.packs import make_pack


class Probe:
    """A psutil of a machine that the test invents."""

    def __init__(self, *, bare: bool = False) -> None:
        self.bare = bare
        self.read, self.rx, self.busy = 1000, 500, 100

    def cpu_percent(self, interval: float | None) -> float:
        return 12.5

    def cpu_freq(self) -> Any:
        return None if self.bare else Bag(current=2400.0)

    def virtual_memory(self) -> Any:
        return Bag(total=1000, available=250)

    def disk_usage(self, path: str) -> Any:
        if self.bare:
            raise FileNotFoundError(path)
        return Bag(used=30, total=100, percent=30.0)

    def disk_io_counters(self, perdisk: bool) -> Any:
        if self.bare:
            return None
        disk = Bag(read_bytes=self.read, write_bytes=0, busy_time=self.busy)
        return {"sda": disk, "sda1": disk}

    def net_io_counters(self, pernic: bool) -> Any:
        return (
            {} if self.bare else {"lo": Bag(bytes_recv=9, bytes_sent=9), "eth0": Bag(bytes_recv=self.rx, bytes_sent=0)}
        )

    def sensors_temperatures(self) -> Any:
        return {} if self.bare else {"coretemp": [Bag(current=51.0), Bag(current=54.5)]}

    def sensors_fans(self) -> Any:
        return {} if self.bare else {"chip": [Bag(current=1200), Bag(current=0)]}


def sampler(probe: Probe) -> tuple[MachineSampler, list[float]]:
    at = [100.0]
    return MachineSampler("/", probe, lambda: at[0], lambda: (1.234, 0.0, 0.0)), at


def test_what_a_full_machine_measures() -> None:
    probe = Probe()
    machine, at = sampler(probe)
    first = machine.sample()
    assert ("disk", "readBytes") not in first, "a rate needs two samples"
    probe.read += 4096
    probe.rx += 100
    probe.busy += 500
    at[0] += 2.0
    assert machine.sample() == {
        ("cpu", "utilization"): 12.5,
        ("cpu", "frequency"): 2_400_000_000,
        ("cpu", "loadAverage"): 1.23,
        ("memory", "used"): 750,
        ("memory", "total"): 1000,
        ("memory", "utilization"): 75.0,
        ("disk", "used"): 30,
        ("disk", "total"): 100,
        ("disk", "utilization"): 30.0,
        ("disk", "readBytes"): 2048.0,
        ("disk", "writeBytes"): 0.0,
        ("disk", "ioTime"): 25.0,
        ("network", "rx"): 50.0,
        ("network", "tx"): 0.0,
        ("thermal", "cpuTemperature"): 54.5,
        ("fans", "fanSpeed"): 1200.0,
    }


def test_absent_is_absent_never_zero() -> None:
    machine, at = sampler(Probe(bare=True))
    machine.sample()
    at[0] += 1.0
    values = machine.sample()
    assert {feature for feature, _ in values} == {"cpu", "memory"}
    assert ("cpu", "frequency") not in values


def test_a_counter_that_was_reset_gives_no_rate() -> None:
    probe = Probe()
    machine, at = sampler(probe)
    machine.sample()
    probe.rx = 0
    at[0] += 1.0
    values = machine.sample()
    assert ("network", "rx") not in values
    assert ("network", "tx") in values


def test_a_sample_fits_into_one_message_of_a_server() -> None:
    machine, at = sampler(Probe())
    machine.sample()
    at[0] += 1.0
    pack = make_pack("racktwin.t:server-this-machine", "server", 1, 1_795_225_577_123, machine.sample())
    assert pack.readings == 16
    assert len(pack.payload) < 2048


def test_the_real_psutil_answers() -> None:
    machine = MachineSampler()
    machine.sample()
    values = machine.sample()
    assert values["memory", "total"] > 0
    assert 0.0 <= values["cpu", "utilization"] <= 100.0
