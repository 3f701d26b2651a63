"""Duplicates' windows and sequence numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.duplicates import SeriesWindow
from racktwin.sequence import SequenceTracker, Verdict


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 7), st.none() | st.integers(0, 3)), max_size=100))
def test_within_the_window_duplicates_are_exact(stream):
    window = SeriesWindow(200)
    known: dict = {}
    for time, mask, seq in stream:
        before = known.get((time, seq), 0)
        assert window.seen(time, mask, seq) == (mask & ~before == 0)
        known[time, seq] = before | mask


@given(st.lists(st.integers(0, 10_000), unique=True, max_size=300), st.integers(1, 20))
def test_nothing_new_is_ever_dropped(times, size):
    window = SeriesWindow(size)
    assert not any(window.seen(time, 1, None) for time in times)


def test_the_window_forgets_the_oldest():
    window = SeriesWindow(3)
    for time in range(5):
        window.seen(time, 1, None)
    assert window.seen(4, 1, None)
    assert window.seen(2, 1, None)
    assert not window.seen(0, 1, None)


def verdicts(*numbers):
    tracker = SequenceTracker()
    return [tracker.observe("s", number, 0) for number in numbers], tracker.counts


def test_a_stream_in_order():
    found, counts = verdicts(5, 6, 7)
    assert found == [Verdict.FIRST, Verdict.NEXT, Verdict.NEXT]
    assert (counts.gaps, counts.missing, counts.received) == (0, 0, 3)


def test_a_gap_that_is_filled_late():
    found, counts = verdicts(1, 2, 5, 3, 6)
    assert found == [Verdict.FIRST, Verdict.NEXT, Verdict.GAP, Verdict.LATE, Verdict.NEXT]
    assert (counts.gaps, counts.missing, counts.late) == (1, 1, 1)


def test_a_number_that_comes_twice():
    found, counts = verdicts(1, 2, 2, 1)
    assert found[2:] == [Verdict.REPEATED, Verdict.REPEATED]
    assert counts.repeated == 2


def test_a_device_that_starts_anew():
    found, counts = verdicts(5000, 5001, 0, 1, 2)
    assert found[2:] == [Verdict.RESTARTED, Verdict.NEXT, Verdict.NEXT]
    assert (counts.restarted, counts.missing) == (1, 0)


@given(st.sets(st.integers(1, 150), min_size=1), st.randoms())
def test_missing_is_what_never_came(numbers, random):
    """Numbers arrive a little out of order (at most 4 places); what stays missing is what was not sent."""
    order = sorted(numbers, key=lambda number: number + random.uniform(0, 4))
    tracker = SequenceTracker()
    for number in order:
        tracker.observe("s", number, 0)
    first = order[0]
    expected = sum(1 for number in range(first, max(numbers)) if number not in numbers)
    assert tracker.counts.missing == expected


def test_silent_streams_are_forgotten():
    tracker = SequenceTracker()
    tracker.observe("a", 1, 1000)
    tracker.observe("b", 1, 2000)
    tracker.forget(1500)
    assert len(tracker) == 1
