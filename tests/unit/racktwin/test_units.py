"""Units: conversions agree with each other and with known points; what is unknown is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin import units
from racktwin.catalogue import FEATURES

TARGETS = sorted({prop.unit for feature in FEATURES for prop in feature.properties if prop.unit is not None})
SPELLINGS = [
    "Cel",
    "K",
    "[degF]",
    "%",
    "%RH",
    "/",
    "1",
    "W",
    "kW",
    "MW",
    "V",
    "A",
    "Hz",
    "GHz",
    "By",
    "GiBy",
    "m3/h",
    "h",
    "s",
]


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (273.15, "K", "Cel", 0.0),
        (32.0, "[degF]", "Cel", 0.0),
        (212.0, "[degF]", "Cel", 100.0),
        (-40.0, "[degF]", "Cel", -40.0),
        (41.0, "%RH", "%", 41.0),
        (0.41, "/", "%", 41.0),
        (4.2, "kW", "W", 4200.0),
        (3.6e6, "J", "kW.h", 1.0),
        (1.0, "GiBy", "By", 1024.0**3),
        (2118.880, "[cft_i]/min", "m3/s", 1.0),
        (90.0, "min", "h", 1.5),
    ],
)
def test_known_points(value, unit, to, expected):
    assert units.convert(value, unit, to) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("to", TARGETS)
def test_a_property_s_own_unit_changes_nothing(to):
    assert units.conversion(to, to) == (1, 0)


def convertible(to, unit):
    try:
        units.conversion(unit, to)
    except units.UnitMismatch:
        return False
    return True


PAIRS = [(to, unit) for to in TARGETS for unit in SPELLINGS if convertible(to, unit)]


@given(st.sampled_from(PAIRS), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_conversions_keep_order_and_differences(pair, a, b):
    to, unit = pair
    factor, offset = units.conversion(unit, to)
    assert factor > 0
    difference = units.convert(a, unit, to) - units.convert(b, unit, to)
    assert difference == pytest.approx(factor * (a - b), rel=1e-9, abs=1e-3 * factor + abs(offset) * 1e-9 + 1e-6)


@given(st.text(max_size=12), st.sampled_from(TARGETS))
def test_a_unit_is_known_or_refused_by_name(unit, to):
    if convertible(to, unit):
        assert units.conversion(unit, to)[0] > 0
    else:
        with pytest.raises(units.UnitMismatch, match=re.escape(to)):
            units.conversion(unit, to)


@pytest.mark.parametrize(
    ("unit", "to"), [("kg", "Cel"), ("W", "Cel"), ("Cel", "W"), ("C", "Cel"), ("", "%"), ("Cel", "K")]
)
def test_what_measures_something_else(unit, to):
    with pytest.raises(units.UnitMismatch):
        units.convert(1.0, unit, to)
