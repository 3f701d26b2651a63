"""Records on our topics: what is written is read back, on the wire they look as documented, bad ones are named."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racktwin.messages import (
    Prediction,
    Reading,
    Reject,
    decode_prediction,
    decode_reading,
    decode_reject,
    encode,
)

TIMES = st.integers(0, 2**53)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MAYBE_TEXT = st.none() | st.text(max_size=20)

READINGS = st.builds(
    Reading,
    v=st.just(1),
    thing=st.text(),
    feature=st.text(),
    observed_at=TIMES,
    received_at=TIMES,
    values=st.dictionaries(st.text(max_size=10), NUMBERS | st.booleans() | st.text(max_size=10), max_size=5),
    quality=st.sampled_from(["good", "stale", "estimated", "faulty"]),
    device=st.text(),
    kind=st.text(),
    room=MAYBE_TEXT,
    row=MAYBE_TEXT,
    seq=st.none() | st.integers(0, 2**53),
)
PREDICTIONS = st.builds(
    Prediction,
    v=st.just(1),
    thing=st.text(),
    model=st.text(),
    model_version=st.text(),
    target=st.text(),
    horizon_s=st.integers(1, 10**6),
    value=NUMBERS,
    lo=NUMBERS,
    hi=NUMBERS,
    unit=st.text(),
    issued_at=TIMES,
    valid_at=TIMES,
    based_on=TIMES,
    kind=st.text(),
    room=MAYBE_TEXT,
    row=MAYBE_TEXT,
)
REJECTS = st.builds(
    Reject,
    v=st.just(1),
    reason=st.text(),
    detail=st.text(),
    topic=st.text(),
    partition=st.integers(0, 1000),
    offset=TIMES,
    key=MAYBE_TEXT,
    headers=st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3),
    payload=st.text(),
    payload_encoding=st.sampled_from(["utf8", "base64"]),
    rejected_at=TIMES,
    device=MAYBE_TEXT,
)


@given(READINGS)
def test_a_reading_reads_back(record: Reading) -> None:
    assert decode_reading(encode(record)) == record


@given(PREDICTIONS)
def test_a_prediction_reads_back(record: Prediction) -> None:
    assert decode_prediction(encode(record)) == record


@given(REJECTS)
def test_a_reject_reads_back(record: Reject) -> None:
    assert decode_reject(encode(record)) == record


def wired(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def reading(**more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "thing": "racktwin.berlin:rack-r01-01",
        "feature": "environment.top",
        "observedAt": 1763683200000,
        "receivedAt": 1763683200123,
        "values": {"temperature": 23.4, "relativeHumidity": 41.0, "dewPoint": 9.5},
        "quality": "good",
        "seq": 123,
        "device": "racktwin.berlin:gateway-g1",
        "kind": "rack",
        "room": "hall-a",
        "row": "r01",
        **more,
    }


def prediction(**more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "thing": "racktwin.berlin:rack-r01-01",
        "model": "inlet-temperature",
        "modelVersion": "1.0.0",
        "target": "environment.top/temperature",
        "horizonS": 900,
        "value": 24.0,
        "lo": 23.5,
        "hi": 24.5,
        "unit": "Cel",
        "issuedAt": 1763683200000,
        "validAt": 1763684100000,
        "basedOn": 1763683199000,
        "kind": "rack",
        "room": "hall-a",
        "row": "r01",
        **more,
    }


def reject(**more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "reason": "malformed_json",
        "detail": "payload: expected JSON",
        "topic": "hono.telemetry.berlin",
        "partition": 0,
        "offset": 7,
        "key": None,
        "headers": {"content-type": "application/json"},
        "payload": "{",
        "payloadEncoding": "utf8",
        "device": "racktwin.berlin:rack-r01-01",
        "rejectedAt": 1763683200000,
        **more,
    }


@pytest.mark.parametrize(
    ("wire", "decode"),
    [(reading(), decode_reading), (prediction(), decode_prediction), (reject(), decode_reject)],
    ids=["reading", "prediction", "reject"],
)
def test_the_documented_record_is_what_goes_over_the_wire(wire: dict[str, Any], decode: Any) -> None:
    assert json.loads(encode(decode(wired(wire)))) == wire


def test_what_is_absent_is_left_out_and_never_null() -> None:
    wire = {key: value for key, value in reading().items() if key not in ("seq", "room", "row")}
    again = json.loads(encode(decode_reading(wired(wire))))
    assert again == wire
    # The version is always there, and so is the key of a reject, even when it is null.
    assert json.loads(encode(decode_reject(wired(reject()))))["key"] is None


def test_a_field_of_a_later_writer_is_ignored() -> None:
    assert decode_reading(wired(reading(weather="fine"))) == decode_reading(wired(reading()))


@pytest.mark.parametrize(
    "field", ["v", "thing", "feature", "observedAt", "receivedAt", "values", "quality", "device", "kind"]
)
def test_a_reading_without_a_field_names_it(field: str) -> None:
    wire = reading()
    del wire[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        decode_reading(wired(wire))


@pytest.mark.parametrize(
    "field",
    [
        "v",
        "thing",
        "model",
        "modelVersion",
        "target",
        "horizonS",
        "value",
        "lo",
        "hi",
        "unit",
        "issuedAt",
        "validAt",
        "basedOn",
        "kind",
    ],
)
def test_a_prediction_without_a_field_names_it(field: str) -> None:
    wire = prediction()
    del wire[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        decode_prediction(wired(wire))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"v": 2}, "v"),
        ({"v": 0}, "v"),
        ({"quality": "fine"}, "quality"),
        ({"observedAt": "now"}, "observedAt"),
        ({"observedAt": 1.5}, "observedAt"),
        ({"values": {"temperature": None}}, "values"),
        ({"values": {"temperature": [1]}}, "values"),
        ({"values": 1}, "values"),
        ({"seq": "1"}, "seq"),
    ],
)
def test_a_reading_with_a_wrong_field_names_it(change: dict[str, Any], names: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=names):
        decode_reading(wired(reading(**change)))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"v":1,"thing":"\xff"}', b"{}"])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    for decode in (decode_reading, decode_prediction, decode_reject):
        with pytest.raises(msgspec.DecodeError):
            decode(data)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_record_carries_a_number_that_is_none(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_reading(wired(reading(values={"temperature": 0.125})).replace(b"0.125", text.encode()))


def test_a_whole_number_reads_as_a_float() -> None:
    value = decode_reading(wired(reading(values={"temperature": 23}))).values["temperature"]
    assert type(value) is float
