"""Flat JSON, SenML packs and Ditto Protocol to measured values."""

from __future__ import annotations

import msgspec
import pytest

from ingest import envelopes, flat, packs
from ingest.measured import Refusal


def pairs(decoded):
    return [(v.thing, v.feature, v.property, v.value, v.unit, v.time, v.seq) for v in decoded.values]


def test_flat(kit):
    decoded = flat.decode(
        kit.inbound(
            {"temperature": 23.4, "humidity": 41, "sensor": "top", "time": kit.NOW - 5, "unit": "Cel", "seq": 7}
        )
    )
    assert pairs(decoded) == [
        (kit.RACK, "sensor:top", "temperature", 23.4, "Cel", kit.NOW - 5, 7),
        (kit.RACK, "sensor:top", "humidity", 41, None, kit.NOW - 5, 7),
    ]
    assert decoded.streams == [(kit.RACK, 7)]


def test_flat_units_by_property(kit):
    decoded = flat.decode(
        kit.inbound({"temperature": 296, "humidity": 0.4, "units": {"temperature": "K", "humidity": "/"}})
    )
    assert [value.unit for value in decoded.values] == ["K", "/"]


def test_flat_unit_that_fits_nothing_is_given_to_all(kit):
    decoded = flat.decode(kit.inbound({"temperature": 296, "unit": "kg"}))
    assert [value.unit for value in decoded.values] == ["kg"]


def test_flat_with_features_as_objects(kit):
    decoded = flat.decode(
        kit.inbound({"cpu": {"utilization": 3.5}, "memory": {"used": 5}, "seq": 2}, device=kit.SERVER)
    )
    assert [(v.feature, v.property, v.value, v.seq) for v in decoded.values] == [
        ("cpu", "utilization", 3.5, 2),
        ("memory", "used", 5, 2),
    ]


def test_flat_of_another_thing_with_the_sensor_in_the_topic(kit):
    decoded = flat.decode(kit.inbound({"temperature": 1.5, "thing": kit.OTHER}, device=kit.GATEWAY, sensor="top"))
    assert (decoded.values[0].thing, decoded.values[0].feature) == (kit.OTHER, "sensor:top")


def test_flat_with_the_literal_nan_is_read(kit):
    decoded = flat.decode(kit.inbound(b'{"temperature": NaN, "humidity": 41}'))
    assert decoded.values[0].value != decoded.values[0].value
    assert decoded.values[1].value == 41


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"temperature": ', "malformed_json"),
        (b'{"temperature": 1} x', "malformed_json"),
        (b'"text"', "malformed_json"),
        (b'{"sensor": 5, "temperature": 1}', "malformed_json"),
        (b'{"time": "noon", "temperature": 1}', "not_a_number"),
        (b'{"time": Infinity, "temperature": 1}', "not_a_number"),
        (b'{"seq": -1, "temperature": 1}', "not_a_number"),
        (b'{"seq": 1.5, "temperature": 1}', "not_a_number"),
        (b'{"seq": NaN, "temperature": 1}', "not_a_number"),
        (b"{}", "unknown_property"),
        (b'{"seq": 1}', "unknown_property"),
    ],
)
def test_flat_refused(kit, payload, reason):
    with pytest.raises(Refusal) as caught:
        flat.decode(kit.inbound(payload))
    assert caught.value.reason == reason


def pack(kit, records, **changes):
    return packs.decode(kit.inbound(records, device=kit.GATEWAY, content_type="application/senml+json", **changes))


def test_pack_with_base_fields(kit):
    seconds = kit.NOW / 1000
    decoded = pack(
        kit,
        [
            {"bn": f"{kit.RACK}/environment.top/", "bt": seconds, "n": "temperature", "u": "Cel", "v": 23.4},
            {"n": "relativeHumidity", "u": "%RH", "v": 41, "t": -2},
        ],
    )
    assert pairs(decoded) == [
        (kit.RACK, "environment.top", "temperature", 23.4, "Cel", kit.NOW, None),
        (kit.RACK, "environment.top", "relativeHumidity", 41.0, "%RH", kit.NOW - 2000, None),
    ]


def test_pack_without_times_is_from_when_hono_took_it(kit):
    assert pack(kit, [{"n": "power/power", "v": 1}]).values[0].time == kit.NOW
    assert pack(kit, [{"n": "power/power", "v": 1, "t": -3}]).values[0].time == kit.NOW - 3000


def test_pack_names(kit):
    decoded = pack(kit, [{"n": "power/power", "v": 1}, {"n": "power", "v": 2}, {"n": "a/b/c/d", "v": 3}])
    assert [(v.thing, v.feature, v.property) for v in decoded.values] == [
        (kit.GATEWAY, "power", "power"),
        (kit.GATEWAY, None, "power"),
    ]
    assert [record.reason for record in decoded.bad] == ["unknown_property"]


