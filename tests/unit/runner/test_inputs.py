"""Inputs that are no longer those of training are found out, named, and noted; those that are stay unremarked."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tests.unit.runner.conftest import NOW, graph, manifest

from models.shift import Shares, edges_of, verdict
from runner.inputs import EVERY_MS, InputWatch

NAMES = ["top.change[60:120]", "top.std[0:600]", "power.change[60:120]", "top.filled", "top.last"]


def rows(seed: int, count: int, shift: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(0.0, 1.0, (count, len(NAMES))) + shift).astype(np.float32)


EDGES = edges_of(NAMES, rows(0, 20_000))


def test_levels_and_how_much_past_there_is_are_left_out():
    assert set(EDGES) == set(NAMES[:3])
    assert all(len(edges) == 9 for edges in EDGES.values())


def test_an_input_that_never_varies_has_no_bins():
    still = rows(1, 5000)
    still[:, 0] = 3.0
    assert NAMES[0] not in edges_of(NAMES, still)


@pytest.mark.parametrize(("shift", "moved"), [(0.0, False), (0.3, False), (2.0, True)])
def test_what_moves_is_named(shift, moved):
    shares = Shares(NAMES, EDGES)
    shares.add(rows(2, 4000, shift))
    said = verdict(shares.indices())
    assert bool(said) is moved
    if moved:
        assert "of 3 inputs" in said
        assert "change[60:120]" in said


def test_missing_values_count_for_nothing():
    shares = Shares(NAMES, EDGES)
    shares.add(np.full((10, len(NAMES)), np.nan, dtype=np.float32))
    assert shares.indices() == {}
    assert verdict({}) == ""


def watch(shift: float, hours: float) -> list[tuple[str, int, str]]:
    content = graph()
    made = msgspec.structs.replace(manifest(content), inputs=NAMES, training={"inputs": EDGES})
    told: list[tuple[str, int, str]] = []
    seen = InputWatch(made, NOW, lambda *note: told.append(note))
    now = NOW
    for _ in range(int(hours * 60)):
        now += 60_000
        seen.saw(rows(now % 1000, 40, shift), now)
        # Within a second of the last, nothing is counted.
        seen.saw(rows(1, 40, 9.0), now + EVERY_MS // 2)
    return told


def test_a_runner_waits_for_hours_and_then_says_so_each_minute():
    assert watch(2.0, 5.5) == []
    told = watch(2.0, 6.5)
    assert len(told) > 20
    assert all("inputs are not as in training" in reason for _, _, reason in told)
    assert all(reason == "" for _, _, reason in watch(0.0, 6.5))


def test_a_model_without_edges_is_not_watched():
    told: list[object] = []
    InputWatch(manifest(graph()), NOW, lambda *note: told.append(note)).saw(rows(1, 10), NOW + 10**8)
    assert told == []
