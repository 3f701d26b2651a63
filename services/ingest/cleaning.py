"""Measured values -> readings: is the thing known, may this device speak for it, is the value possible?

Pure but for its memory of recent readings. In the catalogue's units from here on; one reading per thing, feature and
time. What fails a check is refused by itself, and the good values beside it go on. Next: `ingest.work`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from ingest.duplicates import SeriesWindow
from ingest.flat import SENSOR_PREFIX
from ingest.fleet import Waiting
from ingest.intake import Inbound
from ingest.measured import BadRecord, Decoded, Measured
from racktwin import drives, psychrometrics, units
from racktwin.catalogue import ALIASES, Feature, Property, feature_of, features_of
from racktwin.directory import Entry
from racktwin.messages import Quality, Reading

_QUALITIES: Final = frozenset({"good", "stale", "estimated", "faulty"})
_DEW_POINT_FROM: Final = ("temperature", "relativeHumidity")


class _Prop(msgspec.Struct, gc=False):
    """A property, ready for checking: `bit` is its place in a duplicate window's mask."""

    name: str
    unit: str | None
    low: float
    high: float
    numeric: bool
    whole: bool
    bit: int
    spec: Property


class _Spec(msgspec.Struct):
    """A feature of a kind, compiled from the catalogue."""

    feature: Feature
    props: dict[str, _Prop]
    dew_point: bool


class _Thing(msgspec.Struct):
    """What cleaning remembers of a thing."""

    entry: Entry
    specs: dict[str, _Spec]
    windows: dict[str, SeriesWindow]


class _Draft(msgspec.Struct):
    thing: _Thing
    spec: _Spec
    time: int
    values: dict[str, Any]
    mask: int
    seq: int | None
    quality: str | None


class Cleaned(msgspec.Struct):
    """What became of one message. `waiting`: things it names that Ditto is still being asked for."""

    readings: list[Reading]
    bad: list[BadRecord]
    # How many, by kind of thing.
    duplicates: dict[str, int]
    waiting: set[str]
    admitted: set[str]


