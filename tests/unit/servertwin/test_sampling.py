"""What a platform lacks has no column; what it has is in the catalogue's units."""

from __future__ import annotations

import itertools

import psutil
import pytest
from tests.unit.servertwin.machines import Mac, Server, Windows

from racktwin.catalogue import feature_of
from servertwin import columns as col
from servertwin.log.probe import Probe
from servertwin.log.processes import Processes
from servertwin.log.sampler import Sampler


def sampler(machine, tmp_path, **options):
    seconds = itertools.count()
    return Sampler(probe=Probe(machine), monotonic=lambda: float(next(seconds)) / 12, powercap=tmp_path, **options)


def test_a_mac_has_no_sensors_no_swap_and_no_time_of_io(tmp_path):
    row = sampler(Mac(), tmp_path).sample(0)
    assert row["cpu/utilization"] == 25.0
    assert (row["cpu/core0"], row["cpu/core1"]) == (50.0, 0.0)
    assert row["memory/used"] == 6000
    assert row["battery/charge"] == 80
    assert row["battery/mains"] == 0
    absent = ("thermal/", "fans/", "swap/", "power/", "cpu/wait", "cpu/stolen", "cpu/frequency", "disk/ioTime")
    assert [name for name in row if name.startswith(absent)] == []


def test_windows_without_disk_counters_and_loads(tmp_path):
    row = sampler(Windows(), tmp_path).sample(0)
    assert row["cpu/frequency"] == 2_400_000_000
    assert row["disk/utilization"] == 25.0
    absent = ("disk/read", "disk/write", "cpu/load", "battery/", "thermal/")
    assert [name for name in row if name.startswith(absent)] == []


def test_a_server_with_sensors(tmp_path):
    row = sampler(Server(), tmp_path).sample(0)
    assert row["cpu/utilization"] == 40.0
    assert row["cpu/wait"] == 10.0
    assert row["cpu/stolen"] == 10.0
    assert row["thermal/cpuTemperature"] == 55.0
    assert row["thermal/nvme.Composite"] == 40.0
    assert "thermal/nvme.Broken" not in row, "a sensor that is not wired is absent, not 0 °C"
    assert row["fans/fanSpeed"] == 4500.0


def test_power_of_the_packages_is_their_energy_over_time(tmp_path):
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (tmp_path / "intel-rapl:0:0").mkdir()
    (package / "energy_uj").write_text("1000000")
    times = iter([0.0] * 20)
    now = [0.0]
    made = Sampler(probe=Probe(Server()), monotonic=lambda: now[0], powercap=tmp_path)
    (package / "energy_uj").write_text("121000000")
    now[0] = 2.0
    assert made.sample(0)["power/package"] == 60.0
    (package / "energy_uj").write_text("5")
    now[0] = 4.0
    assert "power/package" not in made.sample(0), "the counter wrapped: no value can be told"
    del times


def test_slow_groups_are_sampled_at_their_own_rhythm(tmp_path):
    made = sampler(Mac(), tmp_path)
    assert "disk/used" in made.sample(0)
    assert "disk/used" not in made.sample(1)
    assert "disk/used" in made.sample(30)
    assert "cpu/utilization" in made.sample(1)


def test_a_counter_that_went_back_has_no_rate(tmp_path):
    machine = Mac()
    made = sampler(machine, tmp_path)
    assert made.sample(0)["network/rx"] > 0
    machine.reads = -5
    row = made.sample(1)
    assert "network/rx" not in row
    assert "memory/used" in row


def test_this_machine_has_every_column_that_it_names(tmp_path):
    made = Sampler(path="/", powercap=tmp_path)
    columns = made.columns()
    row = made.sample(0)
    assert set(row) <= set(columns)
    assert {"cpu/utilization", "memory/used", "memory/total"} <= set(columns)
    cores = [name for name in columns if name.startswith("cpu/core")]
    assert len(cores) == psutil.cpu_count()


def test_names_and_units_of_the_twins_columns_are_the_catalogues():
    for column, unit in (("cpu/utilization", "%"), ("thermal/cpuTemperature", "Cel"), ("memory/used", "By")):
        assert col.on_twin(column) is not None
        assert col.unit_of(column) == unit
    assert col.on_twin("thermal/coretemp.Core_0") is None
    assert col.unit_of("thermal/coretemp.Core_0") == "Cel"
    assert feature_of("server", "experiment").reported


class Listed:
    def __init__(self, pid, name, seconds, memory=1000):
        times = None if seconds is None else type("T", (), {"user": seconds, "system": 0.0})()
        self.info = {
            "pid": pid, "name": name, "cpu_times": times, "create_time": 1.0, "status": "running",
            "memory_info": None if memory is None else type("M", (), {"rss": memory})(),
        }  # fmt: skip


def test_the_busiest_processes_since_the_last_look():
    lists = [
        [Listed(1, "init", 5.0), Listed(2, "db", 100.0), Listed(3, "web", 1.0), Listed(4, "secret", None)],
        [Listed(1, "init", 5.0), Listed(2, "db", 100.5), Listed(3, "web", 3.0, None), Listed(9, "new", 50.0)],
    ]
    machine = type("M", (), {"process_iter": lambda self, names: lists.pop(0)})()
    group = Processes(Probe(machine), 2)
    assert group.read(0.0) == {"processes/running": 3}
    row = group.read(10.0)
    assert (row["processes/top1"], row["processes/top1Cpu"]) == ("web", 20.0)
    assert (row["processes/top2"], row["processes/top2Cpu"], row["processes/top2Memory"]) == ("db", 5.0, 1000)
    assert "processes/top1Memory" not in row
    assert "processes/top3" not in row


@pytest.mark.parametrize("answer", [PermissionError(), psutil.AccessDenied(1), RuntimeError(), ValueError()])
def test_a_function_that_fails_is_as_one_that_is_not_there(answer):
    calls = []

    def cpu_freq():
        calls.append(1)
        raise answer

    probe = Probe(type("M", (), {"cpu_freq": staticmethod(cpu_freq)})())
    assert probe.ask("cpu_freq") is None
    assert probe.ask("cpu_freq") is None
    assert probe.ask("cpu_count") is None
    assert len(calls) == 2, "it is asked again: what failed once may work later"
