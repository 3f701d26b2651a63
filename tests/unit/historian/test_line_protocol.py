"""Line protocol: what is written is read back the same by an independent reader of the grammar."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import line_protocol as lp

_printable = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\n\r"), min_size=1, max_size=40)
names = _printable.filter(lambda text: not text.endswith("\\"))
measurements = names.filter(lambda text: not text.startswith("#"))
values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=("Cs",)), max_size=60),
)


def parse(line: str) -> tuple[str, dict[str, str], dict[str, object], int]:
    """A reader of the grammar, written from its description: a backslash takes the meaning from what it escapes."""
    at = 0

    def until(stops: str, escapable: str) -> str:
        nonlocal at
        text = ""
        while at < len(line) and line[at] not in stops:
            if line[at] == "\\" and at + 1 < len(line) and line[at + 1] in escapable:
                at += 1
            text += line[at]
            at += 1
        return text

    def field() -> object:
        nonlocal at
        if line[at] == '"':
            at += 1
            text = until('"', '"\\')
            at += 1
            return text
        text = until(", ", "")
        if text in ("true", "false"):
            return text == "true"
        return int(text[:-1]) if text.endswith("i") else float(text)

    measurement = until(", ", ", ")
    tag_set: dict[str, str] = {}
    while line[at] == ",":
        at += 1
        key = until("=", ",= ")
        at += 1
        tag_set[key] = until(", ", ",= ")
    field_set: dict[str, object] = {}
    while line[at] in " ,":
        at += 1
        key = until("=", ",= ")
        at += 1
        field_set[key] = field()
        if line[at] == " ":
            at += 1
            break
    return measurement, tag_set, field_set, int(line[at:])


@given(
    measurements,
    st.dictionaries(names, names, max_size=4),
    st.dictionaries(names, values, min_size=1, max_size=4),
    st.integers(-(2**40), 2**45),
)
def test_what_is_written_is_read_back(measurement, tag_set, field_set, time):
    line = lp.line(lp.measurement(measurement) + lp.tags(tag_set.items()), lp.fields(field_set), time)
    read = parse(line)
    assert read == (measurement, tag_set, field_set, time)
    assert [type(value) for value in read[2].values()] == [type(value) for value in field_set.values()]


@given(st.dictionaries(names, names, max_size=6))
def test_a_series_has_one_spelling(tag_set):
    pairs = list(tag_set.items())
    assert lp.tags(pairs) == lp.tags(reversed(pairs))


def test_absent_tags_are_left_out():
    assert lp.tags([("room", None), ("row", ""), ("kind", "rack")]) == ",kind=rack"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**63, -(2**63) - 1])
def test_values_influxdb_cannot_hold_are_refused(value):
    with pytest.raises(lp.Unwritable):
        lp.field_value(value)


@pytest.mark.parametrize("name", ["", "a\nb", "a\rb", "a\\"])
def test_names_the_grammar_cannot_hold_are_refused(name):
    with pytest.raises(lp.Unwritable):
        lp.measurement(name)
    with pytest.raises(lp.Unwritable):
        lp.field_key(name)
    if name:
        with pytest.raises(lp.Unwritable):
            lp.tags([("thing", name)])


def test_a_measurement_is_no_comment():
    with pytest.raises(lp.Unwritable):
        lp.measurement("#environment")


def test_a_point_needs_a_field():
    with pytest.raises(lp.Unwritable):
        lp.fields({})
