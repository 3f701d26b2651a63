"""What a process of the pipeline says of itself: increments, gauges as they are, nothing for a site at rest."""

from __future__ import annotations

import json

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from historian.__main__ import HOP as HISTORIAN
from ingest.__main__ import HOP as INGEST
from racktwin.catalogue_computed import resolve
from racktwin.hops import HopReport, instance_name

NOW = 1_780_000_000_000


@pytest.fixture
def registry():
    return CollectorRegistry()


def test_a_report_tells_what_came_since_the_last(registry):
    messages = Counter("messages_total", "m", ["site"], registry=registry)
    rejects = Counter("rejects_total", "r", ["site", "reason"], registry=registry)
    missing = Gauge("missing", "m", ["site", "kind"], registry=registry)
    lag = Histogram("lag", "l", registry=registry)
    names = {"received": "messages_total", "rejected": "rejects_total", "missing": "missing", "lag": "lag"}
    report = HopReport("ingest", names, registry=registry, instance="a")

    messages.labels("berlin").inc(10)
    rejects.labels("berlin", "malformed_json").inc(2)
    rejects.labels("berlin", "unknown_thing").inc(1)
    missing.labels("berlin", "rack").set(4)
    missing.labels("berlin", "server").set(1)
    lag.observe(0.2)
    lag.observe(0.4)
    (topic, key, reading), (twin_topic, _, twin) = report.records(NOW)
    assert (topic, twin_topic) == ("racktwin.readings.berlin", "racktwin.twin.berlin")
    assert key == "racktwin.berlin:site-berlin"
    record = json.loads(reading)
    assert record["values"] == {"received": 10, "rejected": 3, "missing": 5, "lag": 0.3}
    feature = resolve("site", record["feature"])
    assert feature is not None
    assert feature.measurement == "pipeline"
    assert set(record["values"]) <= set(feature.by_name)
    processes = json.loads(twin)["value"]["hops"]["properties"]["processes"]
    assert processes == {"ingest-a": {"hop": "ingest", "at": NOW, "missing": 5.0}}

    assert list(report.records(NOW + 10_000)) == []
    messages.labels("berlin").inc(7)
    (_, _, reading), _ = report.records(NOW + 20_000)
    assert json.loads(reading)["values"] == {"received": 7, "rejected": 0, "missing": 5}


def test_sites_are_told_apart_and_what_is_no_site_is_left_out(registry):
    messages = Counter("messages_total", "m", ["site"], registry=registry)
    messages.labels("north").inc()
    messages.labels("south").inc(2)
    messages.labels("No Site").inc()
    report = HopReport("ingest", {"received": "messages_total"}, registry=registry, instance="a")
    keys = [key for topic, key, _ in report.records(NOW) if topic.startswith("racktwin.readings.")]
    assert keys == ["racktwin.north:site-north", "racktwin.south:site-south"]


@pytest.mark.parametrize("hop", [INGEST, HISTORIAN])
def test_the_metrics_that_are_named_exist(hop):
    known = {family.name for family in REGISTRY.collect()}
    assert {name.removesuffix("_total") for name in hop.values()} <= known


def test_a_replica_is_named_by_its_pod(monkeypatch):
    monkeypatch.setenv("HOSTNAME", "berlin-ingest-7d9c5b6f4d-x2x9k")
    assert instance_name() == "5b6f4d-x2x9k"
    assert resolve("site", f"pipeline.ingest.{instance_name()}") is not None
