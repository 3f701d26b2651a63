"""The fleet: racks join and leave, each sample is numbered and kept before it is sent."""

from __future__ import annotations

from pathlib import Path

import structlog

from gateway.fleet import Fleet, next_tick
from gateway.inventory import InventoryError
from gateway.packs import Pack
from gateway.spool import Spool
from racktwin.simulation import RackSpec


class Inventory:
    def __init__(self) -> None:
        self.found: list[RackSpec] | None = []

    def racks(self) -> list[RackSpec]:
        if self.found is None:
            raise InventoryError("the API is away")
        return self.found


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
        self.fleet = Fleet(
            self.inventory,
            self.uplink,
            self.spool,
            seed=1,
            clock=lambda: self.now_ms,
            log=structlog.stdlib.get_logger(),
        )

    def tick(self, *ids: str) -> int:
        self.inventory.found = [RackSpec(i) for i in ids]
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
    setting.inventory.found = None
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