class Cleaner:
    """Checks measured values against the fleet and the catalogue. Not thread safe."""

    def __init__(
        self,
        lookup: Callable[[str], Entry | Waiting | None],
        *,
        ahead_ms: int = 300_000,
        behind_ms: int = 7 * 86_400_000,
        window: int = 64,
    ) -> None:
        """`ahead_ms`, `behind_ms`: how far an observation may be from now; `window`: readings remembered per series."""
        self._lookup = lookup
        self._ahead_ms = ahead_ms
        self._behind_ms = behind_ms
        self._window = window
        self._things: dict[str, _Thing] = {}

    def clean(self, message: Inbound, decoded: Decoded, now: int, only: set[str] | None = None) -> Cleaned:
        """Check every value of a message at time `now` (epoch ms); with `only`, those of these things alone."""
        out = Cleaned([], list(decoded.bad) if only is None else [], {}, set(), set())
        things: dict[str, _Thing | None] = {}
        refused: dict[str, BadRecord] = {}
        drafts: dict[tuple[str, str, int, int | None], _Draft] = {}
        several = decoded.several
        # Against when Hono took the message: a redelivery after an outage is judged as the first delivery was.
        earliest = message.received_at - self._behind_ms
        latest = min(message.received_at, now) + self._ahead_ms
        last_key: tuple[str, str | None, int | None, int | None] | None = None
        draft: _Draft | None = None

        for value in decoded.values:
            name = value.thing
            key = (name, value.feature, value.time, value.seq)
            if key != last_key or draft is None or value.feature is None:
                last_key, draft = key, None
                if only is not None and name not in only:
                    continue
                if name in things:
                    thing = things[name]
                else:
                    thing = things[name] = self._admit(name, message, out, refused)
                if thing is None:
                    # One reject for all the values of a thing that is unknown or not theirs to report.
                    if several and name in refused:
                        refused[name].payload.append(_alone(value, message))
                    continue
                spec = self._spec_of(thing, value, message, out, several)
                if spec is None:
                    continue
                time = message.received_at if value.time is None else value.time
                if not earliest <= time <= latest:
                    reason, limit = ("time_in_future", latest) if time > latest else ("time_too_old", earliest)
                    words = "at most" if time > latest else "at least"
                    detail = f"time {time}: expected {words} {limit} (epoch ms)"
                    out.bad.append(_bad(reason, detail, value, message, several))
                    continue
                identity = (name, spec.feature.name, time, value.seq)
                draft = drafts.get(identity)
                if draft is None:
                    draft = drafts[identity] = _Draft(thing, spec, time, {}, 0, value.seq, value.quality)
            self._add(draft, value, message, out, several)
        out.bad.extend(refused.values())
        for draft in drafts.values():
            if draft.values:
                self._finish(draft, message, out)
        return out

    def reset(self) -> None:
        """Forget all readings seen: what comes again from here on is wanted again (partitions changed hands)."""
        self._things.clear()

    def forget(self, known: Callable[[str], bool]) -> None:
        """Drop what is remembered of things that are no more: bounds memory."""
        for name in [name for name in self._things if not known(name)]:
            del self._things[name]

    def _admit(self, name: str, message: Inbound, out: Cleaned, refused: dict[str, BadRecord]) -> _Thing | None:
        """The thing, if it exists and this device may report for it."""
        entry = self._lookup(name)
        if isinstance(entry, Waiting):
            out.waiting.add(name)
            return None
        if entry is None:
            refused[name] = BadRecord("unknown_thing", f"thing {name[:160]!r}: Ditto has no such thing", name, [])
            return None
        device = message.device
        if entry.site != message.site or (device != name and device not in entry.gateways):
            refused[name] = BadRecord(
                "not_authorised",
                f"device {device[:160]!r} may not report for {name!r}: expected its own device or one of its gateways",
                name,
                [],
            )
            return None
        thing = self._things.get(name)
        if thing is None:
            thing = self._things[name] = _Thing(entry, _specs_of(entry.kind), {})
        elif thing.entry is not entry:
            thing.entry = entry
        out.admitted.add(name)
        return thing

    def _spec_of(self, thing: _Thing, value: Measured, message: Inbound, out: Cleaned, several: bool) -> _Spec | None:
        """The feature that a value belongs to; where the device named none, the only one that has the property."""
        specs = thing.specs
        named = value.feature
        if named is not None:
            spec = specs.get(named)
            if spec is not None:
                return spec
            if named.startswith(drives.PREFIX) and (spec := _drive_spec(thing.entry.kind, named)) is not None:
                if named in thing.windows or sum(map(_is_drive, thing.windows)) < drives.MOST:
                    return spec
                detail = f"feature {named[:80]!r}: expected at most {drives.MOST} disks of a server"
            elif named.startswith(SENSOR_PREFIX):
                sensor = named[len(SENSOR_PREFIX) :]
                for candidate in (thing.entry.sensors.get(sensor, ""), f"environment.{sensor}", sensor):
                    if candidate in specs:
                        return specs[candidate]
                detail = f"sensor {sensor[:80]!r}: expected one of {', '.join(sorted(thing.entry.sensors) or specs)}"
            else:
                has = ", ".join(specs) or "none that devices report"
                detail = f"feature {named[:80]!r}: a {thing.entry.kind} has {has}"
            out.bad.append(_bad("unknown_feature", detail, value, message, several))
            return None
        prop = ALIASES.get(value.property, value.property)
        having = [spec for spec in specs.values() if prop in spec.props]
        if len(having) == 1:
            return having[0]
        if having:
            owners = ", ".join(spec.feature.name for spec in having)
            detail = f"property {prop[:80]!r}: name the sensor, since {owners} all have it"
            out.bad.append(_bad("unknown_feature", detail, value, message, several))
        else:
            detail = f"property {value.property[:80]!r}: no feature of a {thing.entry.kind} has it"
            out.bad.append(_bad("unknown_property", detail, value, message, several))
        return None

    def _add(self, draft: _Draft, value: Measured, message: Inbound, out: Cleaned, several: bool) -> None:
        """Check one value and put it into its draft."""
        spec = draft.spec
        prop = spec.props.get(value.property)
        if prop is None:
            prop = spec.props.get(ALIASES.get(value.property, ""))
            if prop is None:
                known = ", ".join(spec.props)
                detail = f"property {value.property[:80]!r}: {spec.feature.name} takes {known}"
                out.bad.append(_bad("unknown_property", detail, value, message, several))
                return
        raw = value.value
        if prop.numeric:
            kind = type(raw)
            if kind is float:
                number = raw
            elif kind is int and -(2**1000) < raw < 2**1000:
                number = float(raw)
            else:
                detail = f"{value.property} {str(raw)[:40]!r}: expected a number"
                out.bad.append(_bad("not_a_number", detail, value, message, several))
                return
            if number - number != 0.0:
                detail = f"{value.property} is {number}: expected a finite number"
                out.bad.append(_bad("not_a_number", detail, value, message, several))
                return
            if value.unit is not None and value.unit != prop.unit:
                factor = _conversion(value.unit, prop.unit)
                if isinstance(factor, str):
                    out.bad.append(_bad("unit_mismatch", f"{value.property}: {factor}", value, message, several))
                    return
                number = number * factor[0] + factor[1]
            if not prop.low <= number <= prop.high:
                detail = f"{value.property} {number:g} {prop.unit or ''}: expected {prop.low:g} to {prop.high:g}"
                out.bad.append(_bad("out_of_range", detail, value, message, several))
                return
            if prop.whole:
                if number != int(number):
                    detail = f"{value.property} {number:g}: expected a whole number"
                    out.bad.append(_bad("not_a_number", detail, value, message, several))
                    return
                # A twin's Thing Model takes no 5.0 for an integer.
                number = int(number)
            draft.values[prop.name] = number
        else:
            problem = _not_of_type(raw, prop.spec)
            if problem is not None:
                out.bad.append(_bad("out_of_range", f"{value.property} {problem}", value, message, several))
                return
            draft.values[prop.name] = raw
        draft.mask |= prop.bit

    def _finish(self, draft: _Draft, message: Inbound, out: Cleaned) -> None:
        """Drop it if it was seen, else derive what is derived and make it a reading."""
        thing, spec = draft.thing, draft.spec
        entry = thing.entry
        feature = spec.feature.name
        window = thing.windows.get(feature)
        if window is None:
            window = thing.windows[feature] = SeriesWindow(self._window)
        if window.seen(draft.time, draft.mask, draft.seq):
            out.duplicates[entry.kind] = out.duplicates.get(entry.kind, 0) + 1
            return
        values = draft.values
        if spec.dew_point:
            temperature, humidity = (values.get(name) for name in _DEW_POINT_FROM)
            # At 0 % the dew point has no value: absent, not 0.
            if temperature is not None and humidity:
                values["dewPoint"] = round(psychrometrics.dew_point(temperature, humidity), 3)
        quality: Quality = draft.quality if draft.quality in _QUALITIES else "good"  # type: ignore[assignment]
        out.readings.append(
            Reading(
                thing=entry.thing,
                feature=feature,
                observed_at=draft.time,
                received_at=message.received_at,
                values=values,
                quality=quality,
                device=message.device,
                kind=entry.kind,
                room=entry.room,
                row=entry.row,
                seq=draft.seq,
                v=1,
            )
        )


