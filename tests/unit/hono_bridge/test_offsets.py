"""Offsets commit only below the oldest command without an outcome."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hono_bridge.offsets import OffsetTracker

P = ("hono.command.t1", 0)


def test_an_open_outcome_holds_back_what_comes_after() -> None:
    tracker = OffsetTracker()
    for offset in (5, 6, 7):
        tracker.take(P, offset)
    tracker.finish(P, 6)
    tracker.finish(P, 7)
    assert tracker.committable() == {P: 5}
    tracker.finish(P, 5)
    assert tracker.committable() == {P: 8}


def test_nothing_is_committed_twice() -> None:
    tracker = OffsetTracker()
    tracker.take(P, 0)
    assert tracker.committable() == {}
    tracker.finish(P, 0)
    tracker.committed(tracker.committable())
    assert tracker.committable() == {}


def test_a_partition_given_away_is_forgotten() -> None:
    tracker = OffsetTracker()
    tracker.take(P, 3)
    tracker.forget(P)
    tracker.finish(P, 3)
    assert tracker.committable() == {}
    assert tracker.outstanding() == 0


@given(st.permutations(list(range(10))), st.integers(0, 10))
def test_the_committed_position_never_passes_an_open_outcome(order: list[int], done: int) -> None:
    tracker = OffsetTracker()
    for offset in range(10):
        tracker.take(P, offset)
    for offset in order[:done]:
        tracker.finish(P, offset)
    still_open = set(order[done:])
    position = tracker.committable().get(P, 0)
    assert position == min(still_open, default=10)
