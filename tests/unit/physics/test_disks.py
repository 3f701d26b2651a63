"""Simulated disks age by the clock alone, fail as they are told to, and are new disks when that is mended."""

from __future__ import annotations

import numpy as np
import pytest

from models.disk_wear import Record, judge
from physics.disks import HOUR_S, Course, Disk
from physics.faults import Fault
from physics.shelves import SLOTS, Shelf

NOW = 1_795_000_000.0
SERVER = "racktwin.berlin:server-storage-1"
DAY = 24 * HOUR_S


def test_counters_are_a_function_of_the_time_and_do_not_fall():
    disk = Disk(3, NOW - 100 * DAY, course=Course(onset_s=NOW - 10 * DAY, rate=0.5, growth_s=5 * DAY))
    days = [disk.counters(NOW + day * DAY) for day in range(-20, 5)]
    assert days == [disk.counters(NOW + day * DAY) for day in range(-20, 5)]
    for name in ("reallocatedSectors", "reportedUncorrectable", "powerOnHours"):
        series = [one[name] for one in days]
        assert series == sorted(series)
    assert days[9]["reallocatedSectors"] == days[9]["pendingSectors"] == 0
    # Some hundred by then, of which a day's wait.
    assert days[-1]["reallocatedSectors"] > 100
    assert days[-1]["pendingSectors"] > 0


def test_a_dead_disk_says_nothing():
    disk = Disk(1, NOW - DAY, course=Course(dies_s=NOW))
    assert disk.says(NOW - 1)
    assert not disk.says(NOW)
    assert not disk.says(NOW - 2 * DAY)


def told(shelf, name, at=NOW):
    return shelf.read(next(slot for slot in SLOTS if slot.name == name), at)


def finding(shelf, name, days):
    times = np.array([NOW + day * DAY for day in days])
    said = [told(shelf, name, at) for at in times]
    keys = {key for one in said for key, value in one.items() if isinstance(value, float)}
    values = {key: np.array([one.get(key, np.nan) for one in said]) for key in keys}
    return judge(Record(times / 3600, values, tuple(one["serial"] for one in said)), SERVER, name, calm_hour=2)


@pytest.mark.parametrize("day", range(0, 120, 7))
def test_the_worn_disk_is_always_found_and_never_due(day):
    found = finding(Shelf(SERVER, 1), "sdc", [day])
    assert found.state == "planned"
    assert found.evidence["attribute"] == "percentageUsed"
    assert 0 < found.remaining_lo_h < found.remaining_h < found.remaining_hi_h


@pytest.mark.parametrize("name", ["sda", "sdb", "nvme0"])
def test_its_other_disks_are_well(name):
    assert finding(Shelf(SERVER, 1), name, range(0, 30, 3)) is None


def test_a_disk_that_degrades_is_due_within_hours_and_mended_by_another_one():
    shelf = Shelf(SERVER, 1)
    before = told(shelf, "sda")
    fault = Fault("disk-degrades", "storage-1/sda", start_s=NOW)
    assert shelf.concerns(fault)
    assert not shelf.concerns(Fault("disk-degrades", "storage-2/sda"))
    assert not shelf.concerns(Fault("disk-degrades", "storage-1/sdz"))
    shelf.set_faults([fault], NOW)
    assert told(shelf, "sda")["serial"] == before["serial"]
    found = finding(shelf, "sda", [0, 0.25, 0.5, 1.0])
    assert found.state == "due"
    shelf.set_faults([], NOW + DAY)
    after = told(shelf, "sda", NOW + 2 * DAY)
    assert after["serial"] != before["serial"]
    assert (after["powerOnHours"], after["pendingSectors"]) == (24.0, 0.0)


def test_a_disk_that_fails_says_nothing_any_more():
    shelf = Shelf(SERVER, 1)
    shelf.set_faults([Fault("disk-fails", "storage-1/nvme0", start_s=NOW)], NOW)
    assert told(shelf, "nvme0") is None
    assert told(shelf, "sda") is not None
    assert told(shelf, "nvme0", NOW - 1) is not None