_SPECS: Final[dict[str, dict[str, _Spec]]] = {}
_CONVERSIONS: Final[dict[tuple[str, str | None], tuple[float, float] | str]] = {}


def _specs_of(kind: str) -> dict[str, _Spec]:
    """The features that devices may report of a kind, compiled once."""
    specs = _SPECS.get(kind)
    if specs is None:
        specs = _SPECS[kind] = {f.name: _compile(f) for f in features_of(kind).values() if f.reported}
    return specs


@lru_cache(maxsize=4096)
def _drive_spec(kind: str, name: str) -> _Spec | None:
    """Of a disk, which the catalogue does not know by name."""
    feature = feature_of(kind, name)
    return None if feature is None else _compile(feature)


def _is_drive(name: str) -> bool:
    return name.startswith(drives.PREFIX)


def _compile(feature: Feature) -> _Spec:
    props: dict[str, _Prop] = {}
    for prop in feature.properties:
        if prop.derived or prop.type == "object":
            continue
        low = float("-inf") if prop.low is None else prop.low
        high = float("inf") if prop.high is None else prop.high
        numeric = prop.type in ("number", "integer")
        whole = prop.type == "integer"
        props[prop.name] = _Prop(prop.name, prop.unit, low, high, numeric, whole, 1 << len(props), prop)
    derived = {prop.name for prop in feature.properties if prop.derived}
    return _Spec(feature, props, "dewPoint" in derived and all(name in props for name in _DEW_POINT_FROM))


def _conversion(unit: str, to: str | None) -> tuple[float, float] | str:
    """Factor and offset, or what is wrong with the unit. Remembered: the same few units come again and again."""
    found = _CONVERSIONS.get((unit, to))
    if found is None:
        try:
            found = units.conversion(unit, to) if to is not None else f"unit {unit[:40]!r}: expected none"
        except units.UnitMismatch as error:
            found = str(error)
        if len(_CONVERSIONS) < 10_000:
            _CONVERSIONS[unit, to] = found
    return found


def _not_of_type(raw: Any, prop: Property) -> str | None:
    """What is wrong with the value of a property that is no number, None when nothing is."""
    if prop.type == "boolean":
        return None if isinstance(raw, bool) else f"{str(raw)[:40]!r}: expected true or false"
    if not isinstance(raw, str) or len(raw) > 256:
        return f"{str(raw)[:40]!r}: expected text of at most 256 characters"
    if prop.enum and raw not in prop.enum:
        return f"{raw[:40]!r}: expected one of {', '.join(prop.enum)}"
    return None


def _bad(reason: str, detail: str, value: Measured, message: Inbound, several: bool) -> BadRecord:
    return BadRecord(reason, detail, value.thing, [_alone(value, message)] if several else None)


def _alone(value: Measured, message: Inbound) -> dict[str, Any]:
    """The value by itself as a SenML record, for a reject that leaves out the good values beside it."""
    name = "/".join(part for part in (value.thing, value.feature, value.property) if part)
    record: dict[str, Any] = {"n": name, "t": (message.received_at if value.time is None else value.time) / 1000}
    raw = value.value
    if isinstance(raw, bool):
        record["vb"] = raw
    elif isinstance(raw, str):
        record["vs"] = raw
    elif raw is not None:
        record["v"] = raw if abs(raw) < float("inf") else str(raw)
    if value.unit is not None:
        record["u"] = value.unit
    return record
