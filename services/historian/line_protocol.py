"""Point -> InfluxDB line protocol, as text.

Pure: knows the grammar (https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/) and nothing of
readings or of HTTP. `historian.points` decides which point a record becomes; `historian.sink` sends the lines.

What the grammar cannot hold is refused here, so that InfluxDB never gets the chance to refuse a whole request for
it: NaN and the infinities, a name that is empty, a line feed or carriage return inside a name (InfluxDB has no
escape for either there), and a name that ends in a backslash (it would escape the delimiter behind it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

FieldValue = float | int | bool | str

# Measurements escape comma and space; tag keys, tag values and field keys also '='.
_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_NAME = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
# String field values stand in quotes, where only the quote and the backslash need an escape.
_STRING = str.maketrans({'"': r"\"", "\\": r"\\"})
_INT64 = 2**63


class Unwritable(ValueError):
    """The point has no line protocol form; the message names the part and why."""


def measurement(name: str) -> str:
    """Escape a measurement name. Raises `Unwritable` for what the grammar cannot hold."""
    _check(name, "measurement")
    if name.startswith("#"):
        raise Unwritable(f"measurement {name!r} would read as a comment")
    return name.translate(_MEASUREMENT)


def tags(pairs: Iterable[tuple[str, str | None]]) -> str:
    """Tags sorted by key, each with a leading comma; empty and absent values leave the tag out.

    Sorted because InfluxDB then need not sort, and because a series then has one spelling.
    """
    parts = []
    for key, value in sorted(pairs, key=lambda pair: pair[0]):
        if not value:
            continue
        _check(key, "tag key")
        _check(value, f"tag {key}")
        parts.append(f",{key.translate(_NAME)}={value.translate(_NAME)}")
    return "".join(parts)


def field_key(name: str) -> str:
    """Escape a field key. Raises `Unwritable` for what the grammar cannot hold."""
    _check(name, "field key")
    return name.translate(_NAME)


def field_value(value: FieldValue) -> str:
    """The literal of a field value; a Python int becomes an InfluxDB integer, a float a float.

    Raises `Unwritable` for NaN, the infinities and integers beyond 64 bits.
    """
    # bool is an int to Python, so it has to be asked for first.
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Unwritable(f"field value {value!r} is not finite")
        return repr(value)
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise Unwritable("integer field value needs more than 64 bits")
        return f"{value}i"
    return f'"{value.translate(_STRING)}"'


def fields(values: Mapping[str, FieldValue]) -> str:
    """The field set `a=1.0,b=2i`. Raises `Unwritable` when it is empty or holds what the grammar cannot."""
    if not values:
        raise Unwritable("a point needs at least one field")
    return ",".join(f"{field_key(key)}={field_value(value)}" for key, value in values.items())


def line(series: str, field_set: str, timestamp_ms: int) -> str:
    """One line: `series` is `measurement(...) + tags(...)`, `field_set` is `fields(...)`, time in milliseconds."""
    return f"{series} {field_set} {timestamp_ms}"


def _check(name: str, part: str) -> None:
    if not name:
        raise Unwritable(f"{part} is empty")
    if "\n" in name or "\r" in name:
        raise Unwritable(f"{part} {name!r} holds a line break")
    if name.endswith("\\"):
        raise Unwritable(f"{part} {name!r} ends in a backslash")
