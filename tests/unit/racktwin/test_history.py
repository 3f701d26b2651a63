"""Every moment of history is read once, from a bucket that has it, at the resolution that was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin.history import MINUTE, QUARTER, Retention, Span, spans, thinned_until

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 20_000 * DAY + 7 * HOUR + 30 * 60_000


def test_the_last_day_in_full_is_one_span_of_the_raw_bucket():
    assert spans("berlin", NOW - DAY, NOW, resolution_s=1, now_ms=NOW) == [Span("berlin", NOW - DAY, NOW, 0)]


def test_a_month_in_minutes_is_thinned_but_for_what_no_task_has_seen_yet():
    found = spans("berlin", NOW - 30 * DAY, NOW, resolution_s=60, now_ms=NOW)
    edge = NOW // HOUR * HOUR
    assert found == [Span("berlin_1m", NOW - 30 * DAY, edge, 60), Span("berlin", edge, NOW, 0)]


def test_a_month_in_seconds_is_thinned_only_where_seconds_are_gone():
    found = spans("berlin", NOW - 30 * DAY, NOW, resolution_s=1, now_ms=NOW)
    assert [(span.bucket, span.cell_s) for span in found] == [("berlin_1m", 60), ("berlin", 0)]
    assert found[0].end_ms == NOW - 7 * DAY


def test_a_year_in_hours_goes_by_quarters_of_an_hour_as_far_as_those_reach():
    found = spans("berlin", NOW - 365 * DAY, NOW, resolution_s=3600, now_ms=NOW)
    assert [span.bucket for span in found] == ["berlin_15m", "berlin_1m", "berlin"]
    assert found[0].end_ms == NOW // (6 * HOUR) * 6 * HOUR


def test_what_nobody_keeps_is_left_out():
    keep = Retention(full_days=1, minute_days=2, quarter_days=3)
    found = spans("berlin", NOW - 10 * DAY, NOW, resolution_s=1, now_ms=NOW, keep=keep)
    assert found[0].start_ms >= NOW - 3 * DAY
    assert found[-1].end_ms == NOW


def test_for_ever_is_for_ever():
    keep = Retention(full_days=0)
    assert spans("berlin", 0, NOW, resolution_s=1, now_ms=NOW, keep=keep) == [Span("berlin", 0, NOW, 0)]


def test_a_run_counts_when_it_is_over_for_certain():
    hour = NOW // HOUR * HOUR
    assert thinned_until(MINUTE, hour + 9 * 60_000) == hour - HOUR
    assert thinned_until(MINUTE, hour + 10 * 60_000) == hour


def test_a_site_says_how_long_its_history_is_kept():
    told = {"history": {"fullDays": 14, "minuteDays": -1, "quarterDays": "long"}}
    assert Retention().of_site(told) == Retention(full_days=14)
    assert Retention().of_site({}) == Retention()


@pytest.mark.parametrize(("start", "end", "site"), [(1, 0, "berlin"), (0, 1, "not a site")])
def test_what_makes_no_sense_is_refused(start, end, site):
    with pytest.raises(ValueError, match="expected"):
        spans(site, start, end, resolution_s=1, now_ms=NOW)


@given(
    back=st.integers(0, 3000 * DAY),
    length=st.integers(0, 3000 * DAY),
    resolution=st.sampled_from([0, 1, 59, 60, 899, 900, 86_400]),
    full=st.integers(0, 30),
    minute=st.integers(0, 200),
    quarter=st.integers(0, 2000),
)
def test_spans_are_in_order_and_apart_and_hold_what_they_say(back, length, resolution, full, minute, quarter):
    start, end = NOW - back, NOW - back + length
    keep = Retention(full, minute, quarter)
    found = spans("berlin", start, end, resolution_s=resolution, now_ms=NOW, keep=keep)
    since = {0: full, 60: minute, 900: quarter}
    before = start
    for span in found:
        assert before <= span.start_ms < span.end_ms <= end
        before = span.end_ms
        days = since[span.cell_s]
        assert not days or span.start_ms >= NOW - days * DAY
        if span.cell_s:
            assert span.end_ms <= thinned_until(MINUTE if span.cell_s == 60 else QUARTER, NOW)
    longest = max(since.values()) if all(since.values()) else None
    if found and longest is None and not full:
        assert sum(span.end_ms - span.start_ms for span in found) == end - start
