"""What wears is found from recorded history, told with its remaining life, and nothing is told of what does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest

from models.influx import Row
from racktwin.messages import decode_reading
from upkeep import outbox
from upkeep.disks import Disks, judged
from upkeep.judge import calm_hour, findings
from upkeep.series import Thing
from upkeep.work import look

HOUR = 3_600_000
LIVES_MS = HOUR
NOW = 1_800_003_600_000 // HOUR * HOUR
UNIT, SERVER, RACK = "racktwin.lab:cooling-cu-1", "racktwin.lab:server-s1", "racktwin.lab:rack-r1"


def series(count: int, step_ms: int, value, noise: float = 0.0) -> dict[int, float]:
    rng = np.random.default_rng(7)
    begin = NOW - count * step_ms
    return {begin + n * step_ms: float(value(n)) * (1 + noise * rng.standard_normal()) for n in range(count)}


def unit(loss_per_day: float, *, hours: int = 96) -> Thing:
    thing = Thing("cooling", "hall")
    thing.values["control", "fanSpeed"] = series(hours, HOUR, lambda n: 60 + 20 * np.sin(n))
    fan = thing.values["control", "fanSpeed"]
    worn = series(hours, HOUR, lambda n: 1 - loss_per_day * n / 24, 0.01)
    thing.values["air", "airflow"] = {at: 0.1 * fan[at] * worn[at] for at in fan}
    return thing


def test_a_filter_that_clogs_is_found_with_its_remaining_life():
    found = findings({UNIT: unit(0.03)}, NOW, calm_hour=3)[UNIT]
    assert found.part == "fan or filter"
    assert found.state == "due"
    # A quarter is the limit, twelve hundredths are gone: some 4.3 days are left.
    assert found.remaining_h == pytest.approx(4.35 * 24, rel=0.15)
    assert found.remaining_lo_h < found.remaining_h < found.remaining_hi_h
    assert found.window is not None
    assert found.window["from"].endswith("T03:00:00+00:00")


def test_a_unit_that_is_well_is_left_alone_and_so_is_one_of_which_little_is_known():
    assert findings({UNIT: unit(0.0)}, NOW, calm_hour=3) == {}
    assert findings({UNIT: unit(0.05, hours=8)}, NOW, calm_hour=3) == {}
    assert findings({UNIT: Thing("cooling")}, NOW, calm_hour=3) == {}


def test_a_servers_fan_that_turns_slower_at_the_same_command():
    thing = Thing("server", "hall")
    thing.values["fans", "fanSpeedPercent"] = series(72, HOUR, lambda n: 40 + 10 * (n % 3))
    asked = thing.values["fans", "fanSpeedPercent"]
    thing.values["fans", "fanSpeed"] = {at: 120.0 * asked[at] * (1 - 0.002 * n) for n, at in enumerate(sorted(asked))}
    found = findings({SERVER: thing}, NOW, calm_hour=3)[SERVER]
    assert "bearings" in found.cause
    # One that stands still says nothing of its bearings.
    thing.values["fans", "fanSpeedPercent"] = dict.fromkeys(asked, 0.0)
    assert findings({SERVER: thing}, NOW, calm_hour=3) == {}


def test_calm_hours_are_when_racks_draw_least():
    rack = Thing("rack", "hall")
    rack.values["power", "power"] = series(48, HOUR, lambda n: 5000.0)
    for at in rack.values["power", "power"]:
        rack.values["power", "power"][at] -= 1000.0 * (4 <= at // HOUR % 24 < 8)
    assert calm_hour({RACK: rack}) == 4
    assert calm_hour({}) == 2


class FakeReader:
    """A unit whose airflow falls by a third within an hour; hours before that are not recorded."""

    def query(self, flux: str) -> Iterator[Row]:
        asked = re.search(r'_field == "(\w+)" and r.feature == "(\w+)" and \(r.kind == "(\w+)"\)', flux)
        if asked is None:
            return
        field, feature, kind = asked.groups()
        if kind != "cooling" or "every: 120s" not in flux:
            return
        for n in range(60):
            value = {"airflow": 6.0 - 2.0 * max(0, n - 25) / 35, "fanSpeed": 70.0}.get(field)
            if value is not None and feature in ("air", "control"):
                yield Row(UNIT, "hall", "", NOW - (60 - n) * 120_000, str(value))


def test_what_breaks_within_the_hour_is_on_the_twin_and_in_history():
    out: list[tuple[str, str, bytes]] = []
    (found,) = look(FakeReader(), "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=LIVES_MS)
    assert found.thing == UNIT
    (twin, _, merge), (readings, key, reading) = out
    assert (twin, readings, key) == ("racktwin.twin.lab", "racktwin.readings.lab", UNIT)
    properties = json.loads(merge)["value"]["maintenance"]["properties"]
    assert properties["state"] == "due"
    assert properties["cause"].startswith("fan or filter")
    assert properties["remainingUsefulLife"] is not None
    assert {"lo", "hi", "window", "loss"} <= set(properties["evidence"])
    told = decode_reading(reading)
    assert properties["expiresAt"] == told.values["expiresAt"] == NOW + LIVES_MS
    assert (told.feature, told.kind, told.room) == ("maintenance", "cooling", "hall")
    assert told.values["state"] == "due"
    # History has no objects.
    assert set(outbox.HISTORY) <= set(told.values)
    assert told.values["remainingUsefulLifeLow"] == properties["evidence"]["lo"]
    assert told.values["windowFrom"] == properties["evidence"]["window"]["from"]
    assert "loss 0." in told.values["because"]


def test_what_breaks_may_be_looked_for_in_shorter_times():
    class Quick(FakeReader):
        """The same within two and a half minutes."""

        def query(self, flux: str) -> Iterator[Row]:
            for row in super().query(flux.replace("every: 5s", "every: 120s")):
                yield Row(row.thing, row.room, row.row, NOW - (NOW - row.at_ms) // 24, row.value)

    out: list[tuple[str, str, bytes]] = []
    (found,) = look(Quick(), "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=LIVES_MS, sudden_scale=1 / 24)
    assert (found.thing, found.state) == (UNIT, "due")
    assert look(Quick(), "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=LIVES_MS) == []


def test_what_is_well_is_said_to_be_well():
    class Calm(FakeReader):
        def query(self, flux: str) -> Iterator[Row]:
            for row in super().query(flux):
                yield Row(row.thing, row.room, row.row, row.at_ms, "5.0")

    out: list[tuple[str, str, bytes]] = []
    assert look(Calm(), "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=LIVES_MS) == []
    properties = json.loads(out[0][2])["value"]["maintenance"]["properties"]
    assert (properties["state"], properties["remainingUsefulLife"]) == ("none", None)


def rows(disk: str, at_ms: list[int], **series: list[object]) -> Iterator[Row]:
    for field, values in series.items():
        for at, value in zip(at_ms, values, strict=True):
            if value is not None:
                yield Row(SERVER, "hall", "r01", at, str(value), field, disk)


DAYS = [NOW - (7 - n) * 24 * HOUR for n in range(8)]


def test_a_disk_that_gathers_bad_sectors_is_found_and_named():
    sick = rows("sdb", DAYS, serial=["X"] * 8, pendingSectors=[n * 3 for n in range(8)], health=["passed"] * 8)
    well = rows("sda", DAYS, serial=["Y"] * 8, pendingSectors=[0] * 8, powerOnHours=list(range(8)))
    looked = judged([*sick, *well], NOW, 3)
    found = looked.findings[SERVER]
    assert (found.part, found.state, found.evidence["disk"], found.evidence["serial"]) == (
        "disk sdb",
        "due",
        "sdb",
        "X",
    )
    assert looked.servers[SERVER].room == "hall"


def test_a_disk_is_its_serial_number_whatever_its_name():
    # They changed their names on the fourth day, as after a restart.
    one = rows("sda", DAYS, serial=["X"] * 4 + ["Y"] * 4, reallocatedSectors=[10, 20, 30, 40, 0, 0, 0, 0])
    two = rows("sdb", DAYS, serial=["Y"] * 4 + ["X"] * 4, reallocatedSectors=[0, 0, 0, 0, 50, 60, 70, 80])
    found = judged([*one, *two], NOW, 3).findings[SERVER]
    assert (found.part, found.evidence["serial"], found.evidence["grown"]) == ("disk sdb", "X", 70.0)


def test_a_number_that_several_disks_tell_is_nobodys():
    sick = rows("sdb", DAYS, serial=["S0"] * 8, pendingSectors=[n * 30 for n in range(8)])
    well = [rows(name, DAYS, serial=["S0"] * 8, pendingSectors=[0] * 8) for name in ("sda", "sdc")]
    found = judged([*next(iter(well)), *sick, *well[1]], NOW, 3).findings[SERVER]
    assert (found.part, found.state, found.evidence["grown"]) == ("disk sdb", "due", 210.0)


def test_of_a_disk_that_was_changed_or_is_gone_nothing_is_said():
    changed = rows("sda", DAYS, serial=["X"] * 5 + ["Z"] * 3, pendingSectors=[0, 4, 9, 30, 60, 0, 0, 0])
    gone = rows("sdb", [at - 2 * 24 * HOUR for at in DAYS], pendingSectors=[n * 9 for n in range(8)])
    looked = judged([*changed, *gone], NOW, 3)
    assert looked.findings == {}
    # The server is there all the same, so that its twin says that nothing is to be done.
    assert set(looked.servers) == {SERVER}


def test_nonsense_in_a_cell_is_no_value():
    odd = rows("sda", DAYS, pendingSectors=["NaN", "", "x", "inf", 0, 0, 0, 0], health=["?"] * 8)
    assert judged(odd, NOW, 3).findings == {}


def test_disks_are_looked_at_for_a_share_of_the_time_only():
    clock = iter([0.0, 10.0, 100.0, 300.0, 310.0])
    asked = []

    class Reader:
        def query(self, flux: str) -> Iterator[Row]:
            asked.append(flux)
            yield from rows("sda", [NOW - HOUR], health=["failed"])

    disks = Disks(lambda: next(clock))
    for _ in range(2):
        assert disks.look(Reader(), "lab", NOW, 168.0, 3).findings[SERVER].state == "due"
    assert len(asked) == 2
    disks.look(Reader(), "lab", NOW, 168.0, 3)
    assert len(asked) == 4
    assert '_measurement == "smart"' in asked[0]


def test_a_servers_worst_finding_stands_on_its_twin():
    class Reader(FakeReader):
        def query(self, flux: str) -> Iterator[Row]:
            if '"smart"' in flux:
                yield from rows("sdc", [NOW - HOUR], percentageUsed=[85], powerOnHours=[15_300])
            else:
                yield from super().query(flux)

    out: list[tuple[str, str, bytes]] = []
    found = look(Reader(), "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=LIVES_MS)
    assert [one.thing for one in found] == [UNIT, SERVER]
    (merge,) = [
        json.loads(value)["value"] for topic, key, value in out if topic == "racktwin.twin.lab" and key == SERVER
    ]
    said = merge["maintenance"]["properties"]
    assert said["cause"] == "disk sdc: 85% of its rated writes are used up"
    assert said["remainingUsefulLife"] == pytest.approx(900.0)
    assert {"lo", "hi", "window", "disk", "judgedAt"} <= set(said["evidence"])
