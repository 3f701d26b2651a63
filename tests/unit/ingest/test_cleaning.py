"""What becomes of measured values: readings, rejects, waiting, duplicates."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import envelopes, flat, packs
from ingest.cleaning import Cleaner
from ingest.fleet import WAITING

DECODERS = {"flat": flat.decode, "senml": packs.decode, "ditto": envelopes.decode}


@pytest.fixture
def cleaner(kit):
    return Cleaner(kit.fleet().get)


def clean(cleaner, message, now=None, only=None):
    return cleaner.clean(message, DECODERS[message.format](message), now or message.received_at, only)


def reasons(cleaned):
    return [bad.reason for bad in cleaned.bad]


def test_a_reading_is_enriched(kit, cleaner):
    cleaned = clean(
        cleaner, kit.inbound({"temperature": 24, "humidity": 50, "sensor": "top", "time": kit.NOW - 9, "seq": 3})
    )
    (reading,) = cleaned.readings
    assert reading.values == {"temperature": 24.0, "relativeHumidity": 50.0, "dewPoint": pytest.approx(12.9, abs=0.05)}
    assert (reading.thing, reading.feature, reading.observed_at, reading.seq) == (
        kit.RACK,
        "environment.top",
        kit.NOW - 9,
        3,
    )
    assert (reading.kind, reading.room, reading.row, reading.device) == ("rack", "hall-a", "r01", kit.RACK)
    assert reading.quality == "good"


def test_one_reading_per_thing_feature_and_time(kit, cleaner):
    t = kit.NOW / 1000
    records = [
        {"bn": f"{thing}/{feature}/", "bt": t, "n": name, "v": 20, "t": offset}
        for offset in (0, -1)
        for thing in (kit.RACK, kit.OTHER)
        for feature in ("environment.top", "environment.bottom")
        for name in ("temperature", "relativeHumidity")
    ]
    cleaned = clean(cleaner, kit.inbound(records, device=kit.GATEWAY))
    assert not cleaned.bad
    assert len({(r.thing, r.feature, r.observed_at) for r in cleaned.readings}) == len(cleaned.readings) == 8
    assert all(set(r.values) == {"temperature", "relativeHumidity", "dewPoint"} for r in cleaned.readings)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [("K", 296.15, 23.0), ("[degF]", 73.4, 23.0), ("Cel", 23.0, 23.0), (None, 23.0, 23.0)],
)
def test_units_are_converted(kit, cleaner, unit, value, expected):
    cleaned = clean(
        cleaner, kit.inbound([{"n": "environment.top/temperature", "v": value, **({"u": unit} if unit else {})}])
    )
    assert cleaned.readings[0].values["temperature"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "environment.top/temperature", "u": "kg", "v": 1}, "unit_mismatch"),
        ({"n": "environment.top/temperature", "u": "W", "v": 1}, "unit_mismatch"),
        ({"n": "environment.top/temperature", "v": 400}, "out_of_range"),
        ({"n": "environment.top/temperature", "u": "K", "v": 20}, "out_of_range"),
        ({"n": "environment.top/relativeHumidity", "v": 101}, "out_of_range"),
        ({"n": "environment.top/temperature", "vb": True}, "not_a_number"),
        ({"n": "environment.top/temperature", "vs": "warm"}, "not_a_number"),
        ({"n": "environment.top/temperature", "v": "23"}, "not_a_number"),
        ({"n": "environment.top/colour", "v": 1}, "unknown_property"),
        ({"n": "environment.top/dewPoint", "v": 1}, "unknown_property"),
        ({"n": "weather/temperature", "v": 1}, "unknown_feature"),
        ({"n": "temperature", "v": 1}, "unknown_feature"),
        ({"n": "colour", "v": 1}, "unknown_property"),
        ({"n": "power/power", "v": 1, "t": 1767225600 + 366 * 86400}, "time_in_future"),
        ({"n": "power/power", "v": 1, "t": 1767225600 - 8 * 86400}, "time_too_old"),
        ({"n": "racktwin.berlin:rack-r01-02/power/power", "v": 1}, "not_authorised"),
        ({"n": "racktwin.berlin:rack-none/power/power", "v": 1}, "unknown_thing"),
    ],
)
def test_one_bad_record_is_refused_and_the_good_ones_go_on(kit, cleaner, record, reason):
    good = [{"n": "power/power", "v": 1, "t": -1}, {"n": "power/power", "v": 2, "t": 0}]
    cleaned = clean(cleaner, kit.inbound([good[0], record, good[1]]))
    assert reasons(cleaned) == [reason]
    assert [r.values for r in cleaned.readings if r.feature == "power"] == [{"power": 1.0}, {"power": 2.0}]
    assert len(cleaned.readings) == 2
    assert cleaned.bad[0].detail
    assert [item["n"].rsplit("/")[-1] for item in cleaned.bad[0].payload] == [record["n"].rsplit("/")[-1]]


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b'"NaN"', b"null", b"[1]"])
def test_what_is_no_finite_number(kit, cleaner, literal):
    cleaned = clean(cleaner, kit.inbound(b'{"sensor":"top","temperature":' + literal + b',"humidity":41}'))
    assert reasons(cleaned) == ["not_a_number"]
    assert [r.values for r in cleaned.readings] == [{"relativeHumidity": 41.0}]


def test_a_sensor_is_the_thing_s_own(kit, cleaner):
    by_attribute = clean(cleaner, kit.inbound({"temperature": 20, "sensor": "inlet"}))
    assert by_attribute.readings[0].feature == "environment.bottom"
    by_place = clean(cleaner, kit.inbound({"temperature": 20, "sensor": "rear-top"}))
    assert by_place.readings[0].feature == "environment.rear-top"
    unknown = clean(cleaner, kit.inbound({"temperature": 20, "sensor": "attic"}))
    assert reasons(unknown) == ["unknown_feature"]


def test_a_property_that_one_feature_has_needs_no_feature(kit, cleaner):
    cleaned = clean(cleaner, kit.inbound({"deltaT": 9.5}))
    assert cleaned.readings[0].feature == "cooling"


def test_text_properties(kit):
    cooling = "racktwin.berlin:cooling-c1"
    cleaner = Cleaner({cooling: kit.entry(cooling, "cooling")}.get)
    assert clean(cleaner, kit.inbound({"control": {"mode": "auto"}}, device=cooling)).readings[0].values == {
        "mode": "auto"
    }
    assert reasons(clean(cleaner, kit.inbound({"control": {"mode": "fast"}}, device=cooling))) == ["out_of_range"]


def test_authority(kit, cleaner):
    record = [{"n": f"{kit.RACK}/power/power", "v": 1}]
    assert clean(cleaner, kit.inbound(record, device=kit.GATEWAY)).readings
    for stranger in (kit.OTHER, "racktwin.berlin:gateway-g2", ""):
        assert reasons(clean(cleaner, kit.inbound(record, device=stranger))) == ["not_authorised"]


def test_no_authority_over_another_site(kit):
    there = "racktwin.oslo:rack-r01-01"
    cleaner = Cleaner({there: kit.entry(there, site="oslo")}.get)
    assert reasons(clean(cleaner, kit.inbound([{"n": f"{there}/power/power", "v": 1}], device=kit.GATEWAY))) == [
        "not_authorised"
    ]


def test_a_strangers_values_make_one_reject(kit, cleaner):
    records = [{"n": f"racktwin.berlin:rack-none/power/{name}", "v": 1} for name in ("power", "energy")]
    cleaned = clean(cleaner, kit.inbound(records, device=kit.GATEWAY))
    assert reasons(cleaned) == ["unknown_thing"]
    assert len(cleaned.bad[0].payload) == 2


def test_duplicates_are_dropped_but_other_properties_of_the_instant_are_not(kit, cleaner):
    first = kit.inbound({"temperature": 20, "sensor": "top", "time": kit.NOW})
    assert clean(cleaner, first).readings
    again = clean(cleaner, first)
    assert (again.readings, again.duplicates) == ([], {"rack": 1})
    humidity = clean(cleaner, kit.inbound({"humidity": 40, "sensor": "top", "time": kit.NOW}))
    assert humidity.readings[0].values == {"relativeHumidity": 40.0}
    later = clean(cleaner, kit.inbound({"temperature": 20, "sensor": "top", "time": kit.NOW + 1}))
    assert later.readings


def test_after_a_reset_everything_is_wanted_again(kit, cleaner):
    message = kit.inbound({"temperature": 20, "sensor": "top", "time": kit.NOW})
    clean(cleaner, message)
    cleaner.reset()
    assert clean(cleaner, message).readings


def test_time_is_judged_by_when_hono_took_it(kit, cleaner):
    day = 86_400_000
    message = kit.inbound({"deltaT": 9, "time": kit.NOW - 6 * day})
    assert clean(cleaner, message, now=kit.NOW + 3 * day).readings
    ahead = kit.inbound({"deltaT": 9, "time": kit.NOW + day}, received_at=kit.NOW + day)
    assert reasons(clean(cleaner, ahead, now=kit.NOW)) == ["time_in_future"]


def test_what_ditto_has_not_answered_waits_and_the_rest_goes_on(kit):
    known = kit.fleet()
    asked = {kit.OTHER}
    cleaner = Cleaner(lambda thing: WAITING if thing in asked else known.get(thing))
    records = [{"n": f"{thing}/power/power", "v": 1} for thing in (kit.RACK, kit.OTHER)] + [{"n": "x/y", "v": 1}]
    message = kit.inbound(records, device=kit.GATEWAY)
    first = clean(cleaner, message)
    assert [r.thing for r in first.readings] == [kit.RACK]
    assert first.waiting == {kit.OTHER}
    assert reasons(first) == ["unknown_feature"]
    asked.clear()
    second = clean(cleaner, message, only=first.waiting)
    assert [r.thing for r in second.readings] == [kit.OTHER]
    assert not second.bad
    assert not second.waiting


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["Cel", "K", "[degF]", "W", "%", None]))
def test_no_reading_ever_leaves_its_range(kit, value, unit):
    message = kit.inbound(b"{}")
    measured = flat.Measured(kit.RACK, "environment.top", "temperature", value, unit)
    cleaned = Cleaner(kit.fleet().get).clean(message, flat.Decoded([measured], [], []), kit.NOW)
    assert len(cleaned.readings) + len(cleaned.bad) == 1
    for reading in cleaned.readings:
        assert math.isfinite(reading.values["temperature"])
        assert -40 <= reading.values["temperature"] <= 85


def test_a_servers_experiment_has_texts_and_whole_numbers(kit, cleaner):
    records = [
        {"n": "experiment/annotation", "vs": "p01: cpu 50 %", "t": kit.NOW / 1000},
        {"n": "experiment/startedAt", "v": kit.NOW, "u": "ms", "t": kit.NOW / 1000},
        {"n": "experiment/stoppedAt", "v": kit.NOW + 0.5, "t": kit.NOW / 1000},
    ]
    cleaned = clean(cleaner, kit.inbound(records, device=kit.SERVER))
    (reading,) = cleaned.readings
    assert reading.values == {"annotation": "p01: cpu 50 %", "startedAt": kit.NOW}
    assert isinstance(reading.values["startedAt"], int)
    assert reasons(cleaned) == ["not_a_number"]
