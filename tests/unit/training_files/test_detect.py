"""Anomalies and maintenance from recorded files: what was put into a simulated hall is found, named and timed."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime

import pytest

from physics import layout
from physics.faults import Fault
from physics.history import record
from physics.plant import Plant
from training.files.__main__ import main

START = 1_767_225_600.0
HOUR = 3600.0
FAULTS = (
    Fault("blanking-missing", "rack-2", 0.4, START + 8 * HOUR, START + 11 * HOUR),
    Fault("sensor-sticks", "rack-4", 1.0, START + 14 * HOUR, START + 18 * HOUR),
    Fault("sensor-drifts", "rack-5", 1.0, START + 20 * HOUR, START + 25 * HOUR, sensor="bottom"),
    Fault("unit-fan-degrades", "crac-1", 0.2, START + HOUR, None, ramp_s=28 * HOUR),
)
COLUMNS = (
    "time", "rack", "position", "temperature", "relativeHumidity", "power", "supplyTemperature", "setpoint", "airflow",
    "fanSpeed",
)  # fmt: skip


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    """Thirty hours of eight racks and two units, every two minutes, as a long table without a layout."""
    place = layout.from_dict(
        {
            "room": "hall", "width_m": 9, "depth_m": 6, "height_m": 3, "containment": "none",
            "racks": [{"id": f"rack-{k}", "x": 2.0 + 0.6 * k, "y": 3.0, "yaw_deg": 90.0} for k in range(8)],
            "units": [
                {"id": f"crac-{k}", "x": 0.5 + 8 * k, "y": 3.0, "capacity_w": 60_000, "airflow_m3s": 4.0,
                 "setpoint_c": 19}
                for k in range(2)
            ],
        }
    )  # fmt: skip
    found = record(Plant(place, 3, start_s=START, faults=FAULTS), 30 * HOUR, 120.0)
    path = tmp_path_factory.mktemp("hall") / "hall.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for k, at in enumerate(found.time_s):
            text = datetime.fromtimestamp(at, UTC).isoformat()
            for n, rack in enumerate(place.rack_ids):
                for position, power in (("top", found["power"][k, 0, n]), ("bottom", "")):
                    temperature, humidity = found[f"{position}_temperature"], found[f"{position}_humidity"]
                    rows.writerow(
                        [text, rack, position, temperature[k, 0, n], humidity[k, 0, n], power, "", "", "", ""]
                    )
            for m, unit in enumerate(place.unit_ids):
                of_unit = [found[name][k, 0, m] for name in ("supply", "setpoint", "unit_airflow", "fan")]
                rows.writerow([text, unit, "", "", "", "", *of_unit])
    return path


@pytest.fixture(scope="module")
def report(hall, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "found.json"
    assert main(["detect", "--history", str(hall), "--out", str(out)]) == 0
    return json.loads(out.read_text())


def hours(event):
    return [(datetime.fromisoformat(event[end]).timestamp() - START) / HOUR for end in ("from", "to")]


@pytest.mark.parametrize(
    ("thing", "kind", "begin", "end"),
    [("rack-2", "inlet-hot", 8, 11), ("rack-4", "sensor-stuck", 14, 18), ("rack-5", "sensor-drift", 20, 25)],
)
def test_what_was_broken_is_found_where_and_when(report, thing, kind, begin, end):
    found = [event for event in report["events"] if event["thing"] == thing and event["type"] == kind]
    assert len(found) == 1
    first, last = hours(found[0])
    assert begin <= first <= begin + 3
    assert abs(last - end) <= 1
    assert found[0]["inputs"]


def test_racks_that_are_well_are_left_alone(report):
    well = [row for row in report["anomalies"] if row["thing"] in ("rack-0", "rack-6", "rack-7")]
    assert sum(row["score"] >= 0.5 for row in well) <= 0.01 * len(well)


def test_wear_has_a_life_an_interval_and_a_window(report):
    (finding,) = [f for f in report["maintenance"] if f["thing"] == "crac-1"]
    assert finding["part"] == "fan or filter"
    assert finding["remainingLoH"] <= finding["remainingH"] <= finding["remainingHiH"] < 48
    assert finding["windowFrom"] > "2026-01-02"


def test_csv_has_rows_and_maintenance_beside_them(hall, tmp_path):
    out = tmp_path / "found.csv"
    assert main(["detect", "--history", str(hall), "--out", str(out)]) == 0
    rows = list(csv.DictReader(out.open()))
    assert set(rows[0]) == {"time", "thing", "score", "state", "type", "inputs"}
    beside = list(csv.DictReader((tmp_path / "found-maintenance.csv").open()))
    assert [row["thing"] for row in beside].count("crac-1") == 1
    document = tmp_path / "found.json"
    assert main(["detect", "--history", str(hall), "--out", str(document)]) == 0
    assert set(json.loads(document.read_text())["maintenance"][0]) == set(beside[0])


def test_disks_are_judged_by_their_smart_attributes(tmp_path):
    import pandas as pd

    from training.files import wear

    days = pd.date_range("2026-01-01", periods=10, freq="D", tz="UTC")
    table = pd.concat(
        [
            pd.DataFrame({"time": days, "disk": "well", "smart_5": 0, "smart_197": 0}),
            pd.DataFrame({"time": days, "disk": "tired", "smart_5": range(0, 40, 4), "smart_197": 0}),
            pd.DataFrame({"time": days, "disk": "dying", "smart_5": 3, "smart_197": range(10)}),
        ]
    )
    found = {finding.thing: finding for finding in wear.disks(table, "smart.csv")}
    assert set(found) == {"tired", "dying"}
    assert found["dying"].state == "due"
    assert found["tired"].state == "planned"
    assert 0 < found["tired"].remaining_h < 24 * 10


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        (["server", "disk"], "s2/sda"),
        (["server", "disk", "serial"], "s2/sda"),
        (["disk", "serial"], "sda N2"),
        (["serial"], "N2"),
    ],
)
def test_disks_of_servers_that_call_them_alike_are_told_apart(columns, name):
    import pandas as pd

    from training.files import wear

    days = pd.date_range("2026-01-01", periods=10, freq="D", tz="UTC")
    rows = [
        {"time": day, "server": f"s{n}", "disk": "sda", "serial": f"N{n}", "smart_197": 40 * at if n == 2 else 0}
        for at, day in enumerate(days)
        for n in (1, 2, 3)
    ]
    (finding,) = wear.disks(pd.DataFrame(rows)[["time", *columns, "smart_197"]], "smart.csv")
    assert (finding.thing, finding.state, finding.evidence["grown"]) == (name, "due", 360.0)


def test_a_file_of_disks_alone_will_do(tmp_path):
    lines = ["date,serial_number,smart_5_raw,smart_9_raw,smart_197_raw"]
    for day in range(1, 11):
        lines += [f"2026-01-{day:02d},well,0,{1000 + 24 * day},0", f"2026-01-{day:02d},sick,{6 * day},{24 * day},2"]
        # Another disk came into its place: its past is not this one's.
        lines += [f"2026-01-{day:02d},changed,{90 * day if day < 8 else 0},{24 * day if day < 8 else day},0"]
    path, out = tmp_path / "smart.csv", tmp_path / "found.json"
    path.write_text("\n".join(lines) + "\n")
    assert main(["detect", "--history", str(path), "--out", str(out)]) == 0
    (finding,) = json.loads(out.read_text())["maintenance"]
    assert (finding["thing"], finding["state"]) == ("sick", "due")
    assert finding["evidence"]["grown"] == 54


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "neither CSV"),
        ("a,b\n1,2\n", "time"),
        ("time,value\n2026-01-01T00:00:00Z,3\n", "which rack"),
        ("time,rack,temperature\n2026-01-01T00:00:00Z,r1,nan\n", "temperature"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path, capsys, text, says):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert main(["detect", "--history", str(path), "--out", str(tmp_path / "x.csv")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: bad.csv")
    assert says in told
    assert not (tmp_path / "x.csv").exists()


def test_too_short_a_history_says_how_much_is_needed(tmp_path, capsys):
    path = tmp_path / "short.csv"
    lines = [f"2026-01-01T00:{m:02d}:00Z,r{r},22.{m % 10},5000" for m in range(20) for r in range(4)]
    path.write_text("time,rack,temperature,power\n" + "\n".join(lines) + "\n")
    assert main(["train", "--history", str(path), "--out", str(tmp_path / "model")]) == 1
    assert "too short" in capsys.readouterr().err
