"""What smartctl prints becomes a disk's properties; what it cannot print becomes a state with a reason."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin import smart
from racktwin.catalogue import feature_of
from racktwin.smartctl import Disks, Watch, read

FOLDER = Path(__file__).parent / "smart"


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return document


def told(name: str) -> tuple[str, smart.Values]:
    found = smart.values_of(recorded(name))
    assert found is not None
    return found


def test_a_magnetic_disk() -> None:
    feature, values = told("hdd")
    assert feature == "drive.sda"
    assert values == {
        "serial": "EX8-000117",
        "model": "EXAMPLE HDD8000",
        "mediaType": "HDD",
        "health": "passed",
        "capacity": 8001563222016,
        "temperature": 38.0,
        "powerOnHours": 31877,
        "reallocatedSectors": 24,
        "reportedUncorrectable": 3,
        # Packed as three words.
        "commandTimeouts": 1,
        "pendingSectors": 8,
        "offlineUncorrectable": 8,
    }


def test_a_disk_of_flash_tells_its_wear_by_a_normalised_value() -> None:
    feature, values = told("ssd")
    assert (feature, values["mediaType"], values["percentageUsed"]) == ("drive.sdb", "SSD", 14.0)
    assert values["powerOnHours"] == 20412


def test_an_nvme_disk() -> None:
    feature, values = told("nvme")
    assert feature == "drive.nvme0"
    assert (values["health"], values["criticalWarning"]) == ("failed", 4)
    assert (values["availableSpare"], values["availableSpareThreshold"]) == (97, 10)
    assert (values["percentageUsed"], values["mediaErrors"], values["powerOnHours"]) == (31, 2, 9321)


def test_a_sas_disk() -> None:
    _, values = told("sas")
    assert (values["model"], values["reallocatedSectors"], values["mediaErrors"]) == ("EXAMPLE SAS 2.4T", 12, 3)


@pytest.mark.parametrize("name", ["hdd", "ssd", "nvme", "sas"])
def test_every_value_is_one_that_the_catalogue_takes(name: str) -> None:
    feature, values = told(name)
    known = feature_of("server", feature)
    assert known is not None
    for key, value in values.items():
        prop = known.by_name[key]
        if isinstance(value, str):
            assert prop.type == "string"
            assert not prop.enum or value in prop.enum
        else:
            assert prop.low is not None
            assert prop.high is not None
            assert prop.low <= value <= prop.high
            assert prop.type == "number" or isinstance(value, int)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_an_attribute_whose_number_is_none_is_left_out():
    document = recorded("hdd")
    before = smart.values_of(document)
    document["ata_smart_attributes"]["table"] += [{"id": []}, {"id": {}}, {"id": None}, {}]
    assert smart.values_of(document) == before


@given(st.sampled_from(["hdd", "ssd", "nvme", "sas"]), st.data())
def test_any_part_may_be_nonsense(name: str, data: st.DataObject) -> None:
    document = recorded(name)
    place: Any = document
    for _ in range(4):
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    found = smart.values_of(document)
    for value in found[1].values() if found else ():
        assert isinstance(value, str) or abs(value) < 1e19


@pytest.mark.parametrize(
    ("name", "raw", "count"),
    [
        ("commandTimeouts", 0x0003_0002_0001, 1.0),
        ("reallocatedSectors", 0x0001_0000_0008, 8.0),
        ("reallocatedSectors", 70_000.0, 70_000.0),
        ("pendingSectors", (1 << 48) - 1, None),
        ("powerOnHours", 140737488387205, 31877.0),
        ("powerOnHours", 2e6, None),
        ("percentageUsed", 300.0, None),
        ("mediaErrors", float("nan"), None),
        ("mediaErrors", -1.0, None),
    ],
)
def test_packed_raw_values(name: str, raw: float, count: float | None) -> None:
    assert smart.plausible(name, raw) == count


class Machine:
    """Answers as smartctl would."""

    def __init__(self, scan: Any, **disks: Any) -> None:
        self.scan, self.disks = scan, disks
        self.asked: list[list[str]] = []

    def __call__(self, command: Any) -> bytes:
        self.asked.append(list(command))
        answer = self.scan if "--scan-open" in command else self.disks[command[-1].removeprefix("/dev/")]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def scan(*names: str) -> dict[str, Any]:
    return {"devices": [{"name": f"/dev/{name}", "type": "sat"} for name in names]}


def test_disks_that_can_be_read_are_and_the_others_have_a_reason(tmp_path: Path) -> None:
    machine = Machine(scan("sda", "sdb", "sdd"), sda=recorded("hdd"), sdb=b"{", sdd=recorded("asleep"))
    found = read("sudo -n smartctl", ask=machine, sys=tmp_path)
    assert (found.state, sorted(found.disks)) == ("read", ["drive.sda"])
    assert "STANDBY" in found.why
    assert "sdb: no JSON" in found.why
    assert machine.asked[1][:3] == ["sudo", "-n", "smartctl"]
    assert "--nocheck=standby" in machine.asked[1]


@pytest.mark.parametrize(
    ("machine", "state", "why"),
    [
        (Machine(FileNotFoundError(2, "no such file")), "not installed", "install smartmontools"),
        (Machine(PermissionError(13, "Permission denied")), "not permitted", "Permission denied"),
        (Machine(scan("sda"), sda=recorded("denied")), "not permitted", "Permission denied"),
        (Machine({"devices": []}), "no disks", "finds no disk"),
        (Machine(b"smartctl 6.6: unknown option"), "failed", "7.0 or newer"),
        (Machine(OSError(5, "Input/output error")), "failed", "Input/output"),
    ],
)
def test_a_state_says_why_there_are_none(machine: Machine, state: str, why: str, tmp_path: Path) -> None:
    found = read(ask=machine, sys=tmp_path)
    assert (found.state, found.disks) == (state, {})
    assert why in found.why


def test_disks_behind_a_controller_are_told_apart_by_their_type(tmp_path: Path) -> None:
    whole = {"devices": [{"name": "/dev/bus/0", "type": f"megaraid,{n}"} for n in range(3)]}
    told = [json.dumps(whole | recorded("hdd") | {"serial_number": f"S{n}"}).encode() for n in range(2)]
    told.append(json.dumps(recorded("denied")).encode())
    answers = iter([json.dumps(whole).encode(), *told])
    found = read(ask=lambda _command: next(answers), sys=tmp_path)
    assert {name: disk["serial"] for name, disk in found.disks.items()} == {
        "drive.bus-0-megaraid-0": "S0",
        "drive.bus-0-megaraid-1": "S1",
    }
    assert "/dev/bus/0 (megaraid,2): " in found.why


@pytest.mark.parametrize(
    ("complaint", "state"),
    [
        ("sudo: a password is required", "not permitted"),
        ("sudo: smartctl: command not found", "not installed"),
        ("no memory", "failed"),
    ],
)
def test_a_command_that_only_complains_says_why(complaint: str, state: str, tmp_path: Path) -> None:
    stand_in = tmp_path / "stand-in"
    stand_in.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 1\n")
    stand_in.chmod(0o755)
    found = read(f"{stand_in} -n smartctl", sys=tmp_path)
    assert found.state == state
    assert complaint in found.why


def test_linux_itself_tells_a_little_of_nvme(tmp_path: Path) -> None:
    (tmp_path / "nvme0" / "hwmon3").mkdir(parents=True)
    (tmp_path / "nvme0" / "serial").write_text("N1  \n")
    (tmp_path / "nvme0" / "hwmon3" / "temp1_input").write_text("41850\n")
    (tmp_path / "nvme1").mkdir()
    found = read(ask=Machine(FileNotFoundError()), sys=tmp_path)
    assert found.disks == {"drive.nvme0": {"mediaType": "SSD", "serial": "N1", "temperature": 41.85}}


def test_the_watch_never_waits_and_says_each_state_once() -> None:
    gate, said = threading.Event(), []
    answers = iter([Disks("not installed", "x"), Disks("not installed", "x"), Disks("read", "", {"drive.sda": {}})])

    def look() -> Disks:
        gate.wait(30)
        return next(answers)

    watch = Watch(10.0, look, said.append)
    assert watch.take(0.0) == {}
    gate.set()
    watch.wait(30)
    assert watch.take(5.0) == {}
    taken = []
    for now in (10.0, 20.0, 21.0, 22.0):
        taken.append(watch.take(now))
        watch.wait(30)
    # Once, and never again.
    assert sorted(taken, key=len) == [{}, {}, {}, {"drive.sda": {}}]
    assert [one.state for one in said] == ["not installed", "read"]
    # What nobody foresaw ends no sampling.
    watch.take(30.0)
    watch.wait(30)
    assert watch.last is not None
    assert watch.last.state == "failed"
