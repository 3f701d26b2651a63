"""Moist air: the published check, and what must hold of any moist air."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin.psychrometrics import dew_point, humidity_ratio, relative_humidity, saturation_pressure

temperatures = st.floats(-40, 60)
humidities = st.floats(1, 100)


def test_the_published_check():
    assert dew_point(24.0, 50.0) == pytest.approx(12.9, abs=0.05)


def test_saturation_pressure_at_the_triple_point():
    assert saturation_pressure(0.0) == pytest.approx(6.112)


@given(temperatures, humidities)
def test_the_dew_point_is_at_most_the_temperature(temperature, humidity):
    assert dew_point(temperature, humidity) <= temperature + 1e-9


@given(temperatures)
def test_saturated_air_is_at_its_dew_point(temperature):
    assert dew_point(temperature, 100.0) == pytest.approx(temperature, abs=1e-9)


@given(temperatures, humidities)
def test_relative_humidity_is_its_inverse(temperature, humidity):
    assert relative_humidity(temperature, dew_point(temperature, humidity)) == pytest.approx(humidity, rel=1e-9)


@given(temperatures, st.floats(1, 99), st.floats(0.01, 1.0))
def test_moister_air_has_the_higher_dew_point(temperature, humidity, more):
    assert dew_point(temperature, humidity + more) > dew_point(temperature, humidity)


@given(st.floats(10, 35), st.floats(20, 80), st.floats(0.5, 15))
def test_heating_without_moisture_keeps_the_dew_point(temperature, humidity, rise):
    """Air that a server heats keeps its vapour: why bottom and top sensors of a rack share one dew point."""
    vapour = saturation_pressure(temperature) * humidity / 100
    warmer = 100 * vapour / saturation_pressure(temperature + rise)
    assert dew_point(temperature + rise, warmer) == pytest.approx(dew_point(temperature, humidity), abs=1e-9)
    assert humidity_ratio(vapour) == pytest.approx(0.622 * vapour / (1013.25 - vapour))


@pytest.mark.parametrize("humidity", [0.0, -1.0, 100.1, float("nan")])
def test_humidities_that_are_none(humidity):
    with pytest.raises(ValueError, match="relative humidity"):
        dew_point(20.0, humidity)
