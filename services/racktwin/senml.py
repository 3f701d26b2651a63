"""SenML packs (RFC 8428, JSON): resolving base fields into single records. Pure.

Next in the flow: ingest, which maps resolved names to features and properties.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

CONTENT_TYPE: Final = "application/senml+json"
# RFC 8428 §4.5.3: smaller times are relative to now.
_RELATIVE_BELOW: Final = float(1 << 28)
_HIGHEST_VERSION: Final = 10
_NAMES_KEPT: Final = 200_000
_names_seen: Final[set[str]] = set()
_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9\-:./_]*$")


class Record(msgspec.Struct, gc=False):
    """A record as it stands in a pack; fields by their labels of RFC 8428 §4.1-4.2."""

    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    bver: int | None = None
    n: str | None = None
    u: str | None = None
    v: float | str | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: str | None = None
    s: float | None = None
    t: float | None = None
    ut: float | None = None


class Unreadable(msgspec.Struct, frozen=True):
    """A record of a pack that is no SenML record; ``problem`` names the field and what was expected."""

    problem: str


class Resolved(msgspec.Struct, gc=False):
    """A record with its base fields applied.

    ``time`` is epoch milliseconds UTC; ``problem`` says why a record is unusable, ``reason`` is the reject's code for
    it. ``value`` may still be NaN or infinite, where a pack was written with those literals: callers check.
    """

    name: str
    unit: str | None
    time: int
    value: float | bool | str | None
    problem: str | None = None
    reason: str = "malformed_json"


class BadPack(ValueError):
    """A pack that cannot be resolved at all; the message names the field and what was expected."""


_decoder: Final = msgspec.json.Decoder(list[Record])
_encoder: Final = msgspec.json.Encoder()


def encode(records: list[dict[str, Any]]) -> bytes:
    """JSON bytes of a pack given as label -> value."""
    return _encoder.encode(records)


def decode(data: bytes) -> Sequence[Record | Unreadable]:
    """Read a pack; a record with a field of a wrong type becomes an `Unreadable` and the others stand.

    The literals NaN and Infinity, which JSON has not but many writers emit, are read as such.

    Raises:
        BadPack: not JSON, or not an array of objects.
    """
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        return _decode_each(data, error)


def _decode_each(data: bytes, first: Exception) -> Sequence[Record | Unreadable]:
    """The slow way, record by record, for a pack in which something is wrong."""
    try:
        pack = json.loads(data)
    except (ValueError, RecursionError):
        raise BadPack(str(first)) from first
    if not isinstance(pack, list):
        raise BadPack("expected an array of SenML records")
    records: list[Record | Unreadable] = []
    for index, item in enumerate(pack):
        try:
            records.append(msgspec.convert(item, Record))
        except msgspec.ValidationError as error:
            records.append(Unreadable(f"record {index}: {error}"))
    return records


def resolve(records: Sequence[Record | Unreadable], now_ms: int) -> Iterator[Resolved]:
    """Apply base name, time, unit and value to each record (RFC 8428 §4.1-4.6).

    ``now_ms`` is what relative times are relative to. One bad record yields a Resolved with ``problem`` set; the
    others beside it are good.

    Raises:
        BadPack: the pack asks for a SenML version above 10.
    """
    base_name = ""
    base_time = 0.0
    base_unit: str | None = None
    base_value = 0.0
    for record in records:
        if isinstance(record, Unreadable):
            yield Resolved("", None, now_ms, None, record.problem)
            continue
        if record.bver is not None and record.bver > _HIGHEST_VERSION:
            raise BadPack(f"bver {record.bver}: expected at most {_HIGHEST_VERSION}")
        if record.bn is not None:
            base_name = record.bn
        if record.bt is not None:
            base_time = record.bt
        if record.bu is not None:
            base_unit = record.bu
        if record.bv is not None:
            base_value = record.bv
        name = base_name + record.n if record.n is not None else base_name
        v = record.v
        value: float | bool | str | None
        if type(v) is float:
            value = v + base_value
        elif record.vb is not None:
            value = record.vb
        elif record.vs is not None:
            value = record.vs
        elif v is None and record.s is None and record.vd is None and record.n is None:
            # Only base fields: a record of its own, which is allowed.
            continue
        else:
            yield _unusable(record, name, now_ms)
            continue
        seconds = base_time if record.t is None else base_time + record.t
        if not math.isfinite(seconds):
            problem = f"time of {name!r} is {seconds}: expected a finite number of seconds"
            yield Resolved(name, None, now_ms, None, problem, "not_a_number")
            continue
        time = now_ms + round(seconds * 1000) if seconds < _RELATIVE_BELOW else round(seconds * 1000)
        resolved = Resolved(name, record.u if record.u is not None else base_unit, time, value)
        if name not in _names_seen and not _known_good(name):
            resolved.problem = (
                f"name {name[:80]!r}: expected letters, digits and -:./_ after a letter or digit (RFC 8428 §4.5.1)"
            )
        yield resolved


def _unusable(record: Record, name: str, now_ms: int) -> Resolved:
    """The record has no value we can use: say why."""
    if isinstance(record.v, str):
        problem = f"v of {name!r} is the text {record.v[:40]!r}: expected a number"
        return Resolved(name, None, now_ms, None, problem, "not_a_number")
    if record.vd is not None:
        return Resolved(name, None, now_ms, None, f"record {name!r} has binary data (vd): expected v, vs or vb")
    if record.s is not None:
        return Resolved(name, None, now_ms, None, f"record {name!r} has only a sum (s): expected v, vs or vb")
    return Resolved(name, None, now_ms, None, f"record {name!r} has no value: expected v, vs or vb")


def _known_good(name: str) -> bool:
    """Whether a name is well formed; remembers those that are, since the same few come again and again."""
    if not _NAME.fullmatch(name):
        return False
    if len(_names_seen) >= _NAMES_KEPT:
        _names_seen.clear()
    _names_seen.add(name)
    return True
