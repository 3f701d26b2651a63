"""Windows depend on the set of readings alone: not on order, duplicates or how they were batched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.windows import FUTURE_TOLERANCE_MS, WindowStore

CELLS, CELL_MS, CHANNELS = 6, 10_000, 2
NOW = 1_800_000_000_123

reading = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, CHANNELS - 1),
    # Around the window on both sides, and often the same instant.
    st.integers(-80_000, 80_000).map(lambda d: NOW + d // 2_500 * 2_500),
    st.one_of(st.integers(-5, 5).map(float), st.just(float("nan"))),
)


def put(store: WindowStore, readings: list[tuple[str, int, int, float]], now: int = NOW) -> int:
    if not readings:
        return 0
    return store.add(
        np.array([store.slot(r[0]) for r in readings]),
        np.array([r[1] for r in readings]),
        np.array([r[2] for r in readings]),
        np.array([r[3] for r in readings], dtype=np.float32),
        now,
    )


def look(store: WindowStore, now: int = NOW) -> dict[str, tuple[list[list[float]], list[int], list[float]]]:
    slots = np.array([store.slot(t) for t in "abc"])
    s = store.snapshot(slots, now)
    return {t: (s.values[i].tolist(), s.newest_ms[i].tolist(), s.newest[i].tolist()) for i, t in enumerate("abc")}


def naive(readings: list[tuple[str, int, int, float]]) -> dict[str, tuple[list[list[float]], list[int], list[float]]]:
    """The definition, literally: in each cell the latest reading, NaN before the larger value before the smaller."""
    newest_cell = NOW // CELL_MS
    result = {}
    for thing in "abc":
        values = [[float("nan")] * CELLS for _ in range(CHANNELS)]
        newest_ms, newest = [-1] * CHANNELS, [float("nan")] * CHANNELS
        for channel in range(CHANNELS):
            best: dict[int, tuple[int, bool, float]] = {}
            for t, c, at, value in readings:
                cell = at // CELL_MS
                if t == thing and c == channel and newest_cell - CELLS < cell <= newest_cell:
                    key = (at, value != value, 0.0 if value != value else value)
                    best[cell] = max(best.get(cell, key), key)
            for cell, (at, bad, value) in best.items():
                values[channel][cell - newest_cell + CELLS - 1] = float("nan") if bad else value
                if at > newest_ms[channel]:
                    newest_ms[channel], newest[channel] = at, float("nan") if bad else value
        result[thing] = (values, newest_ms, newest)
    return result


@settings(max_examples=150, deadline=None)
@given(st.lists(reading, max_size=40), st.randoms(use_true_random=False), st.integers(1, 5))
def test_window_is_that_of_the_set_of_readings(readings, random, batches):
    store = WindowStore(CHANNELS, CELLS, CELL_MS, capacity=1)
    again = readings + [r for r in readings if random.random() < 0.4]
    random.shuffle(again)
    for start in range(batches):
        put(store, again[start::batches])
    assert repr(look(store)) == repr(naive(readings))


def test_readings_before_the_window_and_far_ahead_are_left_out():
    store = WindowStore(1, CELLS, CELL_MS)
    left_out = put(
        store,
        [
            ("a", 0, NOW - CELLS * CELL_MS - CELL_MS, 1.0),
            ("a", 0, NOW + FUTURE_TOLERANCE_MS + 1, 2.0),
            ("a", 0, NOW, 3.0),
        ],
    )
    assert left_out == 2
    assert store.snapshot(np.array([store.slot("a")]), NOW).newest[0, 0] == 3.0


def test_reading_ahead_of_our_clock_waits_and_harms_no_older_cell():
    store = WindowStore(1, CELLS, CELL_MS)
    oldest = NOW - (CELLS - 1) * CELL_MS
    put(store, [("a", 0, oldest, 1.0), ("a", 0, NOW + FUTURE_TOLERANCE_MS - 1, 9.0)])
    slot = np.array([store.slot("a")])
    assert store.snapshot(slot, NOW).values[0, 0, 0] == 1.0
    assert store.snapshot(slot, NOW).newest_ms[0, 0] == oldest
    assert store.snapshot(slot, NOW + FUTURE_TOLERANCE_MS).newest[0, 0] == 9.0


def test_window_slides_and_empties_as_time_passes():
    store = WindowStore(1, CELLS, CELL_MS)
    put(store, [("a", 0, NOW, 5.0)])
    slot = np.array([store.slot("a")])
    assert store.snapshot(slot, NOW + 2 * CELL_MS).values[0, 0, CELLS - 3] == 5.0
    later = store.snapshot(slot, NOW + CELLS * CELL_MS)
    assert np.isnan(later.values).all()
    assert later.newest_ms[0, 0] == -1


def test_dropped_thing_leaves_nothing_to_the_next_in_its_slot():
    store = WindowStore(1, CELLS, CELL_MS, capacity=1)
    put(store, [("a", 0, NOW, 5.0)])
    store.drop(["a", "never seen"])
    assert "a" not in store
    assert store.snapshot(np.array([store.slot("b")]), NOW).newest_ms[0, 0] == -1
    assert len(store) == 1


def test_store_grows_and_keeps_what_it_held():
    store = WindowStore(1, CELLS, CELL_MS, capacity=2)
    for number in range(50):
        put(store, [(f"t{number}", 0, NOW, float(number))])
    slots = np.array([store.slot(f"t{n}") for n in range(50)])
    assert store.snapshot(slots, NOW).newest[:, 0].tolist() == [float(n) for n in range(50)]


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="cell_ms"):
        WindowStore(1, 1, 10)
