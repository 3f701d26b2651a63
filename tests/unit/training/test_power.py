"""Models of power: a rack's and a server's, trained small, each beside the bar on its own test rows."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from tests.unit.training.conftest import CREATED

from models import power_law
from models.definition import read_manifest
from physics_files.problems import FileProblem
from runner import predictor
from training import registry, unseen
from training.files import __main__ as files
from training.files import learn, servers
from training.history import HistoryError
from training.job import Sizes, train
from training.simulated import Simulation, history_of, run

SIZES = Sizes(train=3000, calibration=1000, test=800, followed=(0, 0, 0))


@pytest.fixture(scope="module")
def recorded():
    return run(3, 0, Simulation(1, 9.5, 40), 10, servers=True)


@pytest.fixture(scope="module", params=["rack-power", "server-power"])
def trained(request, recorded, tmp_path_factory):
    model = registry.load(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    history = history_of(recorded, model.definition)
    return folder, train(model, [history], folder, seed=1, created_ms=CREATED, note=lambda _: None, sizes=SIZES)


def test_card_and_metrics_tell_the_bar(trained):
    folder, result = trained
    metrics = read_manifest(folder).metrics
    bar, card = metrics["bar"], (folder / "CARD.md").read_text()
    assert set(bar["ways"]) == set(power_law.WAYS)
    assert bar["skill"] == max(way["skill"] for way in bar["ways"].values())
    # Both stand beside persistence on the same rows, so one follows from the other.
    lead = 1.0 - (1.0 - metrics["overall"]["skill"]) / (1.0 - bar["skill"])
    assert bar["count"] == metrics["overall"]["count"]
    assert bar["lead"] == pytest.approx(lead, abs=2e-3)
    for scores in (*bar["ways"].values(), bar["returns"]):
        assert f"{scores['rmse']:.2f} | {scores['skill']:.3f} | {scores['lead']:.3f}" in card
    assert ("the model beats the bar" in card) == (bar["lead"] > 0)
    assert "$" not in card
    assert result.metrics["parity"] < 0.01
    json.dumps(bar)


def test_card_speaks_of_what_it_is_of(trained):
    folder, result = trained
    card, kind = (folder / "CARD.md").read_text(), result.model.partition("-")[0]
    assert f"1 plants, 40 {kind}s" in card
    assert f"neither {kind}s nor time (60 % of {kind}s" in card


def test_runner_serves_it_with_or_without_a_load(trained):
    loaded = predictor.load(trained[0])
    definition = loaded.manifest.definition
    windows = np.full((2, definition.windowed, definition.cells), 300.0, dtype=np.float32)
    windows[:, 1:] = 40.0
    windows[1, 1:] = np.nan
    value, lo, hi = loaded.predict(loaded.plan.compute(windows))
    assert value.shape == (2, 2)
    assert ((lo < value) & (value < hi)).all()
    assert (np.abs(value - 300.0) < 150.0).all()


def test_power_of_a_server_is_not_a_share_of_its_rack(recorded):
    definition = registry.load("server-power").definition
    power, load = np.moveaxis(history_of(recorded, definition).values, 2, 0)
    racks = recorded.readings["power"].reshape(power.shape)
    alike = [np.corrcoef(power[:, k], racks[:, k])[0, 1] for k in range(0, 40, 5)]
    own = [np.corrcoef(power[:, k], load[:, k])[0, 1] for k in range(0, 40, 5)]
    assert np.nanmean(alike) < 0.8 < np.nanmean(own)


def test_servers_of_unseen_plants_are_recorded_like_racks(monkeypatch):
    monkeypatch.setattr(unseen, "_HOURS", 0.2)
    rack, server = (registry.load(name).definition for name in ("rack-power", "server-power"))
    racks, servers = unseen.plant_history(rack, 5), unseen.plant_history(server, 5)
    assert racks.things == servers.things
    assert racks.values.shape[:2] == servers.values.shape[:2] == (72, 60)
    assert servers.channels == ["power", "load"]
    assert np.nanmean(servers.values[..., 0]) < 0.2 * np.nanmean(racks.values[..., 0])


def file_of(folder, step_s=10, **columns):
    """What a recorder of servers writes, one row per time and server."""
    path = folder / "servers.csv"
    cells, count = next(iter(columns.values())).shape
    rows = [
        ",".join([f"{1_767_225_600 + k * step_s},host-{s}", *(f"{each[k, s]:.1f}" for each in columns.values())])
        for k in range(cells)
        for s in range(count)
    ]
    path.write_text("\n".join([",".join(["time", "server", *columns]), *rows]) + "\n")
    return path


def test_files_of_servers_are_put_on_the_models_cells(recorded, tmp_path):
    definition = registry.load("server-power").definition
    power, load = np.moveaxis(history_of(recorded, definition).values[:400, :3], 2, 0)
    path = file_of(tmp_path, utilization=load, power=power)
    found = servers.read(path, definition, mapping={}, units={}, timezone="UTC")
    assert (found.sampling_s, list(found.rows)) == (10.0, ["host-0", "host-1", "host-2"])
    made = learn.history(found, learn.adapted(registry.load("server-power"), found.sampling_s).definition, "f.csv")
    assert made.cell_s == 10
    assert made.rooms == ["hall"] * 3
    np.testing.assert_allclose(made.values[:, :, 0], power[1:], atol=0.06)
    np.testing.assert_allclose(made.values[:, :, 1], load[1:], atol=0.06)
    with pytest.raises(FileProblem, match="no column cpuTemperature"):
        servers.read(path, registry.load("server-temperature").definition, mapping={}, units={}, timezone="UTC")
    with pytest.raises(HistoryError, match=r"no environment\.top/temperature"):
        servers.read(path, registry.load("inlet-temperature").definition, mapping={}, units={}, timezone="UTC")


def test_a_server_model_is_trained_on_a_file(recorded, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(learn, "Sizes", lambda **_: SIZES)
    definition = registry.load("server-power").definition
    power, load = np.moveaxis(history_of(recorded, definition).values[5::6, :8], 2, 0)
    path = file_of(tmp_path, step_s=60, utilization=load, power=power)
    options = ["train", "--model", "server-power", "--history", str(path), "--out", str(tmp_path / "model"), "--json"]
    assert files.main(options) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "server-power"
    made = read_manifest(tmp_path / "model")
    assert made.definition.resolution_s == 60
    assert "8 servers" in (tmp_path / "model" / "CARD.md").read_text()
    assert set(made.metrics["bar"]["ways"]) == set(power_law.WAYS)


def test_a_model_of_temperature_is_trained_and_judged_on_a_file(recorded, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(learn, "Sizes", lambda **_: SIZES)
    definition = registry.load("server-temperature").definition
    cpu, inlet, load = np.moveaxis(history_of(recorded, definition).values[5::6, :8], 2, 0)
    # Names and units as recorders have them.
    path = file_of(tmp_path, step_s=60, cpu_temp_f=cpu * 1.8 + 32.0, inlet=inlet, cpu_utilization=load / 100.0)
    how = ["--model", "server-temperature", "--history", str(path)]
    assert files.main(["train", *how, "--out", str(tmp_path / "model"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "server-temperature"
    out = tmp_path / "said.csv"
    assert files.main(["evaluate", *how, "--artefact", str(tmp_path / "model"), "--out", str(out)]) == 0
    rows = list(csv.DictReader(out.open()))
    assert set(rows[0]) == {"time", "thing", "target", "horizonS", "value", "lo", "hi", "truth"}
    assert {row["thing"] for row in rows} == {f"host-{n}" for n in range(8)}
    assert rows[0]["time"].startswith("2026-01-01T") and rows[0]["time"].endswith("Z")
    known = [row for row in rows if row["truth"]]
    errors = [abs(float(row["value"]) - float(row["truth"])) for row in known]
    assert np.mean(errors) < 6.0


def test_a_model_without_rivals_has_none(recorded):
    model = registry.load("server-temperature")
    windows = np.zeros((4, 3, model.definition.cells), dtype=np.float32)
    assert model.rivals(windows).shape == (4, 2, 0)
