"""Models of power: a rack's and a server's, trained small, each beside the bar on its own test rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.unit.training.conftest import CREATED

from models import power_law
from models.definition import read_manifest
from runner import predictor
from training import registry, unseen
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


def test_a_model_without_rivals_has_none(recorded):
    model = registry.load("server-temperature")
    windows = np.zeros((4, 3, model.definition.cells), dtype=np.float32)
    assert model.rivals(windows).shape == (4, 2, 0)
