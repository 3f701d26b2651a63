"""Ticks come at multiples of the interval, once each, and are not made up for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.schedule import Budget, Schedule


def test_due_once_at_each_multiple():
    schedule = Schedule(10_000, 5_000)
    assert [schedule.due(t) for t in (9_999, 10_000, 10_001, 19_999, 20_003, 20_004)] == [
        False, True, False, False, True, False,
    ]  # fmt: skip


def test_missed_ticks_are_one_and_a_clock_set_back_goes_on():
    schedule = Schedule(1_000, 0)
    assert schedule.due(10_500)
    assert not schedule.due(10_600)
    assert schedule.due(3_000)
    assert schedule.due(4_000)


@given(st.integers(1, 60_000), st.lists(st.integers(0, 5_000), max_size=200))
def test_never_more_often_than_the_interval_on_average(interval, steps):
    now, count, schedule = 0, 0, Schedule(interval, 0)
    for step in steps:
        now += step
        count += schedule.due(now)
    assert count <= now // interval


def test_impossible_interval_is_refused():
    with pytest.raises(ValueError, match="interval_ms"):
        Schedule(0, 0)


def test_budget_gives_what_it_has_and_refills_with_time():
    budget = Budget(10, 1_000)
    assert [budget.take(wanted, 0.01, at) for wanted, at in ((4, 1_000), (9, 1_000), (9, 1_250), (99, 99_000))] == [
        4, 6, 2, 10,
    ]  # fmt: skip


def test_budget_of_a_high_rate_is_a_quarter_second_of_it():
    assert Budget(10, 0).take(10_000, 4.0, 1_000) == 1_000


def test_budget_outlives_a_clock_set_back():
    budget = Budget(10, 50_000)
    assert budget.take(10, 0.01, 50_000) == 10
    assert budget.take(10, 0.01, 1_000) == 0
    assert budget.take(10, 0.01, 1_500) == 5


def test_what_was_not_used_of_a_budget_comes_back():
    budget = Budget(10, 0)
    assert budget.take(10, 0.01, 0) == 10
    budget.give_back(4)
    assert budget.take(10, 0.01, 0) == 4
