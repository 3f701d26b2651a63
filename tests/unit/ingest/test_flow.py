"""What Ditto has room for: fast, slow, restarted and absent ones, simulated in steps of a quarter of a second."""

from __future__ import annotations

import pytest

from ingest.flow import Offsets, TwinFlow

STEP = 250


class Ditto:
    """Takes `rate` records a second and commits by number or time; ingest has `demand` merges a second for it."""

    def __init__(self, rate, demand, commit_records=1, commit_ms=0, replicas=1, **options):
        self.rate, self.demand = rate, demand
        self.commit_records, self.commit_ms = commit_records, commit_ms
        self.flows = [TwinFlow(**options) for _ in range(replicas)]
        self.now = 0
        self.end = self.applied = self.committed = 0
        self.committed_at = 0
        self.due = [0.0] * replicas
        self.things = 10_000
        self.worst = 0

    def run(self, seconds):
        for _ in range(seconds * 1000 // STEP):
            self.step()
        return self

    def step(self):
        self.now += STEP
        for index, flow in enumerate(self.flows):
            # Newer values replace older ones: no more waits than there are things.
            share = 1 / len(self.flows)
            self.due[index] = min(self.due[index] + self.demand * share * STEP / 1000, self.things * share)
            flow.observe(Offsets(self.now, {0: self.end}, {0: self.committed}), self.things)
        for index, flow in enumerate(self.flows):
            credit = flow.credit()
            want = int(self.due[index])
            count = want if credit is None else min(credit, want)
            flow.spent(count)
            self.due[index] -= count
            self.end += count
        self.applied = min(self.end, self.applied + int(self.rate * STEP / 1000))
        ready = self.applied - self.committed >= self.commit_records or self.now - self.committed_at >= self.commit_ms
        if ready and self.applied != self.committed:
            self.committed, self.committed_at = self.applied, self.now
        self.worst = max(self.worst, self.end - self.applied)


def test_a_fast_ditto_gets_everything():
    ditto = Ditto(rate=20_000, demand=8340).run(20)
    # All but the very start goes at full rate.
    assert ditto.end >= 8340 * 18
    assert ditto.flows[0].age_ms <= 2 * STEP


@pytest.mark.parametrize(("records", "ms"), [(1, 0), (1000, 10_000)])
@pytest.mark.parametrize("rate", [200, 850])
def test_a_slow_ditto_is_kept_busy_and_no_more(rate, records, ms):
    ditto = Ditto(rate=rate, demand=10_000, commit_records=records, commit_ms=ms).run(20)
    before, ditto.worst = ditto.applied, 0
    ditto.run(60)
    assert ditto.applied - before >= 0.95 * rate * 60
    # The queue is never longer than the window: two seconds' worth, or the least that keeps a committer busy.
    assert ditto.worst <= max(2.2 * rate, 1500)


def test_it_widens_when_ditto_slows_down_and_narrows_when_it_recovers():
    ditto = Ditto(rate=20_000, demand=8000).run(20)
    ditto.rate = 400
    ditto.run(60)
    ditto.worst = 0
    ditto.run(30)
    assert ditto.worst <= 1500
    ditto.rate = 20_000
    ditto.run(10)
    before = ditto.end
    ditto.run(10)
    assert ditto.end - before >= 0.95 * 8000 * 10


def test_an_absent_ditto_finds_little_when_it_returns():
    ditto = Ditto(rate=850, demand=10_000).run(20)
    ditto.rate = 0
    ditto.run(40)
    assert ditto.end - ditto.applied <= 1700
    assert ditto.flows[0].stalled(ditto.now)
    ditto.run(3600)
    # Each thing once after 1, 3, 7, 15, 31 minutes: pending values must not hold offsets back for ever.
    assert ditto.things <= ditto.end - ditto.applied <= 6 * ditto.things + 1700
    ditto.rate = 850
    ditto.run(120)
    assert ditto.end - ditto.applied <= 1700
    assert not ditto.flows[0].stalled(ditto.now)


def test_replicas_share_the_window():
    ditto = Ditto(rate=850, demand=10_000, replicas=4).run(20)
    ditto.worst = 0
    ditto.run(60)
    assert ditto.worst <= 2 * 1700


def test_a_group_that_nobody_has_limits_nothing():
    flow = TwinFlow()
    flow.observe(Offsets(1000, {0: 10}, {}), 5)
    assert flow.credit() is None
    flow.spent(1_000_000)
    assert flow.credit() is None
    assert not flow.stalled(100_000)


def test_at_rest_nothing_is_stalled():
    flow = TwinFlow()
    for second in range(100):
        flow.observe(Offsets(second * 1000, {0: 10, 1: 0}, {0: 10}), 0)
    assert not flow.stalled(100_000)
    assert flow.credit() == 1500
    assert flow.age_ms == 0
