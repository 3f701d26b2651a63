"""What the sink makes of InfluxDB's answers."""

from __future__ import annotations

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from historian.settings import HistorianSettings
from historian.sink import InfluxSink, Unavailable


@pytest.fixture
def influx(fakes):
    return fakes.Influx()


@pytest.fixture
def sink(influx):
    return InfluxSink(HistorianSettings(), client=influx)


def line(index, word="value"):
    return f"m,n={index} {word}=1.0 1000"


def test_bucket_and_organisation_are_made(influx, sink):
    influx.orgs.clear()
    assert sink.write("berlin", [line(1)]) == []
    assert influx.orgs == {"racktwin"}
    assert len(influx.buckets["berlin"]) == 1


def test_a_bucket_deleted_behind_our_back_is_made_again(influx, sink):
    sink.write("berlin", [line(1)])
    del influx.buckets["berlin"]
    assert sink.write("berlin", [line(2)]) == []
    assert len(influx.buckets["berlin"]) == 1


def test_nothing_to_write_asks_nothing(influx, sink):
    assert sink.write("berlin", []) == []
    assert influx.requests == 0


@given(st.lists(st.sampled_from(["value", "poison", "unparsable"]), min_size=1, max_size=70))
def test_bad_lines_are_found_and_the_others_written(fakes, words):
    influx = fakes.Influx()
    sink = InfluxSink(HistorianSettings(), client=influx)
    refused = sink.write("berlin", [line(index, word) for index, word in enumerate(words)])
    assert sorted(one.index for one in refused) == [i for i, word in enumerate(words) if word != "value"]
    assert len(influx.buckets["berlin"]) == words.count("value")
    for one in refused:
        wanted = "field_type_conflict" if words[one.index] == "poison" else "refused_by_influxdb"
        assert one.reason == wanted
        assert one.detail


def test_one_bad_line_among_thousands_costs_few_requests(influx, sink):
    lines = [line(index) for index in range(5000)]
    lines[1234] = line(1234, "poison")
    sink.write("berlin", lines)
    assert influx.requests < 40


def test_between_is_called_while_halving(sink):
    calls = []
    sink.write("berlin", [line(1, "poison"), line(2)], lambda: calls.append(1))
    assert len(calls) == 3


@pytest.mark.parametrize("status", [500, 503, 429, 408, 401, 403])
def test_an_answer_that_passes_is_no_fault_of_the_lines(fakes, influx, sink, status):
    sink.write("berlin", [line(0)])
    influx.down = fakes.answer(status, "not now")
    with pytest.raises(Unavailable, match="not now"):
        sink.write("berlin", [line(1), line(2)])
    influx.down = None
    assert sink.write("berlin", [line(1), line(2)]) == []


@pytest.mark.parametrize(
    "failure",
    [
        urllib3.exceptions.NewConnectionError(None, "refused"),
        urllib3.exceptions.ReadTimeoutError(None, None, "timed out"),
        ConnectionResetError(),
    ],
)
def test_no_answer_is_no_fault_of_the_lines(influx, sink, failure):
    sink.write("berlin", [line(0)])
    influx.down = failure
    with pytest.raises(Unavailable):
        sink.write("berlin", [line(1)])


def test_retry_after_is_heard(fakes, influx, sink):
    sink.ensure_bucket("berlin")
    influx.down = fakes.answer(429, "slow down", {"Retry-After": "7"})
    with pytest.raises(Unavailable) as caught:
        sink.write("berlin", [line(1)])
    assert caught.value.retry_after_s == 7.0