def test_pack_numbers_all_of_it_for_its_sender(kit):
    decoded = pack(kit, [{"n": "seq", "v": 9}, {"n": f"{kit.RACK}/power/power", "v": 1}])
    assert [value.seq for value in decoded.values] == [9]
    assert decoded.streams == [(kit.GATEWAY, 9)]


def test_pack_numbers_each_instant_of_a_thing(kit):
    t = kit.NOW / 1000
    decoded = pack(
        kit,
        [
            {"bt": t, "n": f"{kit.RACK}/seq", "v": 4},
            {"n": f"{kit.RACK}/power/power", "v": 1},
            {"n": f"{kit.RACK}/seq", "v": 5, "t": 1},
            {"n": f"{kit.RACK}/power/power", "v": 1, "t": 1},
            {"n": f"{kit.OTHER}/power/power", "v": 1},
        ],
    )
    assert [value.seq for value in decoded.values] == [4, 5, None]
    assert decoded.streams == [(kit.RACK, 4), (kit.RACK, 5)]


def test_pack_number_that_is_none(kit):
    decoded = pack(kit, [{"n": "seq", "v": 1.5}, {"n": "power/power", "v": 1}])
    assert decoded.values[0].seq is None
    assert [record.reason for record in decoded.bad] == ["not_a_number"]


def test_one_bad_record_leaves_the_others(kit):
    decoded = pack(
        kit,
        b'[{"n":"power/power","v":1},{"n":"power/power","v":"high"},{"n":"power/power","v":NaN},{"n":"power/power","t":"x",'
        b'"v":1},{"n":"power/energy"},{"n":"?","v":1},{"n":"power/energy","v":3}]',
    )
    assert [v.property for v in decoded.values] == ["power", "power", "energy"]
    assert decoded.values[1].value != decoded.values[1].value
    assert [record.reason for record in decoded.bad] == [
        "not_a_number",
        "malformed_json",
        "malformed_json",
        "malformed_json",
    ]
    assert decoded.bad[0].payload[0]["n"] == "power/power"


@pytest.mark.parametrize("payload", [b"[{", b"[1,2", b'[{"n":"a","v":1}', b'[{"bver":99,"n":"a","v":1}]'])
def test_packs_that_cannot_be_read(kit, payload):
    with pytest.raises(Refusal) as caught:
        pack(kit, payload)
    assert caught.value.reason == "malformed_json"


def envelope(kit, path, value, action="merge", **changes):
    document = {
        "topic": f"racktwin.berlin/rack-r01-01/things/twin/commands/{action}",
        "path": path,
        "value": value,
        **changes,
    }
    return envelopes.decode(kit.inbound(document, content_type="application/vnd.eclipse.ditto+json"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/", {"features": {"power": {"properties": {"power": 5.0}}}}),
        ("/features", {"power": {"properties": {"power": 5.0}}}),
        ("/features/power", {"properties": {"power": 5.0}}),
        ("/features/power/properties", {"power": 5.0}),
        ("/features/power/properties/power", 5.0),
    ],
)
def test_envelopes_at_any_level(kit, path, value):
    assert pairs(envelope(kit, path, value)) == [(kit.RACK, "power", "power", 5.0, None, None, None)]


def test_envelope_with_time_quality_and_number(kit):
    value = {"power": 5.0, "observedAt": kit.NOW - 1, "quality": "estimated", "seq": 3}
    decoded = envelope(kit, "/features/power/properties", value, "modify")
    assert pairs(decoded) == [(kit.RACK, "power", "power", 5.0, None, kit.NOW - 1, 3)]
    assert decoded.values[0].quality == "estimated"
    assert decoded.streams == [(kit.RACK, 3)]


@pytest.mark.parametrize(
    ("path", "value", "action", "reason"),
    [
        ("/attributes", {"a": 1}, "merge", "unsupported_content"),
        ("/features/power", {"properties": {"power": 1}}, "delete", "unsupported_content"),
        ("/features/power/desiredProperties/power", 1, "modify", "unsupported_content"),
        ("/features", {}, "merge", "unsupported_content"),
        ("/features", 5, "merge", "malformed_json"),
        ("/features/power/properties", None, "merge", "malformed_json"),
    ],
)
def test_envelopes_that_are_no_telemetry(kit, path, value, action, reason):
    with pytest.raises(Refusal) as caught:
        envelope(kit, path, value, action)
    assert caught.value.reason == reason


def test_envelope_without_topic(kit):
    with pytest.raises(Refusal):
        envelopes.decode(kit.inbound({"path": "/", "value": {}}, content_type="application/vnd.eclipse.ditto+json"))


def test_a_refused_record_is_itself_a_pack(kit):
    decoded = pack(kit, [{"bn": f"{kit.RACK}/", "n": "power/power", "v": "high", "u": "W"}])
    assert msgspec.json.decode(msgspec.json.encode(decoded.bad[0].payload))
