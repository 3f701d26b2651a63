"""Columns of physics in simulated history: told by a room's own twin, to the model that starts from them."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from tests.unit.training.conftest import SIZES

from models.change.scores import against_physics
from models.definition import read_manifest
from models.statistics import InputPlan
from physics.follow import expectations
from training import artefact, expected
from training.samples import TEST, TRAIN, build, newest_of, split


@pytest.fixture(scope="module")
def graph(trained):
    folder, _ = trained
    session = ort.InferenceSession((folder / "model.onnx").read_bytes())
    return lambda inputs: session.run(["value", "lo", "hi"], {"inputs": inputs})


def rows_of(model, history, part):
    plan = InputPlan.of(model.inputs(), model.definition)
    here = split(history, model.definition, 5)[part]
    return build([(history, here)], model.definition, plan, 200, np.random.default_rng(2), informed=2.0)


def test_a_few_rooms_of_each_part_are_followed_and_within_its_time(model, histories, trained):
    (history,) = histories
    columns = list(expected.columns(model.definition))
    assert len(columns) == 6
    followed = set()
    for part in split(history, model.definition, 5):
        told = np.isfinite(history.values[:, part.things][:, :, columns]).any(axis=2)
        rooms = {history.rooms[part.things[k]] for k in np.flatnonzero(told.any(axis=0))}
        assert len(rooms) == 1
        followed |= rooms
        cells = np.flatnonzero(told.any(axis=1))
        assert part.begin <= cells[0] + 6
        assert cells[-1] < part.end
        # Once a minute.
        assert set((cells + 1) % 6) == {0}
    assert len(followed) == sum(SIZES.followed)


def test_columns_are_what_the_twin_tells_of_that_moment(model, histories, trained):
    (history,) = histories
    part = split(history, model.definition, 5)[TRAIN]
    columns = expected.columns(model.definition)
    known = np.isfinite(history.values[:, :, list(columns)]).any(axis=(0, 2))
    room = next(history.rooms[thing] for thing in part.things if known[thing])
    measured = history.measured[room]
    told = expectations(measured.layout, measured.recording.part(0, 240))
    at = 230
    for channel, (horizon, place) in columns.items():
        held = history.values[(at + 1) * 6 - 1, measured.things, channel]
        np.testing.assert_allclose(held, told[at, horizon, place], atol=0.02)


def test_what_is_held_becomes_stale(model, histories, trained):
    (history,) = histories
    definition = model.definition
    held = newest_of(history, definition)
    channel = definition.windowed
    part = split(history, definition, 5)[TRAIN]
    told = np.isfinite(history.values[: part.end, part.things, channel])
    cell, number = np.argwhere(told)[-1]
    thing = part.things[number]
    assert held[cell + 15, thing, 0] == history.values[cell, thing, channel]
    assert np.isnan(held[cell + 16 :, thing, 0]).all()


def test_where_physics_is_known_the_forecast_starts_from_it(model, histories, trained, graph):
    names = model.inputs()
    columns = [column for target in model.features.layout(model.definition).physics for column in target]
    rows = rows_of(model, histories[0], TEST)
    known = np.isfinite(rows.inputs[:, columns]).all(axis=1)
    assert known.sum() > 200
    inputs = rows.inputs[known]
    value = graph(inputs)[0]
    warmer = inputs.copy()
    warmer[:, columns] += 0.5
    moved = graph(warmer)[0] - value
    assert 0.2 < np.median(moved) < 0.8
    # Without it there is a forecast all the same, and physics of one target does not decide that of another.
    unknown = inputs.copy()
    unknown[:, columns] = np.nan
    alone = graph(unknown)
    assert np.isfinite(alone[0]).all()
    half = inputs.copy()
    half[:, [names.index(f"top{h}.less[top]") for h in (300, 900, 1800)]] = np.nan
    np.testing.assert_array_equal(graph(half)[0][:, :3], alone[0][:, :3])
    np.testing.assert_array_equal(np.isfinite(graph(half)[0]), True)


def test_card_and_metrics_say_what_physics_brings(trained):
    folder, result = trained
    physics = read_manifest(folder).metrics["physics"]
    assert set(physics) == {"model", "alone", "pure"}
    assert len({scores["count"] for scores in physics.values()}) == 1
    card = (folder / "CARD.md").read_text()
    assert f"{physics['pure']['mae']:.3f}" in card
    assert "physics alone" in card
    for who in ("model", "alone"):
        against = 1.0 - (physics[who]["rmse"] / physics["pure"]["rmse"]) ** 2
        assert physics[who]["skill_physics"] == pytest.approx(against, abs=1e-3)
        assert f"{physics[who]['skill_physics']:.3f}" in card
    assert "skill_physics" not in physics["pure"]
    assert result.metrics["parity"] < 0.01


def test_card_says_where_physics_was_not_known(model, trained):
    manifest = read_manifest(trained[0])
    del manifest.metrics["physics"]
    assert "against the room's physics alone: not known" in artefact.card(model, manifest)


def test_too_few_forecasts_with_physics_are_not_judged(model, histories, trained, graph):
    rows = rows_of(model, histories[0], TEST)
    columns = [column for target in model.features.layout(model.definition).physics for column in target]
    rows.inputs[:, columns] = np.nan
    assert against_physics(model.definition, graph, rows, columns) == {}
