"""The twins' side of several sites: credit, priority, isolation; and what the watch asks Kafka."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from ingest.coalesce import Coalescer
from ingest.fleet import Pace
from ingest.flow import Offsets, TwinFlow
from ingest.pressure import TwinWatch
from ingest.twins import Twins

T0 = 1767225600000


class Watch:
    def __init__(self):
        self.sites = frozenset()
        self.seen = {}

    def take(self):
        taken, self.seen = self.seen, {}
        return taken


class Bench:
    def __init__(self):
        self.watch = Watch()
        self.twins = Twins(
            lambda: Coalescer(lambda feature: 5000 if feature == "disk" else 1000, linger_ms=0, tolerance=0.0),
            lambda: TwinFlow(least=10),
            self.watch,
        )
        self.offset = 0

    def offer(self, site, things, now, feature="power"):
        for number in range(things):
            self.offset += 1
            self.twins.of(site).offer(
                f"racktwin.{site}:rack-{number}",
                site,
                feature,
                now,
                {"power": 1.0},
                quality="good",
                now=now,
                source=(f"hono.telemetry.{site}", 0, self.offset),
            )

    def seen(self, site, now, end, committed):
        self.watch.seen[site] = Offsets(now, {0: end}, {0: committed})


@pytest.fixture
def bench():
    return Bench()


def test_a_site_says_how_often_its_twins_are_updated(bench):
    bench.offer("oslo", 1, T0)
    bench.twins.pace({"oslo": Pace(4000, 60_000)})
    assert [merge.site for merge in bench.twins.due(T0)] == ["oslo"]
    bench.offer("oslo", 1, T0 + 1500)
    bench.offer("berlin", 1, T0)
    assert [merge.site for merge in bench.twins.due(T0 + 1500)] == ["berlin"]
    assert [merge.site for merge in bench.twins.due(T0 + 4000)] == ["oslo"]


def test_one_site_s_closed_connection_holds_up_no_other(bench):
    bench.offer("berlin", 100, T0)
    bench.offer("oslo", 100, T0)
    assert bench.watch.sites == {"berlin", "oslo"}
    bench.seen("berlin", T0, 50, 40)
    bench.seen("oslo", T0, 50, 50)
    bench.twins.due(T0)
    bench.offer("berlin", 100, T0 + 2000)
    bench.offer("oslo", 100, T0 + 2000)
    bench.seen("berlin", T0 + 2000, 50, 40)
    bench.seen("oslo", T0 + 2000, 60, 60)
    assert {merge.site for merge in bench.twins.due(T0 + 2000)} == {"oslo"}
    assert bench.twins.stalled(T0 + 60_000) == ["berlin"]
    # What berlin's twins wait for holds its own offsets alone.
    assert {topic for topic, _ in bench.twins.held()} >= {"hono.telemetry.berlin"}


def test_no_more_than_ditto_has_room_for(bench):
    bench.offer("berlin", 100, T0)
    bench.seen("berlin", T0, 4, 0)
    assert len(bench.twins.due(T0)) == 6
    assert len(bench.twins.due(T0 + 1)) == 0
    assert len(bench.twins) == 94
    # A stop leaves them to be read again rather than queue them.
    assert bench.twins.drain(T0 + 2) == []


def test_without_pressure_a_stop_sends_everything(bench):
    bench.offer("berlin", 5, T0)
    assert len(bench.twins.drain(T0)) == 5


def test_slow_features_go_back_to_their_interval_when_ditto_has_kept_up(bench):
    bench.offer("berlin", 100, T0)
    bench.seen("berlin", T0, 4, 0)
    bench.twins.due(T0)
    assert bench.twins.of("berlin").slow_stretch > 1
    for second in range(1, 100):
        bench.seen("berlin", T0 + second * 1000, 4 + second * 50, 4 + second * 50)
        bench.twins.due(T0 + second * 1000)
    assert bench.twins.of("berlin").slow_stretch == 1


class Future:
    def __init__(self, value):
        self.value = value

    def result(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Admin:
    """Two partitions; partition 1 has no committed offset."""

    def __init__(self):
        self.groups = []
        self.error = None

    def list_topics(self, topic, timeout):
        return SimpleNamespace(topics={topic: SimpleNamespace(partitions={0: None, 1: None})})

    def list_consumer_group_offsets(self, groups, request_timeout):
        (group,) = groups
        self.groups.append(group.group_id)
        offsets = [
            TopicPartition(tp.topic, tp.partition, 7 if tp.partition == 0 else -1001) for tp in group.topic_partitions
        ]
        return {group.group_id: Future(self.error or SimpleNamespace(topic_partitions=offsets))}

    def list_offsets(self, wanted, request_timeout):
        return {tp: Future(SimpleNamespace(offset=10)) for tp in wanted}


def test_the_watch_asks_for_the_group_of_each_site():
    admin = Admin()
    watch = TwinWatch(admin, lambda: T0, structlog.get_logger(), group="racktwin-{site}-twin")
    watch.look("berlin")
    assert admin.groups == ["racktwin-berlin-twin"]
    assert watch.take() == {"berlin": Offsets(T0, {0: 10, 1: 10}, {0: 7})}
    assert watch.take() == {}


def test_a_watch_that_may_not_ask_limits_nothing():
    admin = Admin()
    admin.error = KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
    watch = TwinWatch(admin, lambda: T0, structlog.get_logger(), group="g")
    watch.look("berlin")
    assert watch.take() == {}
