"""First models: several from the same simulated plants, each as if it had been trained alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training import command, first, registry
from training.history import HistoryError
from training.job import Trained
from training.simulated import Simulation, history_of, run, simulate

SMALL = Simulation(1, 2.0, 10)


def test_models_take_their_channels_of_the_same_plants():
    recorded = run(4, 0, SMALL, 10, servers=True)
    for name in ("inlet-temperature", "rack-power", "server-temperature"):
        definition = registry.load(name).definition
        alone, shared = simulate(definition, 4, SMALL)[0], history_of(recorded, definition)
        np.testing.assert_array_equal(alone.values, shared.values)
        assert shared.values.shape == (720, 10, len(definition.channels))


def test_processors_are_warmer_than_their_inlets():
    definition = registry.load("server-temperature").definition
    cpu, inlet = np.moveaxis(history_of(run(4, 0, SMALL, 10, servers=True), definition).values[..., :2], -1, 0)
    assert np.nanmin(cpu) > np.nanmax(inlet)


def test_plants_without_servers_say_so():
    with pytest.raises(HistoryError, match="without their servers"):
        history_of(run(4, 0, Simulation(1, 0.1, 5), 10, servers=False), registry.load("server-temperature").definition)


def test_each_model_is_told_in_a_line(monkeypatch, capsys, tmp_path):
    asked = {}

    def train_all(names, folder: Path, *, seed, created_ms, note, done):
        asked.update(names=names, folder=folder, seed=seed)
        note("simulating")
        done(Trained("anomaly", "0" * 12, str(folder), 1, "simulated", {}))

    monkeypatch.setattr(first, "train_all", train_all)
    assert command.main(["first", "--models", "anomaly,rack-power", "--models-dir", str(tmp_path)]) == 0
    assert asked == {"names": ["anomaly", "rack-power"], "folder": tmp_path, "seed": 0}
    assert json.loads(capsys.readouterr().out)["model"] == "anomaly"


def test_an_unknown_model_is_one_line(capsys, tmp_path):
    assert command.main(["first", "--models", "weather", "--models-dir", str(tmp_path)]) == 1
    assert "weather" in capsys.readouterr().err
