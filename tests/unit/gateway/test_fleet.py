"""The fleet: racks join and leave, each sample is numbered and kept before it is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.controls import Controls, UnitSetup
from gateway.faults_file import FaultsFile
from gateway.fleet import Fleet, next_tick
from gateway.inventory import Found, InventoryError
from gateway.spool import Spool
from physics import layout
from racktwin.outbox import Pack


class Inventory:
    def __init__(self) -> None:
        self.there: Found | None = Found()

    def found(self) -> Found:
        if self.there is None:
            raise InventoryError("the API is away")
        return self.there


class Uplink:
    def __init__(self) -> None:
        self.offered: list[Pack] = []
        self.forgotten: list[str] = []

    def offer(self, packs: list[Pack]) -> None:
        self.offered.extend(packs)

    def forget(self, device: str) -> None:
        self.forgotten.append(device)


class Setting:
    def __init__(self, folder: Path) -> None:
        self.now_ms = 1_795_000_000_000
        self.inventory, self.uplink = Inventory(), Uplink()
        self.spool = Spool(folder, lambda: self.now_ms)
        self.controls = Controls()
        self.fleet = Fleet(
            self.inventory,
            self.uplink,
            self.spool,
            seed=1,
            clock=lambda: self.now_ms,
            log=structlog.stdlib.get_logger(),
            controls=self.controls,
            faults=FaultsFile(folder / "faults.json", lambda: self.now_ms, structlog.stdlib.get_logger()),
        )

    def tick(self, *ids: str) -> int:
        rooms = (layout.assumed("hall", [(i, "r1", 0.6 * k, 8000.0) for k, i in enumerate(ids)]),) if ids else ()
        self.inventory.there = Found(rooms, frozenset(ids))
        self.fleet.refresh()
        self.now_ms += 1000
        return self.fleet.sample()


def test_one_pack_per_rack_with_rising_numbers(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    assert setting.tick("a", "b") == 2
    assert setting.tick("a", "b") == 2
    seqs = [pack.seq for pack in setting.uplink.offered]
    assert [pack.device for pack in setting.uplink.offered] == ["a", "b", "a", "b"]
    assert seqs[0] == seqs[1] == seqs[2] - 1


def test_samples_are_on_disk_before_they_are_offered(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    setting.tick("a")
    assert len(Spool(tmp_path, lambda: 0).recover()) == 1


def test_racks_join_and_leave(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    setting.tick("a", "b")
    assert setting.tick("b", "c", "d") == 3
    assert setting.uplink.forgotten == ["a"]
    assert setting.fleet.knows("d")
    assert not setting.fleet.knows("a")


def test_the_racks_stay_when_the_inventory_is_away(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    setting.tick("a")
    setting.inventory.there = None
    assert "away" in setting.fleet.refresh()
    setting.now_ms += 1000
    assert setting.fleet.sample() == 1


def test_without_racks_there_is_nothing_to_send(tmp_path: Path) -> None:
    assert Setting(tmp_path).tick() == 0


def test_a_clock_that_went_back_gives_no_sample(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    setting.tick("a")
    setting.now_ms -= 5000
    assert setting.fleet.sample() == 0


def test_ticks_lie_on_the_intervals_grid() -> None:
    assert next_tick(100.2, 1.0) == 101.0
    assert next_tick(101.0, 1.0) == 102.0
    assert next_tick(100.3, 0.5) == 100.5


def with_units(tmp_path: Path) -> Setting:
    setting = Setting(tmp_path)
    room = layout.assumed("hall", [("a", "r1", 0.0, 8000.0), ("b", "r1", 0.6, 8000.0)])
    unit = room.units[0].id
    setting.inventory.there = Found((room,), frozenset({"a", "b", unit}), {unit: UnitSetup()})
    setting.fleet.refresh()
    return setting


def values(pack: Pack) -> dict[str, Any]:
    return {record["n"]: record.get("v", record.get("vs")) for record in json.loads(pack.payload)}


def test_a_cooling_unit_reports_its_air_and_now_and_then_its_control(tmp_path: Path) -> None:
    setting = with_units(tmp_path)
    for _ in range(6):
        setting.now_ms += 1000
        setting.fleet.sample()
    packs = [values(pack) for pack in setting.uplink.offered if pack.device == "hall-unit-1"]
    assert len(packs) == 6
    assert packs[0]["control/mode"] == "auto"
    assert packs[0]["power/heatRemoved"] > 0
    assert packs[0]["air/returnTemperature"] > packs[0]["air/supplyTemperature"]
    assert "control/mode" not in packs[1]
    assert "control/mode" in packs[5]


def test_a_command_reaches_the_room(tmp_path: Path) -> None:
    setting = with_units(tmp_path)
    setting.now_ms += 1000
    setting.fleet.sample()
    before = values(setting.uplink.offered[-1])["air/supplyTemperature"]
    setting.fleet._controls.handle("hall-unit-1", "set", {"setpoint": 24.0}, setting.now_ms)
    for _ in range(60):
        setting.now_ms += 20_000
        setting.fleet.sample()
    assert values(setting.uplink.offered[-1])["air/supplyTemperature"] > before + 2.0


def test_a_fault_of_a_units_controller_is_none_of_the_rooms(tmp_path: Path) -> None:
    setting = with_units(tmp_path)
    path = tmp_path / "faults.json"
    for faults, status in (([{"kind": "unit-refuses", "target": "hall-unit-1"}], 423), ([], 200)):
        path.write_text(json.dumps(faults))
        setting.fleet.refresh()
        setting.now_ms += 2000
        assert setting.fleet.sample() > 0
        reply = setting.controls.handle("hall-unit-1", "set", {"setpoint": 21.0}, setting.now_ms)
        assert reply is not None and reply[0] == status


def test_faults_of_the_file_begin_and_are_mended(tmp_path: Path) -> None:
    setting = with_units(tmp_path)
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"kind": "unit-stops", "target": "hall-unit-1"}]))
    setting.fleet.refresh()
    for _ in range(20):
        setting.now_ms += 20_000
        setting.fleet.sample()
    assert values(setting.uplink.offered[-1])["air/airflow"] < 0.1
    path.write_text("[]")
    setting.fleet.refresh()
    for _ in range(20):
        setting.now_ms += 20_000
        setting.fleet.sample()
    assert values(setting.uplink.offered[-1])["air/airflow"] > 0.1


@pytest.mark.parametrize("text", ["{", '[{"kind": "melts"}]', '[{"target": "a"}]', "[1]"])
def test_a_broken_faults_file_changes_nothing(tmp_path: Path, text: str) -> None:
    setting = with_units(tmp_path)
    (tmp_path / "faults.json").write_text(text)
    assert setting.fleet.refresh() == ""
    setting.now_ms += 1000
    assert setting.fleet.sample() == 3
