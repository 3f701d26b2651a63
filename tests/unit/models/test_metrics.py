"""Scores and the conformal quantile."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics import conformal_factor, score


def test_perfect_forecast_has_skill_one_and_persistence_zero():
    truth, naive = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 2.0])
    perfect = score(truth, truth, truth, truth, naive)
    assert (perfect.skill, perfect.mae, perfect.coverage) == (1.0, 0.0, 1.0)
    assert score(truth, naive, naive, naive, naive).skill == 0.0


def test_score_by_hand():
    truth, value = np.array([1.0, 2.0]), np.array([2.0, 2.0])
    s = score(truth, value, value - 0.5, value + 0.5, np.array([3.0, 2.0]))
    assert (s.mae, s.bias, s.coverage, s.width) == (0.5, 0.5, 0.5, 1.0)
    assert s.rmse == pytest.approx(0.5**0.5)
    assert s.skill == pytest.approx(1 - 0.5 / 2.0)


def test_rows_without_truth_are_left_out_and_none_is_an_error():
    nan = np.array([np.nan])
    two = score(np.array([np.nan, 1.0]), np.zeros(2), np.zeros(2), np.ones(2), np.zeros(2))
    assert two.count == 1
    with pytest.raises(ValueError, match="no forecast"):
        score(nan, nan, nan, nan, nan)


def test_conformal_factor_is_the_upper_order_statistic():
    assert conformal_factor(np.arange(1.0, 100.0), 0.9) == 90.0
    with pytest.raises(ValueError, match="too few"):
        conformal_factor(np.arange(5.0), 0.9)


def test_conformal_factor_keeps_its_promise_on_new_scores():
    rng = np.random.default_rng(0)
    covered = [
        np.mean(rng.exponential(size=2000) <= conformal_factor(rng.exponential(size=500), 0.9)) for _ in range(50)
    ]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.01)
