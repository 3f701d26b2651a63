"""The JSON records on our own Kafka topics: readings, predictions, rejects. One type each, with a version.

msgspec encodes and checks them several times faster than pydantic, and these are the hot paths. The twin
topic carries Ditto Protocol instead: see :mod:`racktwin.ditto_protocol`. Times are epoch milliseconds UTC.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from racktwin.decoding import read_json

Quality = Literal["good", "stale", "estimated", "faulty"]
Value = float | bool | str
Version = Annotated[int, msgspec.Meta(ge=1, le=1)]


class Reading(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """What one feature of one thing was at one time. Units are the catalogue's. Key: the thing id."""

    thing: str
    feature: str
    observed_at: int
    received_at: int
    values: dict[str, Value]
    quality: Quality
    device: str
    kind: str
    room: str | None = None
    row: str | None = None
    seq: int | None = None
    # No default, so that omit_defaults never drops it.
    v: Version


class Prediction(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """What a model expects one property to be at ``valid_at``. Key: the thing id.

    ``lo`` and ``hi`` bound the model's stated interval (90 % unless its card says otherwise); ``based_on`` is the
    observation time of the newest input.
    """

    thing: str
    model: str
    model_version: str
    target: str
    horizon_s: int = msgspec.field(name="horizonS")
    value: float
    lo: float
    hi: float
    unit: str
    issued_at: int
    valid_at: int
    based_on: int
    kind: str
    room: str | None = None
    row: str | None = None
    v: Version


class Reject(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """A record that could not be used, whole, with the reason. Key: that of the record it came from."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    key: str | None
    headers: dict[str, str]
    payload: str
    payload_encoding: Literal["utf8", "base64"]
    rejected_at: int
    device: str | None = None
    v: Version


_encoder = msgspec.json.Encoder()
_reading = msgspec.json.Decoder(Reading)
_prediction = msgspec.json.Decoder(Prediction)
_reject = msgspec.json.Decoder(Reject)


def encode(record: Reading | Prediction | Reject) -> bytes:
    """JSON bytes of a record."""
    return _encoder.encode(record)


def decode_reading(data: bytes) -> Reading:
    """Read a reading.

    Raises:
        msgspec.DecodeError: not JSON, or a field is missing or of a wrong type (the message names it).
    """
    return read_json(_reading, data)


def decode_prediction(data: bytes) -> Prediction:
    """Read a prediction.

    Raises:
        msgspec.DecodeError: not JSON, or a field is missing or of a wrong type (the message names it).
    """
    return read_json(_prediction, data)


def decode_reject(data: bytes) -> Reject:
    """Read a reject.

    Raises:
        msgspec.DecodeError: not JSON, or a field is missing or of a wrong type (the message names it).
    """
    return read_json(_reject, data)
