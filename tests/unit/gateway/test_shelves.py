"""Simulated servers tell of their disks: one at a time, small enough for Hono, in names that the catalogue has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from gateway.inventory import found_of
from gateway.shelves import Shelves
from physics.faults import Fault
from racktwin.outbox import Pack

NOW = 1_795_000_000_000
SERVER = "racktwin.berlin:server-storage-1"
EXAMPLE = Path(__file__).parents[3] / "operators/examples/berlin/20-racks-hall-a.yaml"


def names(packs: list[Pack]) -> set[str]:
    return {record["n"].split("/")[0] for pack in packs for record in json.loads(pack.payload)}


def test_each_disk_in_a_message_of_its_own_again_and_again() -> None:
    shelves = Shelves(1, 300.0)
    shelves.adopt([SERVER], NOW)
    seconds = {at: packs for at in range(700) if (packs := shelves.packs(at, NOW + 1000 * at))}
    assert sorted(seconds) == [at + n for at in (0, 300, 600) for n in range(4)]
    for packs in seconds.values():
        (pack,) = packs
        assert pack.device == SERVER
        assert len(pack.payload) < 2048
        # It does not speak at each of the fleet's numbers.
        assert "seq" not in names(packs)
    assert set.union(*map(names, seconds.values())) == {"drive.sda", "drive.sdb", "drive.sdc", "drive.nvme0"}
    shelves.adopt([], NOW)
    assert shelves.packs(1, NOW + 10**9) == []


def test_a_suspended_machine_does_not_make_up_for_what_it_missed() -> None:
    shelves = Shelves(1, 300.0)
    shelves.adopt([SERVER], NOW)
    later = NOW + 86_400_000
    assert sum(len(shelves.packs(n, later + 1000 * n)) for n in range(100)) == 4


def test_a_disk_that_fails_is_silent_and_the_others_go_on() -> None:
    shelves = Shelves(1, 300.0)
    shelves.adopt([SERVER], NOW)
    shelves.set_faults([Fault("disk-fails", "storage-1/sda", start_s=NOW / 1000)], NOW / 1000)
    packs = [pack for n in range(10) for pack in shelves.packs(n, NOW + 1000 * n)]
    assert names(packs) == {"drive.sdb", "drive.sdc", "drive.nvme0"}


def test_which_servers_have_simulated_disks() -> None:
    racks = [one for one in yaml.safe_load_all(EXAMPLE.read_text()) if one]
    devices = ["racktwin.berlin:server-this-machine", SERVER]
    site: dict[str, Any] = {"metadata": {"name": "berlin"}, "spec": {"gateways": [{"name": "main"}]}}

    def found(devices: list[str]) -> frozenset[str]:
        for rack in racks:
            rack["status"] = {"conditions": [{"type": "DeviceRegistered", "status": "True"}], "devices": devices}
        return found_of(site, racks, [], "main").shelves

    # The example's storage server, and not the machine that speaks for itself.
    assert found(devices) == {SERVER}
    assert SERVER in found_of(site, racks, [], "main").devices
    # An adapter hangs up on a gateway for a device that it does not know.
    assert found(devices[:1]) == frozenset()
