"""The parts share neither racks, rooms nor time; windows and truths are cut where they should be."""

from __future__ import annotations

import numpy as np
import pytest

from models.statistics import InputPlan
from training.history import History, HistoryError
from training.samples import TEST, TRAIN, build, split, wear


def history(cells: int, things: int, rooms: int, short) -> History:
    """Values say where they are: thing * 1000000 + cell, the same in all channels."""
    values = np.arange(cells)[:, None, None] + np.arange(things)[None, :, None] * 1e6 + np.zeros((1, 1, 3))
    return History(
        0, short.resolution_s, [f"t{i}" for i in range(things)], [f"room{i % rooms}" for i in range(things)],
        short.channel_names, values.astype(np.float32), {"kind": "simulated"},
    )  # fmt: skip


def test_parts_share_no_thing_and_no_reading(short):
    parts = split(history(2000, 20, 2, short), short, seed=1)
    things = [set(p.things) for p in parts]
    assert set.union(*things) == set(range(20))
    assert sum(len(t) for t in things) == 20
    gap = short.cells + short.horizon_s // short.resolution_s
    assert parts[1].begin - parts[0].end >= gap
    assert parts[2].begin - parts[1].end >= gap
    assert parts[2].end <= 2000


def test_parts_share_no_room_where_there_are_enough(short):
    h = history(2000, 40, 8, short)
    rooms = [{h.rooms[i] for i in p.things} for p in split(h, short, seed=1)]
    assert rooms[0] & rooms[1] == rooms[0] & rooms[2] == rooms[1] & rooms[2] == set()
    assert all(rooms)


def test_too_few_things_and_too_little_time_are_refused(short):
    with pytest.raises(HistoryError, match="2 things"):
        split(history(2000, 2, 1, short), short, 0)
    with pytest.raises(HistoryError, match="too short"):
        split(history(40, 10, 1, short), short, 0)


def test_truth_lies_one_horizon_after_the_newest_reading(short):
    h = history(3000, 6, 1, short)
    part = split(h, short, 0)[TRAIN]
    plan = InputPlan(["top.last", "power.mean[0:60]"], short.channel_names, short.cells, short.resolution_s)
    rows = build([(h, part)], short, plan, 200, np.random.default_rng(0), worn=False)
    assert rows.usable.all()
    np.testing.assert_array_equal(rows.inputs[:, 0], rows.persistence[:, 0])
    cells = rows.persistence % 1_000_000
    assert ((cells >= part.begin + short.cells - 1) & (cells < part.end - 6)).all()
    np.testing.assert_array_equal(rows.truth - rows.persistence, short.horizon_s // short.resolution_s)
    assert (rows.filled_s == short.window_s).all()


def test_rows_that_serving_would_refuse_are_not_usable(short):
    h = history(3000, 6, 1, short)
    h.values[:, :, 0] = np.nan
    h.values[::20, :, 1] = np.nan
    part = split(h, short, 0)[TEST]
    plan = InputPlan(["bottom.last"], short.channel_names, short.cells, short.resolution_s)
    rows = build([(h, part)], short, plan, 300, np.random.default_rng(0), worn=False)
    assert not rows.usable[:, 0].any()
    assert 0.8 < rows.usable[:, 1].mean() < 1.0


def test_history_without_any_truth_is_refused(short):
    h = history(3000, 6, 1, short)
    h.values[:] = np.nan
    plan = InputPlan(["bottom.last"], short.channel_names, short.cells, short.resolution_s)
    with pytest.raises(HistoryError, match="no window"):
        build([(h, split(h, short, 0)[TEST])], short, plan, 50, np.random.default_rng(0))


def test_wear_shortens_delays_thins_and_drops_but_only_removes(model):
    definition = model.definition
    windows = np.ones((3000, 3, definition.cells), dtype=np.float32)
    wear(windows, definition, np.random.default_rng(0))
    held = np.isfinite(windows)
    assert (windows[held] == 1).all()
    assert 0.03 < np.mean(~held.any(axis=2)) < 0.15  # channels missing
    some = held.any(axis=2)
    assert 0.3 < np.mean(held[:, :, -1][some]) < 0.7  # newest cell there
    oldest = definition.cells - np.argmax(held, axis=2)
    assert np.mean(oldest[some] <= 6) > 0.08  # windows of a minute and less are no rarity
    assert np.mean(oldest[some] > definition.cells - 10) > 0.4
