"""Every prediction with a reading at its time is scored, exactly once: in whatever order it comes, told once or more
often, before its readings or with them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racktwin.messages import Prediction, Reading
from scorecard import queues
from scorecard.ledger import LATE_MS, Ledger

NOW = 1_800_000_000_000
HOUR = 3_600_000
HORIZONS = (120, 300, 900)
TARGETS = [("racktwin.berlin:rack-1", "environment.top"), ("racktwin.berlin:rack-2", "environment.bottom")]


def prediction(target, horizon_s, at, based_on, version="v1", value=22.0):
    thing, feature = target
    return Prediction(
        v=1, thing=thing, model="m", model_version=version, target=f"{feature}/temperature", horizon_s=horizon_s,
        value=value, lo=value - 1, hi=value + 1, unit="Cel", issued_at=at, valid_at=at + horizon_s * 1000,
        based_on=based_on, kind="rack",
    )  # fmt: skip


def reading(target, at, value):
    thing, feature = target
    return Reading(
        v=1, thing=thing, feature=feature, observed_at=at, received_at=at, values={"temperature": value},
        quality="good", device="d", kind="rack",
    )  # fmt: skip


def key(p):
    return p.thing, p.target, p.model_version, p.horizon_s, p.valid_at


def told(scored):
    w = scored.waited
    return scored.thing, scored.target, w.version, w.horizon_s, w.valid_at


@dataclass(repr=False)
class Site:
    """What a site says in half an hour: readings as they come, and predictions with the times (ms) when they come."""

    readings: list[Reading]
    predictions: list[tuple[int, Prediction]]
    rested_on: dict[tuple, float]

    @property
    def expected(self):
        """The truth of each prediction that has one."""
        found = {}
        for _, p in self.predictions:
            truths = [
                (r.observed_at, r.values["temperature"])
                for r in self.readings
                if r.thing == p.thing and r.observed_at >= p.valid_at
            ]
            if truths and min(truths)[0] - p.valid_at <= LATE_MS:
                found[key(p)] = min(truths)[1]
        return found


SOME = settings(max_examples=30)


def site(seed, gaps_s, delay_s, again):
    """Readings with gaps between them, some too long; after each a prediction of every horizon, which comes so much
    later, up to; a share of them again, also long after they were scored."""
    rng = random.Random(seed)
    readings, predictions, rested_on = [], [], {}
    for target in TARGETS:
        at, step = NOW + rng.randrange(10_000), 0
        while at < NOW + HOUR // 2:
            value = 20.0 + step % 8
            readings.append(reading(target, at, value))
            version = "v1" if at < NOW + HOUR // 4 else "v2"
            for horizon_s in HORIZONS:
                p = prediction(target, horizon_s, at + rng.randrange(3000), at, version)
                rested_on[key(p)] = value
                comes = p.issued_at + rng.randrange(delay_s * 1000 + 1)
                predictions.append((comes, p))
                if rng.random() < again:
                    predictions.append((comes + rng.choice((0, 5, 100, 400, 1000)) * 1000, p))
            at += round(rng.choice(gaps_s) * 1000)
            step += 1
    return Site(sorted(readings, key=lambda r: r.observed_at), sorted(predictions, key=lambda p: p[0]), rested_on)


SITES = st.builds(
    site,
    st.integers(0, 2**32),
    st.sampled_from([(10,), (7, 12, 35), (10, 10, 30, 150), (100, 200)]),
    st.sampled_from([0, 5, 50]),
    st.sampled_from([0.0, 0.2, 1.0]),
)


def live(ledger, site):
    """Readings and predictions as they come."""
    events = [(r.observed_at, 0, r) for r in site.readings] + [(at, 1, p) for at, p in site.predictions]
    scored = []
    for _, predicted, event in sorted(events, key=lambda e: e[:2]):
        if predicted:
            ledger.predicted(event)
        else:
            scored += ledger.read(event)
    return scored


@SOME
@given(SITES)
def test_every_prediction_is_scored_once_by_the_first_reading_of_its_time(site):
    ledger = Ledger()
    scored = live(ledger, site)
    assert max(Counter(map(told, scored)).values(), default=1) == 1
    assert {told(one): one.truth for one in scored} == site.expected


@SOME
@given(SITES)
def test_after_a_start_every_prediction_is_scored_against_the_reading_that_it_rests_on(site):
    ledger = Ledger()
    for _, p in site.predictions:
        ledger.predicted(p)
    scored = [one for r in site.readings for one in ledger.read(r)]
    assert max(Counter(map(told, scored)).values(), default=1) == 1
    assert {told(one): one.truth for one in scored} == site.expected
    assert all(one.waited.persistence == site.rested_on[told(one)] for one in scored)


@SOME
@given(SITES, st.integers(1, 1750))
def test_a_ledger_that_begins_anew_scores_what_the_first_left(site, stopped_s):
    stop = NOW + stopped_s * 1000
    first, second = Ledger(), Ledger()
    before = live(first, Site([r for r in site.readings if r.observed_at < stop],
                              [(at, p) for at, p in site.predictions if at < stop], {}))  # fmt: skip
    # What it read of the past scores again; what had been scored is known by its time.
    for at, p in site.predictions:
        if at < stop:
            second.predicted(p)
    for r in site.readings:
        if r.observed_at < stop:
            list(second.read(r))
    after = live(second, Site([r for r in site.readings if r.observed_at >= stop],
                              [(at, p) for at, p in site.predictions if at >= stop], {}))  # fmt: skip
    scored = [*before, *after]
    assert max(Counter(map(told, scored)).values(), default=1) == 1
    assert {told(one): one.truth for one in scored} == site.expected


@SOME
@given(SITES, st.sampled_from([30, 60, 600]))
def test_one_prediction_in_so_many_seconds_is_scored_where_that_is_asked_for(site, every_s):
    ledger = Ledger(every_s * 1000)
    # In the order in which they were made, as a runner tells them.
    in_order = sorted(site.predictions, key=lambda p: p[1].issued_at)
    scored = live(ledger, Site(site.readings, [(p.issued_at, p) for _, p in in_order], {}))
    made = {}
    for one in scored:
        made.setdefault((one.thing, one.waited.horizon_s), []).append(one.waited.valid_at)
    whole = len(site.expected) == len({key(p) for _, p in site.predictions})
    for times in made.values():
        between = [later - sooner for sooner, later in pairwise(times)]
        assert all(ms >= every_s * 1000 for ms in between)
        # Not fewer than that, where each of them has its truth; the next is made up to 38 s after it may be.
        assert not whole or all(ms < (every_s + 38) * 1000 for ms in between)


def test_a_clock_that_was_ahead_costs_only_what_it_said():
    ledger, target = Ledger(), TARGETS[0]
    made = set()
    for step in range(360):
        at = NOW + step * 10_000
        scored = {told(one) for one in ledger.read(reading(target, at, 20.0))}
        assert scored <= made
        made -= scored
        # The runner's clock is an hour ahead for five minutes.
        p = prediction(target, 300, at + (HOUR if 60 <= step < 90 else 0), at)
        ledger.predicted(p)
        made.add(key(p))
    assert {valid_at > NOW + HOUR for *_, valid_at in made if valid_at < NOW + HOUR} == set()
    assert ledger.dropped == 0


def test_readings_whose_clock_was_set_back_are_truths_again():
    ledger, target = Ledger(), TARGETS[0]
    list(ledger.read(reading(target, NOW + HOUR, 20.0)))
    ledger.predicted(prediction(target, 300, NOW + HOUR, NOW + HOUR))
    list(ledger.read(reading(target, NOW, 21.0)))
    ledger.predicted(prediction(target, 300, NOW, NOW))
    (scored,) = ledger.read(reading(target, NOW + 300_000, 22.0))
    assert (scored.waited.persistence, scored.truth, len(ledger)) == (21.0, 22.0, 1)


def test_a_prediction_that_comes_after_its_truth_is_dropped():
    ledger, target = Ledger(), TARGETS[0]
    list(ledger.read(reading(target, NOW, 20.0)))
    late = prediction(target, 30, NOW - 30_000, NOW - 30_000)
    ledger.predicted(late)
    assert (len(ledger), ledger.dropped) == (0, 1)


def test_of_too_many_those_go_on_that_are_due_first():
    ledger, target = Ledger(kept=5), TARGETS[0]
    list(ledger.read(reading(target, NOW, 20.0)))
    for step in range(8):
        ledger.predicted(prediction(target, 300, NOW + step * 1000, NOW))
    ledger.predicted(prediction(target, 300, NOW - 1000, NOW))
    assert (len(ledger), ledger.dropped) == (5, 4)
    due = [one.waited.valid_at - NOW - 300_000 for one in ledger.read(reading(target, NOW + 310_000, 20.0))]
    assert due == [-1000, 0, 1000, 2000, 3000]


def test_of_too_many_without_a_reading_the_oldest_go():
    ledger, target = Ledger(kept=5), TARGETS[0]
    for step in range(8):
        ledger.predicted(prediction(target, 300, NOW + step * 1000, NOW + step * 1000))
    assert (len(ledger), ledger.dropped) == (5, 3)
    list(ledger.read(reading(target, NOW + 8000, 20.0)))
    due = [one.waited.valid_at - NOW - 300_000 for one in ledger.read(reading(target, NOW + 310_000, 20.0))]
    assert due == [3000, 4000, 5000, 6000, 7000]


@pytest.mark.parametrize("value", [1e300, -1e300])
def test_a_number_beyond_single_precision_is_no_prediction_and_no_truth(value):
    ledger, target = Ledger(), TARGETS[0]
    list(ledger.read(reading(target, NOW, 20.0)))
    ledger.predicted(prediction(target, 300, NOW, NOW, value=value))
    assert (len(ledger), ledger.dropped) == (0, 1)
    ledger.predicted(prediction(target, 300, NOW, NOW))
    assert list(ledger.read(reading(target, NOW + 300_000, value))) == []
    assert len(list(ledger.read(reading(target, NOW + 301_000, 20.0)))) == 1


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 2))), st.integers(-60, 60))
def test_a_queue_is_in_order_and_holds_each_once(entries, until):
    queue = bytearray()
    for time, ahead in entries:
        packed = queues.EARLY.pack(time, 1.0, 2.0, 3.0, ahead)
        there = packed in _entries(queue)
        assert queues.put(queue, packed, queues.SIZE - 4) != there
    held = [(time, ahead) for time, *_, ahead in queues.EARLY.iter_unpack(queue)]
    assert [time for time, _ in held] == sorted(time for time, _ in set(entries))
    assert set(held) == set(entries)
    taken = queues.take(queue, until)
    assert [time for time, *_ in queues.EARLY.iter_unpack(taken)] == [time for time, _ in held if time <= until]
    assert [time for time, *_ in queues.EARLY.iter_unpack(queue)] == [time for time, _ in held if time > until]


def _entries(queue):
    return [bytes(queue[place : place + queues.SIZE]) for place in range(0, len(queue), queues.SIZE)]
