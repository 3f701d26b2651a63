"""Inputs are what their names say, whatever is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics import InputPlan, parse_input

CELLS, CELL_S = 30, 10
NAMES = [
    "a.last", "a.mean[0:60]", "a.mean[0:300]", "a.change[120:240]", "a.slope[0:120]", "a.std[0:300]", "a.filled",
    "b.mean[60:90]", "b.filled",
]  # fmt: skip


def plan() -> InputPlan:
    return InputPlan(NAMES, ["a", "b"], CELLS, CELL_S)


def naive(window: np.ndarray, name: str) -> float:
    """One input of one channel's window, from its definition."""
    _, _, rest = name.partition(".")
    kind, _, span = rest.partition("[")
    usable = np.flatnonzero(~np.isnan(window))
    if kind == "last":
        return float(window[usable[-1]]) if len(usable) else np.nan
    if kind == "filled":
        return float((CELLS - usable[0]) * CELL_S) if len(usable) else 0.0

    def values(start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        piece = window[CELLS - end // CELL_S : CELLS - start // CELL_S].astype(float)
        times = (np.arange(CELLS)[CELLS - end // CELL_S : CELLS - start // CELL_S]) * CELL_S / 60
        return times[~np.isnan(piece)], piece[~np.isnan(piece)]

    start, end = (int(x) for x in span.rstrip("]").split(":"))
    t, v = values(start, end)
    if kind == "mean":
        return v.mean() if len(v) else np.nan
    if kind == "change":
        now = values(0, 60)[1]
        return now.mean() - v.mean() if len(v) and len(now) else np.nan
    if kind == "slope":
        return float(np.polyfit(t, v, 1)[0]) if len(v) > 2 else np.nan
    return v.std() if len(v) > 1 else np.nan


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from([0.0, 25.0, 9000.0]))
def test_inputs_equal_their_definitions(seed, missing, level):
    rng = np.random.default_rng(seed)
    windows = (level + rng.normal(size=(4, 2, CELLS))).astype(np.float32)
    windows[rng.random(windows.shape) < missing] = np.nan
    got = plan().compute(windows)
    for row in range(len(windows)):
        for column, name in enumerate(NAMES):
            expected = naive(windows[row, "ab".index(name[0])], name)
            assert got[row, column] == pytest.approx(
                expected, rel=1e-4, abs=2e-2 if level > 1000 else 2e-3, nan_ok=True
            ), name


def test_empty_window_gives_missing_inputs_and_no_past():
    got = dict(zip(NAMES, plan().compute(np.full((1, 2, CELLS), np.nan, dtype=np.float32))[0], strict=True))
    assert got.pop("a.filled") == got.pop("b.filled") == 0
    assert all(np.isnan(value) for value in got.values())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_inputs_of_a_difference_are_those_of_its_cells(seed, missing):
    rng = np.random.default_rng(seed)
    windows = (20.0 + rng.normal(size=(4, 2, CELLS))).astype(np.float32)
    windows[rng.random(windows.shape) < missing] = np.nan
    names = [
        "b.mean[0:300]",
        "b-a.last",
        "b-a.mean[0:60]",
        "b-a.std[0:300]",
        "b-a.change[120:240]",
        "b-a.filled",
        "a.last",
    ]
    got = InputPlan(names, ["a", "b"], CELLS, CELL_S).compute(windows)
    for row in range(len(windows)):
        apart = windows[row, 1] - windows[row, 0]
        for column, name in enumerate(names):
            window = apart if "-" in name else windows[row, "ab".index(name[0])]
            assert got[row, column] == pytest.approx(naive(window, name), abs=2e-3, nan_ok=True), name


def test_a_difference_is_missing_where_one_channel_is():
    windows = np.full((1, 2, CELLS), 20.0, dtype=np.float32)
    windows[0, 1] = np.nan
    got = InputPlan(["a-b.mean[0:60]", "a.mean[0:60]"], ["a", "b"], CELLS, CELL_S).compute(windows)
    assert np.isnan(got[0, 0])
    assert got[0, 1] == 20.0


def test_rows_do_not_depend_on_their_batch():
    windows = np.random.default_rng(1).normal(20, 1, (64, 2, CELLS)).astype(np.float32)
    together = plan().compute(windows)
    alone = np.concatenate([plan().compute(windows[i : i + 1]) for i in range(64)])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.mean", "takes a span"),
        ("a.last[0:60]", "takes no span"),
        ("c.last", "none of a, b"),
        ("a-c.last", "'c' is none of a, b"),
        ("a.median[0:60]", "none of"),
        ("a.mean[60:0]", "newer bound first"),
        ("a.mean[0:301]x", "expected <channel>"),
        ("a.mean[0:310]", "within the window"),
    ],
)
def test_wrong_input_names_are_refused_with_the_reason(name, says):
    with pytest.raises(ValueError, match=says):
        parse_input(name, ["a", "b"], CELLS, CELL_S)


def test_windows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="expected"):
        plan().compute(np.zeros((1, 3, CELLS), dtype=np.float32))
