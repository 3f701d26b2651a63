"""Promise: calibrate, forecast and power-fit turn files into files, or one line that names what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tests.unit.physics_files import other_hall

from racktwin_cli.main import cli


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hall")
    hall = other_hall.make(hours=8.0, racks=6, seed=4)
    found = {"layout": folder / "layout.json", "history": folder / "telemetry.parquet"}
    found["layout"].write_text(json.dumps(hall.layout))
    hall.long.rename(columns={"time": "ts", "temperature": "inlet_C"}).to_parquet(found["history"])
    return found


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, [str(part) for part in arguments])


def given(files: dict[str, Path]) -> list[object]:
    return [
        "--layout",
        files["layout"],
        "--history",
        files["history"],
        "--map",
        "time=ts",
        "--map",
        "temperature=inlet_C",
    ]


@pytest.mark.parametrize("name", ["forecasts.parquet", "forecasts.csv"])
def test_forecasts_are_written_with_bounds(files: dict[str, Path], tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    result = run("forecast", *given(files), "--horizons", "1m,15m,60m", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [score["horizonS"] for score in told["horizons"]] == [60.0, 900.0, 3600.0]
    table = pd.read_parquet(out) if name.endswith("parquet") else pd.read_csv(out)
    assert set(table.columns) >= {"issued_at", "valid_at", "rack", "position", "horizon_s", "value", "lo", "hi"}
    assert ((table["lo"] <= table["value"]) & (table["value"] <= table["hi"])).all()
    ahead = (pd.to_datetime(table["valid_at"]) - pd.to_datetime(table["issued_at"])).dt.total_seconds()
    assert (ahead == table["horizon_s"]).all()
    assert set(table["rack"]) == {f"K{n:02d}" for n in range(6)}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_parameters_are_written_with_the_range_of_their_data(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "parameters.json"
    table = pd.read_parquet(files["history"])
    short = tmp_path / "short.parquet"
    table[table["ts"] < other_hall.START + pd.Timedelta("9h")].to_parquet(short)
    result = run("calibrate", *given({**files, "history": short}), "--out", out, "--held-out", "0.1")
    assert result.exit_code == 0, result.output
    document = json.loads(out.read_text())
    assert document["racks"] == [f"K{n:02d}" for n in range(6)]
    assert document["to"] > document["from"]
    assert document["version"]
    assert {score["horizonS"] for score in document["heldOut"]} == {60, 900}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"power": None}, "no rack has power"),
        ({"inlet_C": None}, "no temperature of any rack"),
    ],
)
def test_what_calibration_lacks_is_named(
    files: dict[str, Path], tmp_path: Path, change: dict[str, None], says: str
) -> None:
    path = tmp_path / "short.parquet"
    table = pd.read_parquet(files["history"])
    for column in change:
        table[column] = np.nan
    table.to_parquet(path)
    result = run("calibrate", *given({**files, "history": path}), "--out", tmp_path / "p.json")
    assert result.exit_code == 1
    assert says in result.stderr
    assert "next:" in result.stderr
    assert not (tmp_path / "p.json").exists()


def test_too_short_a_record_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    table = pd.read_parquet(files["history"])
    path = tmp_path / "short.parquet"
    table[table["ts"] < other_hall.START + pd.Timedelta("5h")].to_parquet(path)
    result = run("calibrate", *given({**files, "history": path}), "--out", tmp_path / "p.json")
    assert result.exit_code == 1
    assert "3.0 h are needed" in result.stderr


def test_a_column_that_is_not_there_is_named(files: dict[str, Path]) -> None:
    result = run("forecast", "--layout", files["layout"], "--history", files["history"], "--map", "time=when")
    assert result.exit_code == 1
    assert "no column when" in result.stderr
    assert "inlet_C" in result.stderr
    assert run("forecast", *given(files), "--map", "time").exit_code == 2
    assert run("forecast", *given(files), "--out", "forecasts.xlsx").exit_code == 2


def test_power_models_are_fitted(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    u = rng.uniform(0, 1, 300)
    table = pd.DataFrame({"host": "n1", "cpu": 100 * u, "watts": 100 + 150 * (2 * u - u**1.4)})
    path, out = tmp_path / "power.csv", tmp_path / "models.json"
    table.to_csv(path, index=False)
    result = run("power-fit", "--history", path, "--map", "power=watts", "--out", out)
    assert result.exit_code == 0, result.output
    model = json.loads(out.read_text())["models"][0]
    assert model["thing"] == "n1"
    assert model["idle_w"] == pytest.approx(100, abs=3)
    assert model["busy_w"] == pytest.approx(250, abs=3)
