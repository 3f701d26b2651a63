"""SenML packs: the RFC's own examples, one bad record among good ones, and writing what is read."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin import senml

NOW = 1767225600000


def resolve(pack, now=NOW):
    data = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    return list(senml.resolve(senml.decode(data), now))


def test_single_data_point():
    """RFC 8428 §5.1.1."""
    (record,) = resolve([{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}])
    assert (record.name, record.unit, record.value, record.time, record.problem) == (
        "urn:dev:ow:10e2073a01080063",
        "Cel",
        23.1,
        NOW,
        None,
    )


def test_multiple_data_points_with_base_fields():
    """RFC 8428 §5.1.2 and the resolved form of §5.1.3."""
    records = resolve(
        [
            {
                "bn": "urn:dev:ow:10e2073a0108006:",
                "bt": 1.276020076001e09,
                "bu": "A",
                "bver": 5,
                "n": "voltage",
                "u": "V",
                "v": 120.1,
            },
            {"n": "current", "t": -5, "v": 1.2},
            {"n": "current", "t": -4, "v": 1.3},
            {"n": "current", "v": 1.7},
        ]
    )
    assert [(r.name.rpartition(":")[2], r.unit, r.time, r.value) for r in records] == [
        ("voltage", "V", 1276020076001, 120.1),
        ("current", "A", 1276020071001, 1.2),
        ("current", "A", 1276020072001, 1.3),
        ("current", "A", 1276020076001, 1.7),
    ]


def test_times_below_2_to_the_28_are_relative_to_now():
    """RFC 8428 §4.5.3."""
    records = resolve([{"n": "a", "v": 1, "t": -10}, {"n": "a", "v": 1, "t": 0}, {"n": "a", "v": 1, "t": 2**28 - 1}])
    assert [record.time for record in records] == [NOW - 10_000, NOW, NOW + (2**28 - 1) * 1000]
    assert resolve([{"n": "a", "v": 1, "t": 2**28}])[0].time == 2**28 * 1000


def test_base_value_is_added_and_base_name_alone_names():
    records = resolve([{"bn": "a", "bv": 20, "v": 3.5}, {"n": "b", "v": -1}])
    assert [(record.name, record.value) for record in records] == [("a", 23.5), ("ab", 19.0)]


def test_values_of_every_kind():
    records = resolve([{"n": "a", "v": 1}, {"n": "b", "vs": "on"}, {"n": "c", "vb": False}])
    assert [record.value for record in records] == [1.0, "on", False]


def test_a_record_of_base_fields_alone_is_no_value():
    assert [record.name for record in resolve([{"bn": "x/", "bt": 1767225600}, {"n": "a", "v": 1}])] == ["x/a"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"n": "a"}, "malformed_json"),
        ({"n": "a", "vd": "AAAA"}, "malformed_json"),
        ({"n": "a", "s": 3}, "malformed_json"),
        ({"n": "a", "v": "warm"}, "not_a_number"),
        ({"n": "a", "v": True}, "malformed_json"),
        ({"n": "a", "v": 1, "t": "noon"}, "malformed_json"),
        ({"n": "a", "v": 1, "t": float("nan")}, "not_a_number"),
        ({"n": "a", "v": 1, "t": float("inf")}, "not_a_number"),
        ({"n": 5, "v": 1}, "malformed_json"),
        ({"n": "-a", "v": 1}, "malformed_json"),
        ({"n": "a b", "v": 1}, "malformed_json"),
        (7, "malformed_json"),
        (None, "malformed_json"),
    ],
)
def test_one_bad_record_leaves_the_others(bad, reason):
    records = resolve([{"n": "first", "v": 1}, bad, {"n": "last", "v": 2}])
    assert [record.value for record in records if record.problem is None] == [1.0, 2.0]
    (unusable,) = [record for record in records if record.problem is not None]
    assert unusable.reason == reason


def test_literals_that_json_has_not_are_read_for_the_caller_to_refuse():
    records = resolve(b'[{"n":"a","v":NaN},{"n":"b","v":-Infinity},{"n":"c","v":1e999},{"n":"d","v":4}]')
    assert math.isnan(records[0].value)
    assert [record.value for record in records[1:]] == [-math.inf, math.inf, 4.0]


@pytest.mark.parametrize("data", [b"", b"{}", b"5", b"[", b'[{"n":"a","v":1}', b"\xff", b'[{"n":"a" "v":1}]'])
def test_what_is_no_pack(data):
    with pytest.raises(senml.BadPack):
        senml.decode(data)


def test_a_version_from_the_future():
    with pytest.raises(senml.BadPack, match="bver"):
        resolve([{"bver": 11, "n": "a", "v": 1}])


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,20}", fullmatch=True)


@given(
    st.lists(st.tuples(names, st.floats(allow_nan=False, allow_infinity=False), st.integers(2**28, 2**33)), max_size=20)
)
def test_what_is_written_is_read(values):
    pack = senml.encode([{"n": name, "v": value, "t": seconds, "u": "Cel"} for name, value, seconds in values])
    read = list(senml.resolve(senml.decode(pack), NOW))
    assert [(r.name, r.value, r.time) for r in read] == [
        (name, value, seconds * 1000) for name, value, seconds in values
    ]
    assert all(record.problem is None and record.unit == "Cel" for record in read)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_is_a_pack_or_refused(document):
    try:
        records = resolve(json.dumps(document).encode())
    except senml.BadPack:
        return
    assert all(record.problem is not None or record.value is not None for record in records)


fields = st.dictionaries(
    st.sampled_from(["bn", "bt", "bu", "bv", "n", "u", "v", "vs", "vb", "t", "s", "ut"]),
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
)


@given(st.lists(fields, max_size=6))
def test_any_record_is_resolved_or_says_its_problem(pack):
    for record in resolve(pack):
        assert isinstance(record.time, int)
        assert record.problem is not None or record.value is not None
