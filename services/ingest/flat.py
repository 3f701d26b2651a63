"""Flat JSON object -> measured values.

``{"temperature": 23.4, "humidity": 41, "sensor": "top", "time": 1767225600000, "unit": "Cel", "seq": 7}``: every key
that is not one of ours is a property. Features may also be objects of their own: ``{"cpu": {"utilization": 3}}``.
Pure. Next: `ingest.cleaning`, which knows the thing's sensors and features.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from ingest.intake import Inbound
from ingest.measured import BadRecord, Decoded, Measured, Refusal
from racktwin import units
from racktwin.catalogue import ALIASES, FEATURES

# Marks a name as a sensor's (which the thing's attributes map to a feature) rather than a feature's.
SENSOR_PREFIX: Final = "sensor:"
_OWN: Final = frozenset({"sensor", "feature", "thing", "time", "unit", "units", "seq", "quality"})
_decoder: Final = msgspec.json.Decoder(dict[str, Any])


def decode(message: Inbound) -> Decoded:
    """Read one object.

    Raises:
        Refusal: `malformed_json`, or a key of ours has a value of a wrong type.
    """
    document = load_object(message.payload)
    thing = _text(document, "thing") or message.device
    sensor = _text(document, "sensor") or message.sensor
    feature = _text(document, "feature")
    if feature is None and sensor is not None:
        feature = SENSOR_PREFIX + sensor
    time = epoch_ms(document.get("time"))
    seq = sequence_number(document.get("seq"))
    quality = _text(document, "quality")
    unit = document.get("units", document.get("unit"))

    values: list[Measured] = []
    for key, value in document.items():
        if key in _OWN:
            continue
        if isinstance(value, dict):
            values.extend(Measured(thing, key, name, v, None, time, seq, quality) for name, v in value.items())
        else:
            values.append(Measured(thing, feature, key, value, None, time, seq, quality))
    bad: list[BadRecord] = []
    if unit is not None:
        _give_units(values, unit, bad)
    if not values:
        raise Refusal("unknown_property", "the object holds no property: expected for instance temperature")
    return Decoded(values, bad, [] if seq is None else [(thing, seq)])


def load_object(payload: bytes) -> dict[str, Any]:
    """Read a JSON object, with the literals NaN and Infinity that JSON has not but many writers emit.

    Raises:
        Refusal: `malformed_json`.
    """
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        try:
            document = json.loads(payload)
        except (ValueError, RecursionError):
            raise Refusal("malformed_json", str(error)) from error
        if not isinstance(document, dict):
            raise Refusal("malformed_json", "expected a JSON object") from None
        return document


def epoch_ms(value: Any) -> int | None:
    """A time in epoch milliseconds, None where none was given.

    Raises:
        Refusal: it is not a finite number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise Refusal("not_a_number", f"time {str(value)[:40]!r}: expected epoch milliseconds")
    return round(value)


def sequence_number(value: Any) -> int | None:
    """A whole number from 0 to 2^53, None where none was given.

    Raises:
        Refusal: it is something else.
    """
    if value is None:
        return None
    # The range also keeps NaN and the infinities from int().
    whole = (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53 and value == int(value)
    )
    if not whole:
        raise Refusal("not_a_number", f"seq {str(value)[:40]!r}: expected a whole number from 0 to 2^53")
    return int(value)


def _give_units(values: list[Measured], unit: Any, bad: list[BadRecord]) -> None:
    """`units` by property, or one `unit` for the properties it can measure (in a temperature and humidity message,
    "K" is the temperature's). A unit that fits none stays on all, so that cleaning refuses them."""
    if isinstance(unit, dict):
        for value in values:
            stated = unit.get(value.property)
            if stated is not None:
                value.unit = str(stated)
        return
    if not isinstance(unit, str):
        bad.append(BadRecord("unit_mismatch", f"unit {str(unit)[:40]!r}: expected a UCUM unit as text"))
        values.clear()
        return
    fitting = [value for value in values if _may_measure(unit, ALIASES.get(value.property, value.property))]
    for value in fitting or values:
        value.unit = unit


def _may_measure(unit: str, prop: str) -> bool:
    return any(_converts(unit, known) for known in _UNITS_OF.get(prop, ()))


def _converts(unit: str, to: str) -> bool:
    try:
        units.conversion(unit, to)
    except units.UnitMismatch:
        return False
    return True


def _text(document: dict[str, Any], key: str) -> str | None:
    value = document.get(key)
    if value is None or isinstance(value, str):
        return value
    raise Refusal("malformed_json", f"{key}: expected text")


def _units_by_property() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for feature in FEATURES:
        for prop in feature.properties:
            if prop.unit is not None:
                found.setdefault(prop.name, set()).add(prop.unit)
    return found


_UNITS_OF: Final = _units_by_property()
