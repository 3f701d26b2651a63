"""Disks of a server: each is a feature of its own from the device, the twin shows them together."""

from __future__ import annotations

import pytest
import structlog

from ingest import envelopes, flat, packs
from ingest.__main__ import intervals
from ingest.cleaning import Cleaner
from ingest.fleet import Fleet, Pace
from ingest.settings import IngestSettings
from racktwin import drives

DECODERS = {"flat": flat.decode, "senml": packs.decode}


def clean(kit, payload, cleaner=None):
    message = kit.inbound(payload, device=kit.SERVER)
    return (cleaner or Cleaner(kit.fleet().get)).clean(message, DECODERS[message.format](message), message.received_at)


def test_each_disk_is_a_reading(kit):
    pack = [
        {"n": "drive.sda/serial", "vs": "S1"},
        {"n": "drive.sda/reallocatedSectors", "v": 8, "u": "1"},
        {"n": "drive.nvme0n1/percentageUsed", "v": 3, "u": "%"},
        {"n": "drive.sda/pendingSectors", "v": float("nan")},
        {"n": "drive.sda/health", "vs": "maybe"},
        {"n": "drive./powerOnHours", "v": 1},
        {"n": "drive.s.d/powerOnHours", "v": 1},
    ]
    cleaned = clean(kit, pack)
    values = {reading.feature: reading.values for reading in cleaned.readings}
    assert values == {
        "drive.sda": {"serial": "S1", "reallocatedSectors": 8},
        "drive.nvme0n1": {"percentageUsed": 3.0},
    }
    assert isinstance(values["drive.sda"]["reallocatedSectors"], int)
    assert [bad.reason for bad in cleaned.bad] == ["not_a_number", "out_of_range", "unknown_feature", "unknown_feature"]


def test_flat_json_and_ditto_protocol_name_disks_too(kit):
    assert clean(kit, {"drive.sda": {"pendingSectors": 1}}).readings[0].feature == "drive.sda"
    envelope = {
        "topic": f"{kit.SERVER.replace(':', '/')}/things/twin/commands/merge",
        "path": "/features/drive.sda/properties",
        "value": {"pendingSectors": 2},
    }
    message = kit.inbound(envelope, device=kit.SERVER, content_type="application/vnd.eclipse.ditto+json")
    cleaned = Cleaner(kit.fleet().get).clean(message, envelopes.decode(message), kit.NOW)
    assert cleaned.readings[0].values == {"pendingSectors": 2}


def test_made_up_names_come_to_an_end(kit):
    cleaner = Cleaner(kit.fleet().get)
    for number in range(drives.MOST):
        assert not clean(kit, {f"drive.d{number}": {"pendingSectors": 0}}, cleaner).bad
    (bad,) = clean(kit, {"drive.another": {"pendingSectors": 0}}, cleaner).bad
    assert "at most 256" in bad.detail
    assert clean(kit, {"time": kit.NOW + 1, "drive.d7": {"pendingSectors": 1}}, cleaner).readings


def test_the_twin_has_them_in_one_feature():
    one = {"pendingSectors": 1, "quality": "good", "observedAt": 5}
    folded = drives.fold({"cpu": {"utilization": 1.0}, "drive.sda": one, "drive.sdb": {}})
    assert folded == {"cpu": {"utilization": 1.0}, "drives": {"disks": {"sda": one, "sdb": {}}}}
    twin = {name: {"properties": properties} for name, properties in folded.items()}
    assert dict(drives.unfold(twin)) == {"cpu": {"utilization": 1.0}, "drive.sda": one, "drive.sdb": {}}
    assert dict(drives.unfold({"drives": {"properties": {"disks": None}}, "fans": None})) == {"fans": {}}
    assert drives.fold({"cpu": {}}) == {"cpu": {}}


@pytest.mark.parametrize(
    ("disk", "feature"),
    [("/dev/sda", "drive.sda"), ("Disk.Bay.0:Enclosure.1", "drive.Disk-Bay-0-Enclosure-1"), (" ", None), ("_é", None)],
)
def test_any_systems_name_of_a_disk_becomes_one_of_ours(disk, feature):
    assert drives.feature(disk) == feature


def test_disks_are_slow_and_fall_silent_one_by_one(kit):
    every = intervals(IngestSettings(_env_file=None))
    pace = Pace(1000, 300_000)
    assert (every("drive.sda", pace), every("cpu", pace), every("environment.mid", pace)) == (300_000, 1000, 1000)

    class Ditto:
        def search(self, *_args, **_more):
            gone = {"observedAt": kit.NOW - 10_000_000, "quality": "good"}
            stale = {**gone, "quality": "stale"}
            disks = {"sda": gone, "sdb": {"observedAt": kit.NOW}, "sdc": stale}
            yield {"thingId": kit.SERVER, "features": {"drives": {"properties": {"disks": disks}}}}

    fleet = Fleet(Ditto(), lambda: kit.NOW, structlog.get_logger())
    fleet.refresh()
    assert [one.feature for one in fleet.silent()] == ["drive.sda"]
    assert fleet.held(kit.SERVER)["drive.sdb"] == kit.NOW
