"""Rolling and scaling: never fewer ready pods than asked for while a roll goes well, never more than one too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_node.deployments import Plan, plan


@pytest.mark.parametrize(
    ("desired", "new", "ready", "old", "expected"),
    [
        (2, 0, 0, 0, Plan(2, 0, 0)),
        (2, 2, 2, 0, Plan(0, 0, 0)),
        (1, 2, 2, 0, Plan(0, 1, 0)),
        (0, 1, 1, 1, Plan(0, 1, 1)),
        (2, 0, 0, 2, Plan(1, 0, 0)),
        (2, 1, 0, 2, Plan(0, 0, 0)),
        (2, 1, 1, 2, Plan(0, 0, 1)),
        (2, 1, 1, 1, Plan(1, 0, 0)),
        (2, 2, 2, 1, Plan(0, 0, 1)),
    ],
)
def test_rolling(desired: int, new: int, ready: int, old: int, expected: Plan) -> None:
    assert plan(desired, new, ready, old, recreate=False) == expected


def test_recreate_waits_until_the_old_are_gone() -> None:
    assert plan(2, 0, 0, 2, recreate=True) == Plan(0, 0, 2)
    assert plan(2, 0, 0, 0, recreate=True) == Plan(2, 0, 0)


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8))
def test_a_roll_ends_with_what_is_asked_for(desired: int, before: int, unlucky: int) -> None:
    """Every started pod becomes ready in the next round, but for the first `unlucky` rounds."""
    new = ready = 0
    old = before
    for turn in range(60):
        step = plan(desired, new, ready, old, recreate=False)
        assert step.stop_old <= old
        assert step.stop_new <= new
        if before >= desired:
            assert ready + (old - step.stop_old) >= desired
        new += step.start - step.stop_new
        old -= step.stop_old
        assert new + old <= max(desired + 1, before + 1)
        ready = new if turn >= unlucky else min(ready, new)
    assert (new, old) == (desired, 0)
