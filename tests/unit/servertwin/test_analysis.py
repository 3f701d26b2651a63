"""Phases are found without being told, models recover what made the record, and reports hold together."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from servertwin.analysis import charts, page, phases, server_model
from servertwin.analysis.changes import changes, merged, noise, settled
from servertwin.cli import cli
from servertwin.config import Analysis
from servertwin.experiment.annotations import Annotation, Writer
from servertwin.failures import Failure
from servertwin.log.files import CsvRows, ParquetRows, open_spool
from servertwin.recording import Recording, read, read_run

START = 1_700_000_000.0
SETTINGS = Analysis()


def annotation(phase, stressor, level, start, end):
    return Annotation(
        phase, stressor, level, start, end - start, int(1000 * (START + start)), int(1000 * (START + end))
    )


# Two halves with every load in each, one phase of two loads together, two without rest between them.
LOADS = [
    annotation("p01", "cpu", 60, 20.3, 50.8),
    annotation("p02", "disk", 50, 70.0, 95.5),
    annotation("p03", "memory", 10, 115.2, 140.0),
    annotation("p04", "cpu", 90, 160.6, 185.0),
    annotation("p05", "cpu", 30, 205.5, 230.0),
    annotation("p05", "disk", 80, 205.5, 230.0),
    annotation("p06", "memory", 5, 250.0, 280.4),
    annotation("p07", "cpu", 80, 300.1, 320.0),
    annotation("p08", "cpu", 40, 320.0, 345.3),
]


def simulated(seconds=370, seed=1, sensors=True):
    """A server by known laws: idle 3 %, 60..200 W, 30 °C + 0.2 K/W with 20 s."""
    rng = np.random.default_rng(seed)
    time = START + np.arange(float(seconds))
    shares = server_model.loads(time, LOADS)
    cpu = 3.0 + 95.0 * shares["cpu"] + 20.0 * shares["disk"] + 2.0 * shares["memory"] + rng.normal(0, 0.8, time.size)
    cpu = np.clip(cpu, 0.0, 100.0)
    columns = {
        "cpu/utilization": cpu,
        "memory/utilization": 15.0 + 100.0 * shares["memory"] + rng.normal(0, 0.02, time.size),
        "disk/writeBytes": np.abs(1e8 * shares["disk"] + rng.normal(0, 3e5, time.size)),
        "network/loopback": np.abs(rng.normal(0, 1e4, time.size)),
    }
    if sensors:
        u = cpu / 100.0
        power = 60.0 + 140.0 * (2.0 * u - u**1.4)
        columns["power/power"] = power + rng.normal(0, 1.0, time.size)
        columns["thermal/cpuTemperature"] = (
            30.0 + 0.2 * server_model.response(time, power, 20.0) + rng.normal(0, 0.2, time.size)
        )
    return Recording(time, columns)


def test_changes_of_a_noisy_series_are_found_and_no_others():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(level, 1.0, 60) for level in (10, 30, 12, 12, 25)])
    found = changes(values, sigma=noise(values), penalty=12, shortest=3)
    assert [round(each / 60) for each in found] == [1, 2, 4]
    assert all(abs(each - 60 * round(each / 60)) <= 1 for each in found)


@given(st.lists(st.floats(-100, 100), min_size=0, max_size=40))
def test_levels_have_at_least_the_shortest_length(values):
    found = changes(np.array(values), sigma=1.0, penalty=2.0, shortest=3)
    edges = [0, *found, len(values)]
    assert found == sorted(set(found))
    assert not found or min(np.diff(edges)) >= 3


def test_small_steps_are_merged_smallest_first():
    values = np.repeat([0.0, 10.0, 10.5, 0.2], 5)
    assert merged(values, [5, 10, 15], 1.0) == [5, 15]
    assert merged(values, [5, 10, 15], 100.0) == []


def test_a_sample_of_two_levels_is_no_level():
    values = np.array([0.0] * 5 + [7.0, 10.0] + [10.0] * 5 + [3.0, 0.0] + [0.0] * 4)
    assert settled(values, [5, 6, 12, 13], 2) == [5, 12]
    assert settled(values, [5, 12], 2) == [5, 12]
    dip = np.array([5.0] * 5 + [0.0] * 2 + [5.0] * 5)
    assert settled(dip, [5, 7], 2) == [5, 7], "what goes beyond both is a level"


def test_phases_are_found_and_match_within_a_fraction_of_a_sample():
    found = phases.find(simulated(), SETTINGS)
    matches = phases.match(LOADS, found, 3.0)
    # Processors show disk loads too; nothing is found twice.
    assert [each.kind for each in found].count("memory") == 2
    assert len(found) == 10
    assert phases.by_phase(matches) == {f"p{n:02d}": True for n in range(1, 9)}
    errors = [abs(e) for m in matches for e in (m.start_error, m.end_error) if e is not None]
    assert max(errors) < 1.0
    assert phases.unexplained(LOADS, found, 3.0) == []
    document = phases.document(matches, found, [])
    assert (document["phases"], document["phasesDetected"]) == (8, 8)


def test_a_load_that_left_no_trace_is_not_found_and_other_work_is_unexplained():
    recording = simulated()
    recording.columns["network/loopback"][100:130] += 5e7
    invented = annotation("p09", "network", 50, 200, 220)
    found = phases.find(recording, SETTINGS)
    assert phases.match([invented], found, 3.0)[0].found is None
    (beside,) = phases.unexplained([*LOADS[:1], LOADS[3]], [each for each in found if each.kind == "network"], 3.0)
    assert beside.start == pytest.approx(START + 99, abs=0.2)
    assert beside.end == pytest.approx(START + 129, abs=0.2)


def test_a_load_that_other_work_splits_is_still_found():
    recording = simulated()
    recording.columns["disk/writeBytes"][82:88] += 6e7
    found = [each for each in phases.find(recording, SETTINGS) if each.kind == "disk"]
    assert len(found) > 2
    assert all(each.found for each in phases.match([LOADS[1]], found, 3.0))


def test_nothing_happens_in_a_quiet_record():
    rng = np.random.default_rng(5)
    quiet = Recording(START + np.arange(600.0), {"cpu/utilization": 5.0 + np.abs(rng.normal(0, 1.5, 600))})
    assert phases.find(quiet, SETTINGS) == []


def test_the_model_recovers_what_made_the_record():
    fitted = server_model.fit(simulated(), LOADS)
    cpu = fitted.cpu.parameters
    assert cpu["cpu"] == pytest.approx(95, abs=2)
    assert cpu["disk"] == pytest.approx(20, abs=2)
    assert fitted.cpu.errors["mae"] < 1.0
    assert abs(fitted.cpu.errors["nmbe"]) < 3
    assert fitted.cpu.errors["skill"] > 0.99
    assert fitted.power is not None
    assert fitted.power.parameters["exponent"] == pytest.approx(1.4, abs=0.2)
    assert fitted.power.errors["mae"] < 2.0
    assert fitted.temperature is not None
    assert fitted.temperature.parameters["tauS"] == pytest.approx(20, rel=0.1)
    assert fitted.temperature.parameters["gain"] == pytest.approx(0.2, rel=0.05)
    assert fitted.temperature.errors["mae"] < 0.4
    assert "nmbe" not in fitted.temperature.errors, "shares of degrees Celsius mean nothing"


def test_no_load_is_cut_in_two_and_the_judged_part_was_not_seen():
    fitted = server_model.fit(simulated(), LOADS)
    assert not any(a.started_at / 1000 < fitted.cut < a.stopped_at / 1000 for a in LOADS)
    spoilt = simulated()
    spoilt.columns["cpu/utilization"][spoilt.time > fitted.cut] = 50.0
    again = server_model.fit(spoilt, LOADS)
    assert again.cpu.parameters == fitted.cpu.parameters
    assert again.cpu.errors["mae"] > 10


def test_without_sensors_the_model_says_absent():
    recording = simulated(sensors=False)
    document = server_model.document(server_model.fit(recording, LOADS), recording)
    assert "absent" in document["power"]
    assert "absent" in document["temperature"]
    assert document["cpu"]["errors"]["mae"] < 1.0


def test_temperature_follows_utilisation_where_no_power_is_measured():
    recording = simulated()
    del recording.columns["power/power"]
    fitted = server_model.fit(recording, LOADS)
    assert fitted.power is None
    assert fitted.temperature is not None
    assert fitted.temperature.errors["mae"] < 1.5


def test_a_load_that_was_not_fitted_is_named():
    late = [each for each in LOADS if each.stressor == "cpu" or each.started_at / 1000 > START + 185]
    fitted = server_model.fit(simulated(), late)
    assert fitted.cpu.note == "no memory and no disk load in the part that was fitted"


def test_a_sample_tells_of_the_time_before_it():
    shares = server_model.loads(START + np.arange(5.0), [annotation("p", "cpu", 50, 1.25, 3.5)])
    assert shares["cpu"].tolist() == [0.0, 0.0, 0.375, 0.5, 0.25]


def folder(tmp_path, recording=None, annotations=LOADS, parquet=False):
    recording = recording or simulated()
    columns = ["time", "processes/top1", *recording.columns]
    name = "log.parquet" if parquet else "log.csv"
    rows = (
        ParquetRows(tmp_path / name, columns, 60)
        if parquet
        else CsvRows((tmp_path / name).open("w", newline=""), columns)
    )
    for place, at in enumerate(recording.time):
        values = {name: float(series[place]) for name, series in recording.columns.items()}
        rows.write({"time": round(1000 * at), "processes/top1": "db", **values})
    rows.close()
    writer = Writer(tmp_path / "annotations.csv")
    for each in annotations:
        writer.write(each)
    writer.close()
    return tmp_path


@pytest.mark.parametrize("parquet", [False, True])
def test_logs_are_read_back(tmp_path, parquet):
    run = read_run(folder(tmp_path, parquet=parquet))
    assert run.recording.interval == 1.0
    assert run.recording.columns["cpu/utilization"] == pytest.approx(simulated().columns["cpu/utilization"])
    assert len(run.annotations) == len(LOADS)
    assert "processes/top1" not in run.recording.columns


def test_what_a_killed_logger_left_is_read(tmp_path):
    rows = ParquetRows(tmp_path / "log.parquet", ["time", "cpu/utilization"], 1000)
    for number in range(10):
        rows.write({"time": 1000 * number, "cpu/utilization": 5.0})
    with open_spool(tmp_path / "log.parquet").open("a") as file:
        file.write("11000")
    assert read_run(tmp_path).recording.time.size == 10


def test_columns_that_are_seldom_sampled_are_absent_between(tmp_path):
    (tmp_path / "log.csv").write_text(
        "time,swap/used\n" + "".join(f"{1000 * n},{n if n % 5 == 0 else ''}\n" for n in range(9))
    )
    recording = read(tmp_path / "log.csv")
    assert np.isnan(recording.columns["swap/used"]).tolist() == [n % 5 != 0 for n in range(9)]
    assert recording.column("cpu/utilization") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a,b\n1,2\n", "no column time"), ("time,a\n1,2\n", "1 samples"), ("time,a\n1,x\n" * 9, "could not convert")],
)
def test_a_wrong_log_is_named(tmp_path, text, expected):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(Failure, match=expected):
        read(tmp_path / "log.csv")


def test_the_report_is_one_page_that_needs_nothing_else(tmp_path):
    told = CliRunner().invoke(cli, ["report", "--run", str(folder(tmp_path)), "--json"])
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    assert (said["phases"], said["phasesDetected"]) == (8, 8)
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"(src|href)=|<script|@import|url\(", page)
    assert "Response of temperature and power" in page
    for title in ("Processors", "Temperatures", "Power", "Temperature: model and measurement"):
        assert f'aria-label="{title}' in page
    assert "Fans" not in page, "what the machine lacks has no chart"
    assert page.count('class="yes">found') == len(LOADS)
    assert "NaN" not in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page)


def test_the_response_of_temperature_to_a_load():
    before, end, highest, after = page.response_of(
        simulated(), "thermal/cpuTemperature", LOADS[3].started_at / 1000, LOADS[3].stopped_at / 1000
    )
    assert end - before > 10
    assert highest >= end
    # The load is shorter than it takes to become steady, so its rise is done sooner than in one time constant.
    assert 8 < after < 20


def test_names_from_files_are_text_in_the_report(tmp_path):
    (tmp_path / "fingerprint.json").write_text(json.dumps({"cpu": {"model": "<img src=x>"}}))
    folder(tmp_path, annotations=[*LOADS, annotation("<b>p</b>", "cpu", 10, 350, 360)])
    assert CliRunner().invoke(cli, ["report", "--run", str(tmp_path)]).exit_code == 0
    html = (tmp_path / "report.html").read_text()
    assert "<img" not in html
    assert "<b>p</b>" not in html


def test_a_report_without_annotations_tells_what_there_is(tmp_path):
    folder(tmp_path)
    (tmp_path / "annotations.csv").unlink()
    told = CliRunner().invoke(cli, ["report", "--run", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "no annotations beside the log" in (tmp_path / "report.html").read_text()


def test_fidelity_prints_errors_and_judges(tmp_path):
    words = ["fidelity", "--run", str(folder(tmp_path))]
    told = CliRunner().invoke(cli, [*words, "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["cpu"]["errors"]["mae"] < 1.0
    people = CliRunner().invoke(cli, [*words, "--worse-than", "0.01"])
    assert people.exit_code == 3
    assert "temperature  mae" in people.output


def test_a_folder_without_a_log_is_named(tmp_path):
    told = CliRunner().invoke(cli, ["fidelity", "--run", str(tmp_path)])
    assert told.exit_code == 1
    assert "neither log.csv nor log.parquet; next: " in told.stderr


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 100, [0, 25, 50, 75, 100]), (0.0, 0.9, [0.0, 0.25, 0.5, 0.75]), (5, 5, [5])]
)
def test_ticks_are_round(low, high, expected):
    assert charts.ticks(low, high, 4) == expected


def test_a_long_series_keeps_its_peaks():
    values = np.zeros(100_000)
    values[54_321] = 7.0
    svg = charts.chart("x", "", [charts.Line("x", np.arange(100_000.0), values)], [], 1e5, low=0.0)
    assert len(svg) < 60_000
    assert svg.count("<polyline") == 1
    lowest = min(float(point.split(",")[1]) for point in re.search(r'points="([^"]*)"', svg)[1].split())
    assert lowest < 25
