"""Which value of a device is which property of which thing: units, scales, sentinels. Pure.

A `Point` is a line of a map (data, per vendor); a `Binding` is a point of one device, checked against the catalogue
once, at the start, so that nothing has to be checked per reading. Next: plug-ins make readings with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgspec

from collector.config import Interval, full_id
from collector.model import ConfigError, Reading
from racktwin import units
from racktwin.catalogue import Property, feature_of
from racktwin.names import kind_of


class Point(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One value of a device.

    ``feature`` may hold ``{sensor}`` and ``property`` ``{feed}``: the device's place and feed, and a point that needs
    one which the device has not is left out; ``{disk}`` stands for each disk of a server. ``value = raw * scale +
    offset`` in ``unit`` (UCUM; the catalogue's when left out). ``invalid``: raw values that mean "no value".
    ``values``: raw value to text, for properties that are text. ``kinds``: the point is for things of these kinds
    alone.
    """

    feature: str
    property: str
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    cadence: Literal["critical", "slow"] | float = "critical"
    invalid: list[float] = []
    values: dict[str, str] = {}
    kinds: list[str] = []


P = TypeVar("P", bound=Point)


@dataclass(frozen=True, slots=True)
class Binding(Generic[P]):
    """A point of one device, ready for use."""

    point: P
    thing: str
    feature: str
    property: str
    interval_s: float
    factor: float
    shift: float
    invalid: frozenset[float] = field(default_factory=frozenset)
    text: bool = False

    def reading(self, raw: Any, time_ms: int) -> Reading | None:
        """The reading of a raw value; None for what is no value."""
        if self.text:
            text = self.point.values.get(_key(raw)) if self.point.values else str(raw)
            return None if raw is None or text is None else self._make(text, time_ms)
        number = as_number(raw)
        if number is None or number in self.invalid:
            return None
        value = number * self.factor + self.shift
        # Twelve significant digits: more than any sensor has, and no 23.400000000000002.
        return self._make(value if value.is_integer() else float(f"{value:.12g}"), time_ms)

    def _make(self, value: float | str, time_ms: int) -> Reading:
        return Reading(self.thing, self.feature, self.property, value, time_ms)

    def label(self) -> str:
        """``<feature>/<property>``, for people."""
        return f"{self.feature}/{self.property}"


def as_number(raw: Any) -> float | None:
    """A finite number, from a number, a truth value or a text that holds one; None for everything else."""
    if isinstance(raw, bool):
        return float(raw)
    if isinstance(raw, str):
        try:
            raw = float(raw)
        except ValueError:
            return None
    if not isinstance(raw, int | float):
        return None
    number = float(raw)
    return number if math.isfinite(number) else None


def bind(
    points: Iterable[P], *, site: str, thing: str, interval: Interval, feed: str = "", sensor: str = ""
) -> list[Binding[P]]:
    """The points that apply to a device.

    Raises:
        ConfigError: the thing is none, or a point is not in the catalogue, or its unit does not measure that.
    """
    try:
        thing_id = full_id(site, thing)
    except ValueError as error:
        raise ConfigError(f"thing: {error}") from error
    if feed not in ("", "A", "B"):
        raise ConfigError(f"feed {feed!r}: expected A or B")
    kind = kind_of(thing_id)
    bound = []
    for point in points:
        if point.kinds and kind not in point.kinds:
            continue
        open_ended = "{" in point.feature + point.property
        feature_name = point.feature.replace(".{sensor}", f".{sensor}" if sensor else "")
        property_name = point.property.replace("{feed}", feed)
        found = feature_of(kind, feature_name.replace("{disk}", "any"))
        prop = found.by_name.get(property_name) if found is not None else None
        if prop is None or prop.derived:
            if open_ended:
                continue
            known = ", ".join(found.by_name) if found is not None else "no such feature"
            raise ConfigError(f"{feature_name}/{property_name} of a {kind}: not in the catalogue ({known})")
        bound.append(_bind(point, thing_id, feature_name, prop, interval))
    return bound


def _bind(point: P, thing: str, feature: str, prop: Property, interval: Interval) -> Binding[P]:
    factor, shift = 1.0, 0.0
    if prop.unit is not None and point.unit is not None and point.unit != prop.unit:
        try:
            factor, shift = units.conversion(point.unit, prop.unit)
        except units.UnitMismatch as error:
            raise ConfigError(f"{feature}/{prop.name}: {error}") from error
    seconds = point.cadence if isinstance(point.cadence, int | float) else getattr(interval, point.cadence)
    if seconds < 0.1:
        raise ConfigError(f"{feature}/{prop.name}: cadence {seconds}: expected at least 0.1 s")
    text = prop.type == "string"
    unknown = sorted(set(point.values.values()) - set(prop.enum)) if text and prop.enum else []
    if unknown:
        raise ConfigError(f"{feature}/{prop.name}: {unknown[0]!r}: expected one of {', '.join(prop.enum)}")
    return Binding(
        point, thing, feature, prop.name, float(seconds), point.scale * factor, point.offset * factor + shift,
        frozenset(point.invalid), text,
    )  # fmt: skip


def readings_of(pairs: Iterable[tuple[Binding[Any], Any]], time_ms: int) -> list[Reading]:
    """Readings of (binding, raw value) pairs taken at one time."""
    return [reading for binding, raw in pairs if (reading := binding.reading(raw, time_ms)) is not None]


def something(bindings: Sequence[Binding[P]], what: str) -> Sequence[Binding[P]]:
    """The bindings.

    Raises:
        ConfigError: there are none, so that the entry would never send anything.
    """
    if not bindings:
        raise ConfigError(f"{what}: no value of it applies to this thing; check thing, feed and sensor")
    return bindings


def _key(raw: Any) -> str:
    """How a raw value is spelt as a key of ``values``: 1 and 1.0 are the same."""
    number = as_number(raw)
    return str(int(number)) if number is not None and number.is_integer() else str(raw)
