"""Promise: halls are read in the shapes and spellings that people bring, and what is missing is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.physics_files import other_hall
from tests.unit.physics_files.conftest import layout_of

from physics_files import grid, layout_file, quantities, readings, tables
from physics_files.problems import FileProblem

LAYOUT = {
    "room": "h",
    "racks": [{"name": "R-01", "xM": 1, "yM": 2}, {"name": "R-02", "x_m": 2, "y_m": 2, "height_mm": 2200}],
    "coolingUnits": [{"name": "C1", "xM": 0, "yM": 0, "capacityKW": 60, "airflowCFM": 8475.52}],
}
TIMES = pd.date_range("2026-01-01", periods=120, freq="60s", tz="UTC")


def layout_at(folder: Path, document: object = LAYOUT) -> Path:
    path = folder / "layout.json"
    path.write_text(json.dumps(document))
    return path


def one_rack(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"time": TIMES, "rack": "R-01", "position": "top", "temperature": 22.5, **columns})


def collect(folder: Path, table: pd.DataFrame, **options: object) -> readings.Readings:
    place = layout_file.load(layout_at(folder))
    return readings.collect(table, place, "h.csv", **options)  # type: ignore[arg-type]


def test_sizes_are_read_in_the_unit_that_their_name_says(tmp_path: Path) -> None:
    found = layout_file.load(layout_at(tmp_path))
    unit = found.units[0]
    assert unit.capacity_w == 60_000
    assert unit.airflow_m3s == pytest.approx(4.0)
    assert found.racks[1].height_m == pytest.approx(2.2)
    assert (found.racks[1].x, found.racks[1].y) == (2, 2)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"coolingUnits": []}, "no cooling unit"),
        ({"racks": []}, "no rack"),
        ({"racks": [{"name": "R-01", "xM": 1}]}, "R-01: y is missing"),
        ({"racks": [{"xM": 1, "yM": 1}]}, "without name"),
        ({"racks": [{"name": "R-01", "xM": "left", "yM": 1}]}, "expected a number"),
        ({"coolingUnits": [{"name": "C1", "xM": 0, "yM": 0, "capacityKW": 60}]}, "C1: airflow_m3s is missing"),
    ],
)
def test_what_a_layout_lacks_is_named(tmp_path: Path, change: dict[str, object], names: str) -> None:
    with pytest.raises(FileProblem, match=names):
        layout_file.load(layout_at(tmp_path, {**LAYOUT, **change}))


@pytest.mark.parametrize("text", ["[]", "{", '"racks"'])
def test_a_layout_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "layout.json"
    path.write_text(text)
    with pytest.raises(FileProblem, match=r"layout\.json"):
        layout_file.load(path)


def test_the_three_shapes_say_the_same(hall: other_hall.Hall) -> None:
    place = layout_of(hall)
    long = hall.long
    tidy = long.melt(id_vars=["time", "rack", "position"], var_name="quantity", value_name="value").dropna(
        subset=["value"]
    )
    racks = long[long["position"].notna()]
    wide = racks.pivot_table(index="time", columns=["rack", "position"], values="temperature")
    wide.columns = [f"{rack}/{place_}/temperature" for rack, place_ in wide.columns]
    power = racks.groupby(["time", "rack"])["power"].first().unstack()
    power.columns = [f"{rack} power_kW" for rack in power.columns]
    units = long[long["rack"] == "CRAC-A"].set_index("time")[["supplyTemperature", "returnTemperature"]]
    units.columns = ["CRAC-A supply", "crac_a return air"]
    table = pd.concat([wide, power / 1000.0, units], axis=1, sort=True).reset_index(names="time")
    one, two, three = (readings.collect(t, place, "x.csv") for t in (long, tidy, table))
    assert set(one.series) == set(two.series) == set(three.series)
    for key, (times, values) in one.series.items():
        for other in (two, three):
            np.testing.assert_array_equal(other.series[key][0], times)
            np.testing.assert_allclose(other.series[key][1], values, rtol=1e-9)


@pytest.mark.parametrize("name", ["h.csv", "h.parquet", "h.csv.gz"])
def test_files_are_read_whatever_their_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = pd.DataFrame({"ts": TIMES, "cabinet": "R-01", "height": "front top", "inlet": 22.5})
    if name.endswith("parquet"):
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    found = tables.read(path, {"rack": "cabinet", "position": "height", "temperature": "inlet", "time": "ts"})
    assert ("R-01", "temperature", "top") in collect(tmp_path, found).series


def test_semicolons_and_unix_times(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    rows = "\n".join(f"{1767225600 + 60 * k};R-01;22.{k}" for k in range(9))
    path.write_text(f"epoch;rack;temp\n{rows}\n")
    series = collect(tmp_path, tables.read(path, {})).series["R-01", "temperature", "middle"]
    assert series[0][0] == 1_767_225_600_000
    assert list(series[1][:3]) == [22.0, 22.1, 22.2]


@pytest.mark.parametrize(("scale", "unit"), [(1.0, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns")])
def test_epoch_times_are_told_apart_by_their_size(scale: float, unit: str) -> None:
    column = pd.Series([1_767_225_600 * scale, 1_767_225_660 * scale])
    assert list(tables.epoch_ms(column, unit)) == [1_767_225_600_000, 1_767_225_660_000]


def test_times_without_a_zone_are_of_the_one_named() -> None:
    column = pd.Series(["2026-07-01 12:00", "2026-07-01 12:01"])
    assert tables.epoch_ms(column, "x", "Europe/Berlin")[0] == pd.Timestamp("2026-07-01T10:00Z").value // 1_000_000


def test_a_row_without_time_is_named() -> None:
    with pytest.raises(FileProblem, match="row 2"):
        tables.epoch_ms(pd.Series(["2026-07-01 12:00", "soon"]), "x.csv")


def test_fahrenheit_is_converted_where_it_is_said_and_refused_where_not(tmp_path: Path) -> None:
    warm = one_rack().assign(temperature=72.5)
    with pytest.raises(FileProblem, match="not degC") as refused:
        collect(tmp_path, warm)
    assert "degF" in refused.value.next_step
    for found in (
        collect(tmp_path, warm, units={"temperature": "degF"}),
        collect(tmp_path, warm.rename(columns={"temperature": "temp_f"})),
    ):
        assert found.series["R-01", "temperature", "top"][1][0] == pytest.approx(22.5)


def test_a_unit_of_another_quantity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="unit 'kW' of temperature"):
        collect(tmp_path, one_rack(), units={"temperature": "kW"})


def test_what_a_history_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"no temperature of any rack.*'X9'"):
        collect(tmp_path, one_rack().assign(rack="X9"))
    with pytest.raises(FileProblem, match="no column time"):
        collect(tmp_path, one_rack().rename(columns={"time": "when"}).assign(when="a"))
    with pytest.raises(FileProblem, match="no column ts"):
        tables.read(_csv(tmp_path, one_rack()), {"time": "ts"})


def _csv(folder: Path, table: pd.DataFrame) -> Path:
    path = folder / "x.csv"
    table.to_csv(path, index=False)
    return path


def test_doubled_disordered_and_impossible_readings(tmp_path: Path) -> None:
    table = one_rack()
    table.loc[5, "temperature"] = 400.0
    doubled = pd.concat([table, table.iloc[[7]].assign(temperature=23.5)]).sample(frac=1.0, random_state=1)
    # Of readings at one time the last row of the file stands.
    found = collect(
        tmp_path, pd.concat([doubled[doubled["temperature"] != 23.5], doubled[doubled["temperature"] == 23.5]])
    )
    times, values = found.series["R-01", "temperature", "top"]
    assert times.size == 119
    assert (np.diff(times) > 0).all()
    assert 23.5 in values
    assert any("outside" in note for note in found.notes)


def test_gaps_stay_gaps_and_odd_sampling_is_put_on_a_grid(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    at = TIMES[0] + pd.to_timedelta(np.cumsum(rng.uniform(40, 75, 200)), unit="s")
    table = pd.DataFrame({"time": at, "rack": "R-01", "position": "top", "temperature": np.arange(200.0) / 10 + 15})
    place = layout_file.load(layout_at(tmp_path))
    found = readings.collect(table.drop(index=range(80, 110)), place, "x")
    made = grid.make(found, place)
    assert made.step_s == 60
    assert np.isnan(made.temperature[:, 0]).sum() >= 20
    assert np.nanmax(np.diff(made.temperature[:70, 0])) < 0.5
    for cell in (10, 50, 150):
        known = table[table["time"] <= pd.Timestamp(made.time_ms[cell], unit="ms", tz="UTC")]
        if np.isfinite(made.temperature[cell, 0]):
            assert made.temperature[cell, 0] == known["temperature"].iloc[-1]


def test_slow_sampling_gets_a_slow_grid(tmp_path: Path) -> None:
    table = one_rack().assign(time=pd.date_range("2026-01-01", periods=120, freq="7min", tz="UTC"))
    assert grid.make(collect(tmp_path, table), layout_file.load(layout_at(tmp_path))).step_s == 600


def test_units_convert() -> None:
    factor, offset = quantities.unit_of("airflow", "cfm")
    assert 2118.88 * factor + offset == pytest.approx(1.0)
    factor, offset = quantities.unit_of("temperature", "K")
    assert 293.15 * factor + offset == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("heights", "places"),
    [
        ((0.3, 1.8), ["bottom", "top"]),
        ((5, 21, 40), ["bottom", "middle", "top"]),
        ((1.0,), ["middle"]),
        ((0.2, 0.7, 1.2, 1.9), ["bottom", "middle-1", "middle-2", "top"]),
    ],
)
def test_positions_may_be_heights(tmp_path: Path, heights: tuple[float, ...], places: list[str]) -> None:
    table = pd.concat([one_rack().assign(position=height) for height in heights])
    units = pd.DataFrame({"time": TIMES, "rack": "C1", "supplyTemperature": 18.0})
    found = collect(tmp_path, pd.concat([table, units]))
    assert sorted(place for _, name, place in found.series if name == "temperature") == sorted(places)
    assert ("C1", "supplyTemperature", "") in found.series
    made = grid.make(found, layout_file.load(layout_at(tmp_path)))
    assert sorted(float(place) for _, place in made.target_names()) == sorted(heights)


def test_racks_may_be_numbers(tmp_path: Path) -> None:
    plan = {**LAYOUT, "racks": [{"name": 1, "xM": 1, "yM": 2}, {"name": 2, "xM": 2, "yM": 2}]}
    place = layout_file.load(layout_at(tmp_path, plan))
    table = pd.concat([one_rack().assign(rack=number) for number in (1.0, 2.0, np.nan)])
    assert {rack for rack, *_ in readings.collect(table, place, "x").series} == {"1", "2"}


def test_forecasts_name_positions_as_the_file_does(tmp_path: Path) -> None:
    found = collect(tmp_path, one_rack().assign(position="Front-Top"))
    made = grid.make(found, layout_file.load(layout_at(tmp_path)))
    assert made.target_names() == [("R-01", "Front-Top")]
