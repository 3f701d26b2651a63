"""From history to an artefact: whole, small, exact, deterministic, and honest in its card."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import onnxruntime as ort
import pytest
from tests.unit.training.conftest import CREATED, SIZES

from models.definition import read_manifest
from models.statistics import InputPlan
from runner import predictor
from training import artefact
from training.history import HistoryError
from training.job import NotGoodEnough, Sizes, good_enough, train
from training.samples import TEST, build, split
from training.simulated import Simulation, simulate


def test_artefact_is_whole_and_small_enough_to_travel(trained):
    folder, result = trained
    assert sorted(path.name for path in folder.iterdir()) == ["CARD.md", "model.json", "model.onnx"]
    assert result.bytes == sum(path.stat().st_size for path in folder.iterdir()) < 700_000
    manifest = read_manifest(folder)
    assert manifest.graph.sha256 == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert manifest.version == manifest.graph.sha256[:12] == result.version
    assert manifest.created == CREATED


def test_runner_accepts_what_training_wrote(trained):
    folder, _ = trained
    loaded = predictor.load(folder)
    definition = loaded.manifest.definition
    windows = np.full((5, definition.windowed, definition.cells), 22.0, dtype=np.float32)
    value, lo, hi = loaded.predict(loaded.plan.compute(windows))
    assert value.shape == (5, 6)
    assert ((lo < value) & (value < hi)).all()


def test_graph_equals_native_model_on_held_out_racks(trained):
    _, result = trained
    assert result.metrics["parity"] < 0.01


def test_metrics_hold_error_skill_and_coverage_by_target_and_past(trained):
    _, result = trained
    assert set(result.metrics["byTarget"]) == {"top", "bottom"}
    overall = result.metrics["overall"]
    assert overall["count"] > 500
    # One room followed of each part: intervals where physics is known are those of one room.
    assert 0.6 <= overall["coverage"] <= 1.0
    # Tiny training: no more is asked than that it is no worse than saying "it stays".
    assert overall["skill"] > 0.0


def test_card_states_data_scores_skill_and_limits(trained):
    folder, result = trained
    card = (folder / "CARD.md").read_text()
    assert result.version in card
    assert "1 plants, 60 racks" in card
    assert f"{result.metrics['overall']['skill']:.3f}" in card
    assert "Trained on a simulation" in card
    assert "$" not in card


def test_equal_seed_and_history_give_the_same_model(model, histories, trained, tmp_path):
    again = train(model, histories, tmp_path, seed=5, created_ms=CREATED + 1, note=lambda _: None, sizes=SIZES)
    assert again.version == trained[1].version
    assert again.metrics == trained[1].metrics


def test_too_short_history_says_what_is_needed(model, tmp_path):
    with pytest.raises(HistoryError, match=r"at least \d"):
        train(
            model,
            simulate(model.definition, 0, Simulation(1, 4.0, 6)),
            tmp_path,
            seed=0,
            created_ms=0,
            note=print,
        )
    assert list(tmp_path.iterdir()) == []


def test_graph_that_differs_from_the_model_is_not_published(model, histories, trained):
    folder, _ = trained

    class Other:
        def predict(self, inputs):
            value = np.full((len(inputs), 6), 99.0, dtype=np.float32)
            return value, value, value

        def to_onnx(self):
            raise AssertionError

    definition = model.definition
    plan = InputPlan.of(model.inputs(), definition)
    part = split(histories[0], definition, 0)[TEST]
    rows = build([(histories[0], part)], definition, plan, 50, np.random.default_rng(0))
    with pytest.raises(artefact.ArtefactError, match="differ"):
        artefact.parity((folder / "model.onnx").read_bytes(), Other(), rows)


@pytest.mark.parametrize(
    ("skill", "coverage", "says"),
    [(0.1, 0.9, ""), (0.1, 0.86, ""), (-0.1, 0.9, "no better"), (float("nan"), 0.9, "no better"), (0.3, 0.8, "80%")],
)
def test_what_is_worth_serving(skill, coverage, says):
    reason = good_enough({"overall": {"skill": skill, "coverage": coverage}}, 0.9)
    assert says in reason
    assert bool(reason) == bool(says)


def test_gate_refuses_and_writes_nothing(model, histories, tmp_path, monkeypatch):
    monkeypatch.setattr("training.job.good_enough", lambda *_: "bad")
    with pytest.raises(NotGoodEnough, match="bad"):
        train(
            model,
            histories,
            tmp_path,
            seed=5,
            created_ms=0,
            note=print,
            sizes=Sizes(600, 1000, 200, (0, 0, 0)),
            gated=True,
        )
    assert list(tmp_path.iterdir()) == []


def test_too_large_artefact_is_not_written(trained, tmp_path):
    manifest = read_manifest(trained[0])
    with pytest.raises(artefact.ArtefactError, match="at most"):
        artefact.write(tmp_path / "new", b"x" * 700_000, manifest, "")
    assert not (tmp_path / "new").exists()


def test_graph_bears_missing_and_absurd_inputs(trained):
    folder, _ = trained
    manifest = read_manifest(folder)
    session = ort.InferenceSession((folder / "model.onnx").read_bytes())
    inputs = np.full((4, len(manifest.inputs)), np.nan, dtype=np.float32)
    columns = {name: index for index, name in enumerate(manifest.inputs)}
    inputs[:, [i for name, i in columns.items() if name.endswith("filled")]] = 0
    inputs[:3, columns["top.last"]] = 25.0
    inputs[1, :] = 1e9
    inputs[1, columns["top.last"]] = 25.0
    inputs[2, columns["top.filled"]] = 3600
    value, lo, hi = session.run(["value", "lo", "hi"], {"inputs": inputs})
    # Top's own past is enough for top; without any, there is no number rather than a made-up one.
    assert np.isfinite(value[:3, 0]).all()
    assert np.isnan(value[3, 0])
    assert np.isnan(value[0, 3])
    # However absurd the rest, the change stays within what training saw.
    assert (np.abs(value[:3, 0] - 25.0) < 15).all()
    assert (lo[:3, 0] < hi[:3, 0]).all()


def test_manifest_is_json_that_others_can_read(trained):
    manifest = json.loads((trained[0] / "model.json").read_text())
    assert manifest["definition"]["horizonS"] == 900
    assert manifest["graph"]["opset"] == 17
    assert len(manifest["inputs"]) == len(set(manifest["inputs"]))
    assert manifest["training"]["history"] == "simulated"
