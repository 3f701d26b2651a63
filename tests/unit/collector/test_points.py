"""Points and bindings: units, scales, sentinels, and what a device's place and feed leave out."""

from __future__ import annotations

from typing import Any

import pytest

from collector.config import Interval
from collector.model import ConfigError
from collector.points import Point, bind


def one(thing: str = "rack-a", feed: str = "", sensor: str = "", **point: Any) -> Any:
    bound = bind([Point(**point)], site="t", thing=thing, interval=Interval(), feed=feed, sensor=sensor)
    return bound[0] if bound else None


def test_a_value_is_scaled_and_converted_to_the_catalogues_unit() -> None:
    binding = one(feature="power", property="power", unit="kW", scale=0.01)
    assert binding.reading(523, 7).value == 5230
    assert binding.reading(523, 7).thing == "racktwin.t:rack-a"
    assert one(feature="environment.top", property="temperature", unit="[degF]").reading(77, 0).value == 25


@pytest.mark.parametrize("raw", [None, "n/a", float("nan"), -1, float("inf"), []])
def test_what_is_no_value_has_no_reading(raw: Any) -> None:
    assert one(feature="power", property="power", invalid=[-1]).reading(raw, 0) is None


def test_a_feed_and_a_sensor_choose_the_property_and_the_feature() -> None:
    assert one(feed="B", feature="power", property="power{feed}").property == "powerB"
    assert one(feature="power", property="power{feed}").property == "power"
    assert (
        one(sensor="rear-top", feature="environment.{sensor}", property="temperature").feature == "environment.rear-top"
    )
    # No voltage of a whole rack, no place of a sensor: left out, not an error.
    assert one(feature="power", property="voltage{feed}") is None
    assert one(feature="environment.{sensor}", property="temperature") is None


def test_text_is_one_of_what_the_catalogue_allows() -> None:
    binding = one("cooling-c1", feature="control", property="mode", values={"0": "auto", "1": "manual"})
    assert binding.reading(1.0, 0).value == "manual"
    assert binding.reading(7, 0) is None
    with pytest.raises(ConfigError, match=r"turbo.*auto, manual, mpc"):
        one("cooling-c1", feature="control", property="mode", values={"0": "turbo"})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"property": "volume"}, "power/volume of a rack: not in the catalogue"),
        ({"unit": "Cel"}, "unit 'Cel': expected 'W'"),
        ({"thing": "box-1"}, "thing id"),
        ({"feed": "C"}, "expected A or B"),
        ({"feature": "environment.top", "property": "dewPoint"}, "not in the catalogue"),
        ({"cadence": 0.01}, "at least 0.1 s"),
    ],
)
def test_a_wrong_point_is_named(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        one(**{"feature": "power", "property": "power", **change})


def test_intervals_come_from_the_entry_or_the_point() -> None:
    assert one(feature="power", property="power").interval_s == 1
    assert one(feature="power", property="energy", cadence="slow").interval_s == 300
    assert one(feature="power", property="energy", cadence=5).interval_s == 5
