"""Pauses grow, are bounded, and a long run forgives."""

from hypothesis import given
from hypothesis import strategies as st

from local_node.backoff import Backoff

BACKOFF = Backoff(1.0, 60.0)


def test_pauses_double_up_to_the_longest() -> None:
    assert [BACKOFF.pause_s(n) for n in range(9)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(min_value=0, max_value=10**9))
def test_pauses_never_exceed_the_longest(failures: int) -> None:
    assert 0 <= BACKOFF.pause_s(failures) <= 60


def test_a_long_run_starts_over() -> None:
    assert BACKOFF.failures_after(5, ran_s=3) == 6
    assert BACKOFF.failures_after(5, ran_s=60) == 1


def test_a_run_that_got_ready_starts_over_sooner() -> None:
    assert BACKOFF.failures_after(5, ran_s=12, was_ready=True) == 1
    assert BACKOFF.failures_after(5, ran_s=3, was_ready=True) == 6
