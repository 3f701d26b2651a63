"""A load is what it was told to be, and never more; nothing of it is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from servertwin.config import Limits, Stress
from servertwin.failures import Failure
from servertwin.stress import loads, memory_left
from servertwin.stress.bounds import Load, Machine, orders
from servertwin.stress.crew import Crew, summary, sweep
from servertwin.stress.pace import Bytes, Duty

MIB = 1 << 20
MACHINE = Machine((0, 1, 2, 3), 1000 * MIB, 5000 * MIB)


def order(load, settings=None, machine=MACHINE):
    return orders(load, settings or Stress(), machine, "folder")


def test_one_worker_for_each_core():
    told = order(Load("cpu", 60, 10))
    assert [each["core"] for each in told] == [0, 1, 2, 3]
    assert {each["share"] for each in told} == {0.6}
    assert len(order(Load("cpu", 60, 10, 2))) == 2
    with pytest.raises(Failure, match="cores 5"):
        order(Load("cpu", 60, 10, 5))


def test_memory_is_bounded_by_level_limit_and_reserve():
    (told,) = order(Load("memory", 20, 10))
    assert told["bytes"] == 200 * MIB
    assert told["reserve"] == 512 * MIB
    (told,) = order(Load("memory", 20, 10), Stress(limits=Limits(memory=64 * MIB, reserve=0)))
    assert told["bytes"] == 64 * MIB
    assert told["reserve"] == 100 * MIB


def test_the_disk_keeps_free_what_must_stay_free():
    (told,) = order(Load("disk", 50, 10))
    assert told["file"] == 256 * MIB
    assert told["rate"] == 50 * MIB
    with pytest.raises(Failure, match="MiB are free"):
        order(Load("disk", 50, 10), machine=Machine((0,), 1, 1024 * MIB))


@pytest.mark.parametrize("load", [Load("cpu", 81, 5), Load("cpu", 0, 5), Load("network", 50, 61), Load("disk", 50, 0)])
def test_what_is_beyond_the_limits_is_refused(load):
    with pytest.raises(Failure, match="expected above 0 and up to"):
        order(load, Stress(limits=Limits(level=80, duration=60)))


def test_duty_never_catches_up():
    duty = Duty(0.5, 0.1, 0.0)
    assert duty.left(0.0, 0.0) == pytest.approx(0.05)
    assert duty.left(0.09, 0.01) == pytest.approx(0.04)
    # The core was others' for a while: what that period lacked is lost.
    assert duty.left(0.35, 0.01) == pytest.approx(0.05)
    assert duty.until_next(0.35) == pytest.approx(0.05)


def test_bytes_never_burst():
    pace = Bytes(1000.0, 300)
    assert pace.due(0.0) == 0
    assert pace.due(0.1) == 100
    assert pace.due(60.0) == 300
    pace.done(300)
    assert pace.wait(100) == pytest.approx(0.1)


def test_memory_gives_back_what_others_need(monkeypatch):
    free = [2000 * MIB]

    def available():
        # Somebody else takes all of it, a little after the start.
        if time.monotonic() > begin + 0.3:
            free[0] += 16 * MIB
            return free[0] - 2000 * MIB
        return free[0]

    monkeypatch.setattr(memory_left, "available", available)
    begin = time.monotonic()
    done = loads.memory({"bytes": 64 * MIB, "reserve": 40 * MIB}, begin + 1.2, threading.Event())
    assert done["bytes"] == 64 * MIB
    assert done["givenBackBytes"] > 0


def test_the_disk_stops_at_its_budget(tmp_path):
    told = {"file": 4 * MIB, "budget": 6 * MIB, "rate": 500 * MIB, "reserve": 0, "folder": str(tmp_path)}
    done = loads.disk(told, time.monotonic() + 0.5, threading.Event())
    assert done["writtenBytes"] == 6 * MIB
    assert list(tmp_path.iterdir()) == []


def test_loads_together_do_what_they_were_told(tmp_path):
    settings = Stress(folder=str(tmp_path), disk_rate=40 * MIB, network_rate=40e6, limits=Limits(memory=48 * MIB))
    wanted = [Load("cpu", 20, 1.0, 1), Load("memory", 1, 1.0), Load("disk", 50, 1.0), Load("network", 50, 1.0)]
    with Crew(wanted, settings) as crew:
        assert len(list(tmp_path.iterdir())) == 1
        crew.go()
        told = {each.load.kind: summary(each) for each in crew.wait(threading.Event())}
    assert not any("failed" in each for each in told.values()), told
    assert told["cpu"]["achievedLevel"] <= 20.5
    assert told["memory"]["bytes"] <= 48 * MIB
    assert 0 < told["disk"]["writtenBytes"] <= 24 * MIB
    assert 0 < told["network"]["sentBytes"] <= 22e6
    assert told["network"]["sentBytes"] == told["network"]["receivedBytes"]
    assert all(each["stoppedAt"] - each["startedAt"] >= 990 for each in told.values())
    assert list(tmp_path.iterdir()) == []


def test_a_stop_ends_a_load_at_once(tmp_path):
    stop = threading.Event()
    with Crew([Load("disk", 10, 60)], Stress(folder=str(tmp_path))) as crew:
        crew.go()
        threading.Timer(0.3, stop.set).start()
        (told,) = crew.wait(stop)
    assert told.stopped_at - told.started_at < 5000
    assert list(tmp_path.iterdir()) == []


def started(tmp_path, *words):
    """A `stress` command whose load is under way."""
    process = subprocess.Popen(
        [sys.executable, "-m", "servertwin", "stress", *words, "--duration", "60s", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    process.stderr.readline()
    return process


def workers_of(process):
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_and_cleans(tmp_path, number):
    process = started(tmp_path, "disk", "--level", "10")
    workers = workers_of(process)
    assert workers
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["kind"] == "disk"
    assert not any(worker.is_running() for worker in workers)
    assert list(tmp_path.iterdir()) == []


def test_the_death_of_the_parent_ends_the_load(tmp_path):
    process = started(tmp_path, "disk", "--level", "10")
    workers = workers_of(process)
    process.kill()
    process.communicate(timeout=60)
    _gone, alive = psutil.wait_procs(workers, timeout=60)
    assert workers
    assert alive == []
    left = list(tmp_path.iterdir())
    assert [path.name for folder in left for path in folder.iterdir()] == [], "the worker removed its file"
    assert sweep(tmp_path) == left, "and the next load removes the folder"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_a_living_load_stays(tmp_path):
    mine = tmp_path / f"racktwin-stress-{os.getpid()}-x"
    mine.mkdir()
    Path(tmp_path / "racktwin-stress-notes").mkdir()
    assert sweep(tmp_path) == []
    assert mine.exists()
