"""The logger's disks: asked seldom and beside the rows, a message for each on the twin, a label each for Prometheus."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry
from tests.unit.servertwin.machines import Windows

from racktwin.smartctl import Disks
from servertwin import columns as col
from servertwin.hono.live import Live
from servertwin.log.drives import Drives
from servertwin.log.exporter import Exporter
from servertwin.log.files import open_rows
from servertwin.log.probe import Probe
from servertwin.log.sampler import Sampler
from servertwin.recording import read

ONE = {"serial": "S1", "health": "passed", "reallocatedSectors": 8, "temperature": 31.0}


def test_news_of_disks_come_with_one_row_and_their_columns_with_the_first():
    asked = []

    def look():
        asked.append(1)
        return Disks("read", "", {"drive.sda": ONE})

    drives = Drives(300.0, look, lambda found: None)
    drives.read(0.0)
    assert set(drives.more()) == {f"drive.sda/{name}" for name in ONE}
    taken = [drives.read(second) for second in (1.0, 2.0, 299.0)]
    assert [row for row in taken if row] == [{f"drive.sda/{name}": value for name, value in ONE.items()}]
    assert len(asked) == 1


def test_without_smartctl_the_rows_are_as_they_were(tmp_path):
    said = []
    seconds = itertools.count()
    sampler = Sampler(
        probe=Probe(Windows()),
        monotonic=lambda: float(next(seconds)),
        powercap=tmp_path,
        disks=(lambda: Disks("not installed", "install smartmontools"), said.append),
    )
    assert not [name for name in sampler.columns() if name.startswith("drive.")]
    assert sampler.sample(0)["disk/utilization"] == 25.0
    assert [found.state for found in said] == ["not installed"]


def test_the_first_row_has_what_the_columns_were_taken_from(tmp_path):
    seconds = itertools.count()
    sampler = Sampler(
        probe=Probe(Windows()),
        monotonic=lambda: float(next(seconds)),
        powercap=tmp_path,
        disks=(lambda: Disks("read", "", {"drive.sda": ONE}), lambda found: None),
    )
    assert "drive.sda/serial" in sampler.columns()
    assert sampler.sample(0)["drive.sda/serial"] == "S1"
    assert "drive.sda/serial" not in sampler.sample(1)


def test_texts_stand_in_the_file_as_texts(tmp_path):
    columns = [col.TIME, "cpu/utilization", "drive.sda/serial", "drive.sda/reallocatedSectors"]
    for name in ("log.csv", "log.parquet"):
        rows = open_rows(str(tmp_path / name), columns, parquet=name.endswith("parquet"))
        for second in range(6):
            news = {} if second % 3 else {"drive.sda/serial": "S1", "drive.sda/reallocatedSectors": 8}
            rows.write({col.TIME: 1000 * second, "cpu/utilization": 5.0, **news})
        rows.close()
        recording = read(tmp_path / name)
        assert set(recording.columns) == {"cpu/utilization", "drive.sda/reallocatedSectors"}
        assert recording.columns["drive.sda/reallocatedSectors"][3] == 8
    assert col.unit_of("drive.sda/reallocatedSectors") == "1"
    assert "reallocated" in col.title_of("drive.sda/reallocatedSectors")


def test_each_disk_is_a_message_of_its_own():
    published = []
    live = Live.__new__(Live)
    live._seq, live.sent, live.lost = 10, 0, 0
    live._client = SimpleNamespace(
        publish=lambda topic, payload, qos: published.append(payload) or SimpleNamespace(rc=0)
    )
    row = {"cpu/utilization": 5.0, "cpu/core0": 5.0}
    for disk in ("sda", "nvme0"):
        row |= {f"drive.{disk}/{name}": value for name, value in ONE.items()}
    live.offer(1000, row)
    packs = [json.loads(payload) for payload in published]
    assert [{record["n"].partition("/")[0] for record in pack} for pack in packs] == [
        {"cpu", "seq"},
        {"drive.sda", "seq"},
        {"drive.nvme0", "seq"},
    ]
    assert [pack[-1]["v"] for pack in packs] == [11, 12, 13]
    assert live.sent == 3


def test_prometheus_has_a_label_for_the_disk():
    exporter = Exporter("127.0.0.1", 0)
    try:
        exporter.show({f"drive.sda/{name}": value for name, value in ONE.items()}, 0, 1.0)
        registry = CollectorRegistry()
        registry.register(exporter)
        text = generate_latest(registry).decode()
    finally:
        exporter.close()
    assert 'racktwin_server_drive_reallocated_sectors{disk="sda"} 8.0' in text
    assert "S1" not in text


@pytest.mark.parametrize("column", ["drive.sda/serial", "drive.nvme0/health", "processes/top1"])
def test_names_are_texts(column):
    assert col.is_text(column)
