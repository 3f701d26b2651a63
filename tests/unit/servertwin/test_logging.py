"""The logger keeps its times, its files can be read, and it tells what it costs."""

from __future__ import annotations

import csv
import json
import threading
import urllib.request

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from servertwin.cli import cli
from servertwin.log.exporter import Exporter
from servertwin.log.files import CsvRows, ParquetRows, open_spool
from servertwin.log.run import run
from servertwin.log.sampler import Sampler
from servertwin.log.ticker import Ticker


class Clock:
    """A clock that moves by waiting, and by what work takes."""

    def __init__(self):
        self.now = 100.0

    def wait(self, seconds):
        self.now += seconds
        return False


def test_delays_do_not_add_up():
    clock = Clock()
    ticker = Ticker(1.0, clock.wait, lambda: clock.now)
    starts = []
    for _ in range(50):
        ticker.next()
        starts.append(clock.now)
        clock.now += 0.3
    assert starts == pytest.approx([100.0 + n for n in range(50)])
    assert ticker.missed == 0


def test_what_is_late_is_taken_at_once_and_the_next_when_it_always_was_due():
    clock = Clock()
    ticker = Ticker(1.0, clock.wait, lambda: clock.now)
    assert ticker.next() == (0, 0.0)
    clock.now += 3.25
    number, late = ticker.next()
    assert (number, late) == (1, pytest.approx(2.25))
    assert ticker.missed == 2
    number, late = ticker.next()
    assert (number, clock.now) == (4, pytest.approx(104.0))
    assert ticker.lateness_ms()["max"] == pytest.approx(2250.0)


@pytest.mark.parametrize("late_at", [0, 7, 8, 9])
def test_moments_after_the_last_sample_are_neither_taken_nor_missed(late_at):
    clock = Clock()
    ticker = Ticker(1.0, clock.wait, lambda: clock.now, count=10)
    taken = []
    ticker.begin()
    while (due := ticker.next()) is not None:
        taken.append(due[0])
        clock.now += 3.5 if due[0] == late_at else 0.0
    assert len(taken) + ticker.missed == 10
    assert taken[-1] <= 9
    assert clock.now < 114.0


def test_a_stop_ends_the_wait():
    stop = threading.Event()
    ticker = Ticker(3600.0, stop.wait)
    ticker.next()
    threading.Timer(0.05, stop.set).start()
    assert ticker.next() is None


def test_csv_leaves_empty_what_is_absent(tmp_path):
    rows = CsvRows((tmp_path / "log.csv").open("w", newline=""), ["time", "cpu/utilization", "swap/used"])
    rows.write({"time": 1, "cpu/utilization": 5.5, "gone/later": 3})
    assert (tmp_path / "log.csv").read_text().splitlines() == ["time,cpu/utilization,swap/used", "1,5.5,"]
    rows.close()


def test_parquet_has_row_groups_units_and_nulls(tmp_path):
    path = tmp_path / "log.parquet"
    rows = ParquetRows(path, ["time", "cpu/utilization", "processes/top1"], 2)
    for number in range(5):
        rows.write({"time": number, "cpu/utilization": float(number)} | ({"processes/top1": "db"} if number else {}))
    assert open_spool(path).exists(), "a killed logger leaves its rows"
    rows.close()
    assert not open_spool(path).exists()
    file = pq.ParquetFile(path)
    assert file.metadata.num_row_groups == 3
    table = file.read()
    assert table.column("processes/top1").to_pylist() == [None, "db", "db", "db", "db"]
    assert table.schema.field("cpu/utilization").metadata == {b"unit": b"%"}


def test_an_empty_parquet_file_can_be_read(tmp_path):
    ParquetRows(tmp_path / "log.parquet", ["time"], 2).close()
    assert pq.read_table(tmp_path / "log.parquet").num_rows == 0


def test_a_run_takes_its_samples_and_tells_what_it_cost(tmp_path):
    class Sent:
        def __init__(self):
            self.packs = []

        def offer(self, time_ms, row):
            self.packs.append(row)

    sampler = Sampler(0.05, top=0)
    rows = CsvRows((tmp_path / "log.csv").open("w", newline=""), ["time", "logger/late", *sampler.columns()])
    sent = Sent()
    outcome = run(sampler, rows, interval_s=0.05, duration_s=0.5, stop=threading.Event(), sender=sent, send_every_s=0.2)
    rows.close()
    assert outcome.samples + outcome.missed == 10
    assert outcome.cpu_seconds > 0
    assert set(outcome.document()["jitterMs"]) == {"p50", "p99", "max"}
    with (tmp_path / "log.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == outcome.samples
    assert float(lines[-1]["cpu/utilization"]) >= 0
    assert 2 <= len(sent.packs) <= 3
    assert "disk/used" in sent.packs[0], "slow groups go with the next pack"


def test_the_exporter_shows_the_newest_row(tmp_path):
    exporter = Exporter("127.0.0.1", 0)
    try:
        exporter.show(
            {
                "time": 1, "cpu/utilization": 12.5, "cpu/core0": 25.0, "cpu/core1": 0.0, "processes/top1": "db",
                "processes/top1Cpu": 50.0, "thermal/coretemp.Core_0": 44.0, "disk/readBytes": 1.0,
            }, 2, 1.0,
        )  # fmt: skip
        url = f"http://127.0.0.1:{exporter.port}"
        text = urllib.request.urlopen(f"{url}/metrics", timeout=60).read().decode()
        assert "racktwin_server_cpu_utilization 12.5" in text
        assert 'racktwin_server_cpu_core{core="0"} 25.0' in text
        assert 'racktwin_server_processes_top_cpu{name="db",place="1"} 50.0' in text
        assert 'racktwin_server_thermal_sensor{sensor="coretemp.Core_0"} 44.0' in text
        assert "racktwin_server_disk_read_bytes 1.0" in text
        assert "racktwin_server_samples_missed_total 2.0" in text
        assert "battery" not in text
        assert json.load(urllib.request.urlopen(f"{url}/readyz", timeout=60))["status"] == "ok"
    finally:
        exporter.close()


def test_the_command_logs_and_says_so(tmp_path):
    told = CliRunner().invoke(
        cli, ["logger", "--interval", "100ms", "--duration", "300ms", "--out", str(tmp_path / "l.csv"), "--json"]
    )
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    # On a busy machine a sample's time may have passed, and then it says so.
    assert said["samples"] + said["missed"] == 3
    assert said["samples"] >= 1
    assert len((tmp_path / "l.csv").read_text().splitlines()) == 1 + said["samples"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["logger", "--out", "{missing}/x/y.csv"], "error: "),
        (["logger", "--interval", "soon"], "expected for instance 500ms"),
        (["logger", "--config", "{config}"], "log.intervall"),
        (["logger", "--live", "nowhere-at-all"], "neither a folder nor a file"),
    ],
)
def test_errors_are_one_line_and_name_the_next_step(tmp_path, words, expected):
    (tmp_path / "config.yaml").write_text("log: {intervall: 2}\n")
    (tmp_path / "file").write_text("")
    given = [word.format(missing=tmp_path / "file", config=tmp_path / "config.yaml") for word in words]
    given += [] if "--out" in given else ["--out", str(tmp_path / "log.csv")]
    told = CliRunner().invoke(cli, given)
    assert told.exit_code in (1, 2)
    assert expected in told.stderr
    if told.exit_code == 1:
        assert "; next: " in told.stderr
