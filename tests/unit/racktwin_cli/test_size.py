"""Sizes follow the load: more of it never makes anything smaller, and the figures are those that were measured."""

from __future__ import annotations

import dataclasses

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from racktwin_cli.main import cli
from racktwin_cli.size.command import Duration
from racktwin_cli.size.estimate import Load, estimate
from racktwin_cli.size.figures import FIGURES

BASE = Load(racks=10_000)
LOADS = st.builds(
    Load,
    racks=st.integers(1, 200_000),
    sensors=st.integers(1, 20),
    interval_s=st.floats(0.1, 600),
    servers=st.integers(0, 40),
    targets=st.integers(0, 6),
    prediction_interval_s=st.floats(1, 600),
    twin_interval_s=st.floats(0.1, 60),
    http=st.booleans(),
    ditto_cores=st.integers(1, 256),
    retention_h=st.floats(0, 500),
    raw_days=st.floats(0, 100),
    busy=st.floats(0.1, 1.0),
)


def grows(smaller, larger, *but):
    for field in dataclasses.fields(smaller):
        if field.name not in but:
            low, high = getattr(smaller, field.name), getattr(larger, field.name)
            assert high >= low * (1 - 1e-12), field.name


@given(load=LOADS, factor=st.floats(1, 10))
def test_more_racks_make_nothing_smaller(load, factor):
    more = dataclasses.replace(load, racks=round(load.racks * factor))
    grows(estimate(load), estimate(more))


@given(load=LOADS, more=st.integers(0, 10))
def test_more_sensors_and_servers_make_nothing_smaller(load, more):
    grows(estimate(load), estimate(dataclasses.replace(load, sensors=load.sensors + more)))
    grows(estimate(load), estimate(dataclasses.replace(load, servers=load.servers + more)))


@given(load=LOADS, factor=st.floats(1, 10))
def test_shorter_intervals_make_nothing_smaller(load, factor):
    shorter = dataclasses.replace(load, interval_s=load.interval_s / factor)
    grows(estimate(load), estimate(shorter))


@given(load=LOADS, more=st.integers(0, 64))
def test_more_cores_for_ditto_never_make_twins_older(load, more):
    before, after = estimate(load), estimate(dataclasses.replace(load, ditto_cores=load.ditto_cores + more))
    assert after.twin_interval_s <= before.twin_interval_s * (1 + 1e-12)
    assert after.ditto_throttle_per_s >= before.ditto_throttle_per_s


@given(load=LOADS)
def test_the_widened_interval_is_one_that_ditto_takes(load):
    size = estimate(load)
    widened = size.twin_interval_s / load.twin_interval_s
    assert widened >= 1 - 1e-12
    assert size.merges_wanted_per_s / widened <= size.ditto_merges_per_s * (1 + 1e-9)


@given(load=LOADS)
def test_every_consumer_has_a_partition(load):
    size = estimate(load)
    assert size.partitions >= max(3, size.ingest_replicas, size.historian_replicas, size.runner_replicas)


def test_ten_thousand_racks_by_hand():
    size = estimate(BASE)
    assert size.readings_per_s == 40_000
    # 40,000 readings of 24 µs are one core, 2 when 60 % of each is planned for.
    assert size.ingest_replicas == 2
    # 800 merges/s on four cores, 60 % of them planned for.
    assert size.ditto_merges_per_s == pytest.approx(480)
    assert size.merges_wanted_per_s == 11_000
    assert size.twin_interval_s == pytest.approx(11_000 / 480)
    assert size.influx_lines_per_s == 42_000


@pytest.mark.parametrize("name", ["racks", "sensors", "interval_s", "busy", "ditto_cores", "prediction_interval_s"])
def test_what_cannot_be_is_refused(name):
    with pytest.raises(ValueError, match=name):
        estimate(dataclasses.replace(BASE, **{name: 0}))


def test_every_figure_says_where_it_was_measured():
    for figure in FIGURES:
        assert figure.value > 0
        assert figure.unit
        assert len(figure.measured) > 10
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1s", 1), ("5", 5), ("5m", 300), ("24h", 86_400), ("1.5d", 129_600)]
)
def test_durations(text, seconds):
    assert Duration().convert(text, None, None) == seconds


def test_the_command_prints_both_forms():
    runner = CliRunner()
    table = runner.invoke(cli, ["size", "--racks", "10000", "--sensors", "4", "--interval", "1s"])
    assert table.exit_code == 0, table.output
    assert "40,000/s" in table.output
    assert "measured on" in table.output
    told = runner.invoke(cli, ["size", "--racks", "10000", "--json"])
    assert '"ingest_replicas":2' in told.output
    assert runner.invoke(cli, ["size", "--racks", "0"]).exit_code == 2
    assert runner.invoke(cli, ["size", "--racks", "5", "--interval", "soon"]).exit_code == 2
