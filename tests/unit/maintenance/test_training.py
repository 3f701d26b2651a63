"""The maintenance model is trained on lives, says the same natively and as a graph, and is judged beside the trend."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from models.definition import ModelError, read_definition, read_manifest
from models.maintenance import evaluate
from models.maintenance.evaluate import Judged
from models.maintenance.serve import load
from models.registry import Registry
from training import lives, maintaining, promotion, worn_rooms
from training.files import wear
from training.gate import Gate, judge_maintainer

SHORT = dataclasses.replace(lives.RICH, days=120, servers=4, units=3)


def test_lives_are_the_same_for_the_same_seed_and_mostly_well():
    one, other = lives.cooling(5, SHORT), lives.cooling(5, SHORT)
    np.testing.assert_array_equal(one.hours["power"], other.hours["power"])
    states = np.concatenate([life.truth["air"].state.ravel() for life in (lives.cooling(k) for k in range(4))])
    assert np.mean(states == lives.WELL) > 0.7


def test_a_part_that_wears_loses_its_quarter_when_its_life_is_over():
    wearing = dataclasses.replace(lives.RICH, wears=1.0, breaks=0.0, life_d=(30.0, 60.0), servers=8)
    one = lives.servers(2, wearing)
    truth = one.truth["fan"]
    unit, day = next(
        (unit, day) for unit in range(8) for day in range(1, one.length) if truth.left_h[unit, day] == 0
        and truth.left_h[unit, day - 1] > 0
    )  # fmt: skip
    ratio = one.days["turns"][unit] / one.days["asked"][unit]
    began = day - int(np.argmax(~(truth.episode[unit, :day][::-1] > 0)))
    if 3 < began < day - 5:
        lost = 1.0 - np.nanmean(ratio[day - 2 : day + 1]) / np.nanmean(ratio[max(0, began - 3) : began + 1])
        assert lost == pytest.approx(0.25, abs=0.12)
    assert truth.state[unit, day] == lives.TELL


def test_what_is_trained_is_whole_and_its_card_says_how_good_it_is(trained):
    folder, made = trained
    manifest = read_manifest(folder)
    assert manifest.definition.task == "maintain"
    assert made.metrics["parity"] < 0.01
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert "false alarms in 1,000 unit-years" in card
    assert "$" not in card
    assert set(made.metrics["parts"]) == {"air", "refrigeration", "fan"}
    assert {"model", "trend", "serves"} == set(made.metrics["parts"]["air"])


def test_the_graph_says_what_the_native_model_says_of_odd_inputs_too(model, trained):
    folder, _ = trained
    served = load(folder)
    rng = np.random.default_rng(4)
    inputs = rng.normal(0.0, 30.0, (64, len(model.inputs()))).astype(np.float32)
    inputs[rng.random(inputs.shape) < 0.4] = np.nan
    score, life = served.predict(inputs)
    assert np.isfinite(score).all()
    assert np.isfinite(life).all()
    assert (life[:, 1::3] <= life[:, 0::3] + 1e-3).all()
    assert (life[:, 2::3] >= life[:, 0::3] - 1e-3).all()
    empty, _ = served.predict(np.full((2, len(model.inputs())), np.nan, dtype=np.float32))
    assert (empty == 0).all()


@pytest.mark.parametrize("file", ["model.onnx", "CARD.md", "model.json"])
def test_a_damaged_artefact_is_refused_with_its_name(trained, tmp_path, file):
    folder, _ = trained
    for each in ("model.onnx", "CARD.md", "model.json"):
        (tmp_path / each).write_bytes((folder / each).read_bytes())
    place = tmp_path / file
    if file == "model.onnx":
        place.write_bytes(place.read_bytes()[:-8] + b"\0" * 8)
    else:
        place.unlink()
    with pytest.raises(ModelError, match=file.split(".")[0]):
        load(tmp_path)


def test_a_model_of_another_task_is_refused(trained, tmp_path):
    folder, _ = trained
    for each in ("model.onnx", "CARD.md", "model.json"):
        (tmp_path / each).write_bytes((folder / each).read_bytes())
    text = (tmp_path / "model.json").read_text(encoding="utf-8").replace('"task": "maintain"', '"task": "detect"')
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="expected one to maintain"):
        load(tmp_path)


def test_a_trained_model_is_published_and_gated(trained, tmp_path):
    folder, made = trained
    registry = Registry(str(tmp_path / "registry"))
    done = promotion.promote(registry, folder, None, now_ms=1, by="training", scratch=tmp_path)
    assert done.version == made.version
    pointer = registry.pointer("maintenance")
    assert (pointer is not None) == done.verdict.passed
    assert done.verdict.reason


def test_the_gate_wants_a_place_earned_and_intervals_that_hold():
    usual = {"parts": 2, "episodes": 400, "coverage": 0.9, "nominal": 0.9, "f1": 0.8, "f1_of_serving": None}
    assert judge_maintainer(Gate(), **usual).passed
    for change, says in (
        ({"parts": 0}, "plain trend"),
        ({"coverage": 0.7}, "badly calibrated"),
        ({"coverage": None}, "badly calibrated"),
        ({"f1_of_serving": 0.9}, "what serves"),
        ({"f1_of_serving": 0.8}, "what serves"),
    ):
        verdict = judge_maintainer(Gate(), **(usual | change))
        assert not verdict.passed
        assert says in verdict.reason


def test_the_gate_asks_for_a_share_less_error_than_what_serves_has():
    usual = {"parts": 2, "episodes": 400, "coverage": 0.9, "nominal": 0.9, "f1": 0.85, "f1_of_serving": 0.8}
    assert judge_maintainer(Gate(margin=0.2), **usual).passed
    assert "what serves" in judge_maintainer(Gate(margin=0.3), **usual).reason


def test_scores_count_episodes_and_alarms():
    days = np.arange(0.0, 70.0, 7.0)
    state = np.zeros((2, 10), dtype=np.int8)
    state[0, 4:8] = lives.TELL
    left = np.full((2, 10), np.nan, dtype=np.float32)
    left[0, 4:8] = [28 * 24, 21 * 24, 14 * 24, 7 * 24]
    episode = (state > 0).astype(np.int16)
    found = np.zeros((2, 10), dtype=bool)
    found[0, 5:8] = True
    # Two weeks apart: the same alarm; later: another.
    found[1, [0, 2, 8]] = True
    life = np.full((2, 10, 3), np.nan, dtype=np.float32)
    life[found] = [14 * 24, 10 * 24, 22 * 24]
    made = evaluate.score([Judged(days, state, left, episode, np.zeros_like(found), found, life)])
    assert (made["episodes"], made["precision"], made["recall"]) == (1, pytest.approx(1 / 3, abs=1e-3), 1.0)
    assert made["daysAheadMedian"] == 21.0
    assert made["lifeCoverage"] == pytest.approx(2 / 3, abs=1e-3)


def test_limits_must_be_there():
    definition = read_definition("maintenance")
    assert definition.limits == {"loss": 0.25, "dueH": 168, "plannedH": 2160}


def test_units_of_whole_rooms_are_judged_day_by_day(model, trained):
    folder, _ = trained
    served = load(folder)
    quick = dataclasses.replace(SHORT, wears=1.0, life_d=(10.0, 20.0), days=30)
    found = maintaining.compared_in_rooms(model.definition, served, [lives.cooling(6, quick)])
    assert set(found) == {"air", "refrigeration"}
    assert {"model", "trend"} == set(found["air"])


def test_of_a_room_one_unit_wears_at_a_part():
    truth = worn_rooms._truth(1, 14)
    assert truth.state[0].tolist() == [lives.WELL] * 14
    assert truth.state[1].tolist() == [lives.WELL] * 2 + [lives.TELL] * 12
    assert truth.left_h[1, 2] == 9 * 24
    assert truth.left_h[1, -1] == 0


def test_a_files_units_are_judged_by_the_model_where_it_serves(trained):
    folder, _ = trained
    served = load(folder)
    served.serves = frozenset({"air"})
    hours = 40 * 24
    sound = 1.0 - 0.2 * np.arange(hours)[:, None] / hours * np.array([1.0, 0.0])
    grid = SimpleNamespace(
        airflow=4.0 * sound,
        supply=np.full((hours, 2), 20.0),
        back=20.0 + 10.0 / sound,
        fan=np.full((hours, 2), 70.0),
        unit_power=np.full((hours, 2), 9000.0),
        power=np.full((hours, 1), 5000.0),
        time_ms=1_790_000_000_000 // 86_400_000 * 86_400_000 + 3_600_000 * np.arange(hours),
        step_s=3600,
        cells=hours,
        layout=SimpleNamespace(unit_ids=["worn", "well"]),
    )
    found = wear.find(grid, served)
    assert {one.thing for one in found} == {"worn"}
    assert [one.evidence.get("modelVersion") for one in found if one.part == "fan or filter"] == [served.version]
    # Without fans' speeds nothing is known to the model, and the trend goes on.
    grid.fan = np.full((hours, 2), np.nan)
    (left,) = [one for one in wear.find(grid, served) if one.part == "fan or filter"]
    assert "modelVersion" not in left.evidence
