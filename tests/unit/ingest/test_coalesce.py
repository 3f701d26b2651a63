"""Merges: how many, when, and with which values."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.coalesce import Coalescer

THING = "racktwin.berlin:rack-r01-01"
TOPIC = "hono.telemetry.berlin"
T0 = 1767225600000


class Bench:
    """A coalescer with a clock that the test moves, and what came out of it."""

    def __init__(self, intervals=None, **options):
        self.intervals = intervals or {}
        self.coalescer = Coalescer(lambda feature: self.intervals.get(feature, 1000), **options)
        self.now = T0
        self.sent = []
        self.offset = 0

    def offer(self, feature="power", at=None, thing=THING, partition=0, backlog=False, **values):
        self.offset += 1
        return self.coalescer.offer(
            thing,
            "berlin",
            feature,
            self.now if at is None else at,
            values or {"power": 1.0},
            quality="good",
            now=self.now,
            source=(TOPIC, partition, self.offset),
            backlog=backlog,
        )

    def run(self, ms, step=10):
        end = self.now + ms
        while self.now < end:
            self.now += step
            self.take()

    def take(self):
        merges = self.coalescer.take(self.now)
        self.sent += [(self.now, merge) for merge in merges]
        return merges


def test_the_first_reading_goes_out_at_once():
    bench = Bench(linger_ms=0)
    bench.offer(power=5.0)
    (merge,) = bench.take()
    assert merge.features == {"power": {"power": 5.0, "quality": "good", "observedAt": T0}}
    assert (merge.thing, merge.site, merge.newest) == (THING, "berlin", T0)
    assert not bench.take()


def test_the_linger_gathers_the_features_of_one_instant():
    bench = Bench(linger_ms=20)
    bench.offer("environment.top", temperature=1.0)
    assert not bench.take()
    bench.now += 10
    bench.offer("environment.bottom", temperature=2.0)
    bench.run(20)
    assert [set(merge.features) for _, merge in bench.sent] == [{"environment.top", "environment.bottom"}]


def test_within_the_interval_the_last_value_waits_for_its_end():
    bench = Bench(linger_ms=0, tolerance=0.0)
    bench.offer(power=1.0)
    bench.take()
    for value in (2.0, 3.0, 4.0):
        bench.run(100)
        bench.offer(power=value)
    bench.run(2000)
    assert [merge.features["power"]["power"] for _, merge in bench.sent] == [1.0, 4.0]
    assert [at for at, _ in bench.sent] == [T0, T0 + 1000]


def test_a_1_hz_device_with_jitter_is_never_late():
    bench = Bench(linger_ms=0)
    for second, jitter in enumerate([0, 60, -60, 40, -50, 70, -70, 0]):
        bench.run(T0 + second * 1000 + jitter - bench.now)
        bench.offer(power=float(second))
        assert bench.take(), f"reading {second} was held back"


def test_late_by_time_never_overwrites():
    bench = Bench(linger_ms=0)
    assert bench.offer(at=T0, power=2.0)
    bench.take()
    assert not bench.offer(at=T0 - 1, power=1.0)
    bench.run(5000)
    assert len(bench.sent) == 1


def test_late_does_not_overwrite_what_is_pending_either():
    bench = Bench(linger_ms=50)
    bench.offer(at=T0, power=2.0)
    assert not bench.offer(at=T0 - 1, power=1.0)
    bench.run(100)
    assert bench.sent[0][1].features["power"]["power"] == 2.0


def test_partial_readings_are_joined():
    bench = Bench(linger_ms=50)
    bench.offer(power=2.0)
    bench.offer(energy=7.0)
    bench.run(100)
    assert bench.sent[0][1].features["power"] == {"power": 2.0, "energy": 7.0, "quality": "good", "observedAt": T0}


def test_a_slow_feature_goes_by_its_own_interval():
    bench = Bench({"disk": 300_000}, linger_ms=0)
    for second in range(0, 600):
        bench.now = T0 + second * 1000
        bench.offer("power", power=float(second))
        bench.offer("disk", used=float(second))
        bench.take()
    with_disk = [at for at, merge in bench.sent if "disk" in merge.features]
    assert len(bench.sent) == 600
    assert 2 <= len(with_disk) <= 3


def test_a_silent_device_s_slow_value_goes_early():
    bench = Bench({"disk": 300_000}, linger_ms=0, hold_ms=30_000)
    bench.offer("disk", used=1.0)
    bench.take()
    bench.run(1000)
    bench.offer("disk", used=2.0)
    bench.run(31_000)
    assert [merge.features["disk"]["used"] for _, merge in bench.sent] == [1.0, 2.0]
    assert not bench.coalescer.held()


def test_a_backlog_is_not_replayed_onto_the_twin():
    bench = Bench(linger_ms=0, catch_up_ms=1000)
    for value in range(500):
        bench.offer(at=T0 - 500_000 + value * 1000, backlog=True, power=float(value))
        bench.take()
        bench.now += 1
    bench.run(2000)
    assert [merge.features["power"]["power"] for _, merge in bench.sent] == [499.0]


def test_stretched_intervals():
    bench = Bench(linger_ms=0, tolerance=0.0)
    bench.coalescer.stretch = 5.0
    for second in range(20):
        bench.now = T0 + second * 1000
        bench.offer(power=float(second))
        bench.take()
    assert len(bench.sent) == 4


def test_held_is_the_record_of_the_latest_value():
    bench = Bench({"disk": 300_000}, linger_ms=0)
    bench.offer("disk", used=1.0)
    bench.take()
    for _ in range(10):
        bench.run(1000)
        bench.offer("disk", used=2.0)
    assert bench.coalescer.held() == {(TOPIC, 0): 11}


def test_held_by_partial_values_is_the_earliest_of_them():
    bench = Bench(linger_ms=500)
    bench.offer(power=1.0)
    for _ in range(5):
        bench.offer(energy=1.0)
    assert bench.coalescer.held() == {(TOPIC, 0): 1}


def test_drain_leaves_nothing():
    bench = Bench(linger_ms=500)
    bench.offer("power")
    bench.offer("disk", thing="racktwin.berlin:server-s1", used=1.0)
    assert len(bench.coalescer) == 2
    assert {merge.thing for merge in bench.coalescer.drain(bench.now)} == {THING, "racktwin.berlin:server-s1"}
    assert not bench.coalescer.held()
    assert len(bench.coalescer) == 0
    bench.run(2000)
    assert not bench.sent


def test_what_came_from_a_lost_partition_is_dropped_and_taken_again():
    bench = Bench(linger_ms=100)
    bench.offer(at=T0, partition=1, power=1.0)
    bench.offer("disk", partition=2, used=1.0)
    bench.coalescer.drop([(TOPIC, 1)])
    assert set(bench.coalescer.held()) == {(TOPIC, 2)}
    assert bench.offer(at=T0, partition=1, power=1.0)
    bench.run(200)
    assert bench.sent[0][1].features.keys() == {"power", "disk"}


def test_things_that_are_no_more_are_forgotten_but_not_what_is_pending():
    bench = Bench(linger_ms=0)
    bench.offer(power=1.0)
    bench.coalescer.forget(lambda thing: False)
    assert bench.take()
    bench.coalescer.forget(lambda thing: True)
    assert not bench.offer(at=T0 - 5, power=0.0)
    bench.coalescer.forget(lambda thing: False)
    # Nothing is known of it any more, so an older reading is a first one.
    assert bench.offer(at=T0 - 5, power=0.0)


def test_with_little_credit_all_things_get_their_turn_and_the_newest_value():
    bench = Bench(linger_ms=0, tolerance=0.0)
    things = [f"racktwin.berlin:rack-{number}" for number in range(10)]
    sent = []
    for second in range(20):
        bench.now = T0 + second * 1000
        for thing in things:
            bench.offer(thing=thing, power=float(second))
        merges = bench.coalescer.take(bench.now, limit=2)
        assert len(merges) <= 2
        sent += [(second, merge) for merge in merges]
    # Each thing every fifth second, and always with what was newest then.
    for thing in things:
        times = [second for second, merge in sent if merge.thing == thing]
        assert [later - earlier for earlier, later in itertools.pairwise(times)] == [5] * (len(times) - 1)
        assert len(times) == 4
    assert all(merge.features["power"]["power"] == float(second) for second, merge in sent)


def test_slow_features_wait_before_critical_ones():
    bench = Bench({"disk": 5000}, linger_ms=0, tolerance=0.0)
    bench.coalescer.slow_stretch = 4.0
    for second in range(60):
        bench.now = T0 + second * 1000
        bench.offer("power", power=float(second))
        bench.offer("disk", used=float(second))
        bench.take()
    assert len(bench.sent) == 60
    assert [at - T0 for at, merge in bench.sent if "disk" in merge.features] == [0, 20_000, 40_000]


def silent(bench, ms):
    """Seconds pass without a reading; when something became stale."""
    found = []
    for second in range(1, ms // 1000 + 1):
        bench.now += 1000
        if bench.coalescer.silence(bench.now):
            found.append(second)
        bench.take()
    return found


def test_a_silent_feature_turns_stale_once_and_good_with_its_next_reading():
    bench = Bench(linger_ms=0)
    for value in range(4):
        bench.offer(power=float(value))
        bench.run(1000)
    before = len(bench.sent)
    newest = bench.now - 1000
    assert silent(bench, 20_000) == [3]
    ((_, stale),) = bench.sent[before:]
    assert stale.features == {"power": {"quality": "stale", "observedAt": newest}}
    assert not bench.coalescer.held()
    bench.offer(power=9.0)
    (good,) = bench.take()
    assert good.features["power"]["quality"] == "good"


def test_a_device_with_a_slower_rhythm_is_given_its_time():
    bench = Bench(linger_ms=0)
    for value in range(5):
        bench.offer(power=float(value))
        assert not silent(bench, 10_000)
    assert silent(bench, 60_000) == [21]


def test_one_reading_alone_tells_no_rhythm():
    bench = Bench(linger_ms=0, stale_grace_ms=30_000)
    bench.offer(power=1.0)
    assert silent(bench, 60_000) == [31]


def test_what_happens_seldom_is_never_stale():
    bench = Bench({"control": 0}, linger_ms=0)
    bench.offer("control", setpoint=18.0)
    assert not silent(bench, 120_000)


def test_a_stale_value_that_was_pending_is_sent_as_stale():
    bench = Bench({"disk": 300_000}, linger_ms=0, hold_ms=2_000_000, stale_grace_ms=0)
    bench.coalescer.slow_stretch = 10.0
    bench.offer("disk", used=1.0)
    bench.take()
    bench.run(1000)
    bench.offer("disk", used=2.0)
    assert silent(bench, 4_000_000)
    assert [merge.features["disk"] for _, merge in bench.sent][-1] == {
        "used": 2.0,
        "quality": "stale",
        "observedAt": T0 + 1000,
    }


def test_a_twin_does_not_go_back_behind_what_it_held_at_the_start():
    bench = Bench(linger_ms=0, known=lambda thing: {"power": T0} if thing == THING else {})
    assert not bench.offer(at=T0 - 1, power=1.0)
    assert bench.offer(at=T0, power=2.0)
    assert bench.offer("disk", at=T0 - 1, used=1.0)
    assert bench.take()


readings = st.lists(
    st.tuples(
        st.integers(0, 400),  # ms since the reading before
        st.sampled_from(["a", "b"]),  # thing
        st.sampled_from(["power", "disk"]),
        st.integers(-3000, 0),  # how long ago it was observed
    ),
    max_size=150,
)


@given(readings, st.integers(0, 100))
def test_whatever_comes(stream, linger):
    """At most one merge per thing and interval; the twin ends at the newest; it never goes back; offsets are safe."""
    bench = Bench({"disk": 5000}, linger_ms=linger, tolerance=0.0)
    newest = {}
    offsets = {}
    for wait, thing, feature, ago in stream:
        bench.run(wait)
        at = bench.now - ago * -1
        bench.offer(feature, at=at, thing=thing, value=float(at))
        if at >= newest.get((thing, feature), 0):
            newest[thing, feature] = at
            offsets[thing, feature] = bench.offset
        sent = {(m.thing, f): p["observedAt"] for _, m in bench.sent for f, p in m.features.items()}
        unsent = [offsets[key] for key, value in newest.items() if sent.get(key) != value]
        if unsent:
            assert bench.coalescer.held()[TOPIC, 0] <= min(unsent)
    bench.run(40_000, step=50)
    twin = {}
    last_merge = {}
    for at, merge in bench.sent:
        assert at - last_merge.get(merge.thing, 0) >= 1000
        last_merge[merge.thing] = at
        for feature, properties in merge.features.items():
            assert properties["observedAt"] >= twin.get((merge.thing, feature), 0)
            twin[merge.thing, feature] = properties["observedAt"]
            assert properties["value"] == float(properties["observedAt"])
    assert twin == newest
    assert bench.coalescer.held() == {}
