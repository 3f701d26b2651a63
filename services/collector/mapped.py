"""JSON messages from anywhere -> readings, by a table of devices and paths. Pure.

Used by the plug-ins to which messages come: MQTT, push. A message names its device by a topic's wildcard, by a field
of its own, or not at all (one device); each device is a thing, with its place and feed.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from collector import paths
from collector.config import Interval
from collector.model import ConfigError, Reading
from collector.points import Binding, Point, as_number, bind, something

_ANY: Final = Interval(critical=1.0, slow=1.0)
# Epoch values above are milliseconds: 1e11 s is the year 5138.
_MILLISECONDS: Final = 1e11


class JsonPoint(Point, kw_only=True):
    """``path`` of the value in the message (see `collector.paths`)."""

    path: str

    def __post_init__(self) -> None:
        paths.parse(self.path)


class MappedDevice(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """``device``: how the source calls it; empty for messages that name none. ``feature``: instead of the points'."""

    thing: str
    device: str = ""
    feed: str = ""
    sensor: str = ""
    feature: str = ""


def moment(value: Any, now_ms: int) -> int:
    """A time as epoch milliseconds: seconds, milliseconds or ISO 8601; now where there is none that can be read."""
    number = as_number(value)
    if number is not None and number > 0:
        return round(number if number >= _MILLISECONDS else number * 1000)
    if isinstance(value, str):
        try:
            at = datetime.datetime.fromisoformat(value)
        except ValueError:
            return now_ms
        if at.tzinfo is None:
            at = at.replace(tzinfo=datetime.UTC)
        return round(at.timestamp() * 1000)
    return now_ms


class Table:
    """Bindings per device, for messages of one shape."""

    def __init__(
        self,
        points: Sequence[JsonPoint],
        devices: Sequence[MappedDevice],
        *,
        site: str,
        time_path: str,
        clock: Callable[[], int],
    ) -> None:
        """Raises ConfigError: a device or point is wrong."""
        self._clock, self._time_path = clock, time_path
        if time_path:
            paths.parse(time_path)
        self._by_device: dict[str, Sequence[Binding[JsonPoint]]] = {}
        for device in devices:
            chosen = [
                msgspec.structs.replace(point, feature=device.feature) if device.feature else point for point in points
            ]
            try:
                self._by_device[device.device] = something(
                    bind(chosen, site=site, thing=device.thing, interval=_ANY, feed=device.feed, sensor=device.sensor),
                    "points",
                )
            except ConfigError as error:
                raise ConfigError(f"device {device.device or device.thing}: {error}") from error

    @property
    def bindings(self) -> list[Binding[JsonPoint]]:
        """All of them."""
        return [binding for bindings in self._by_device.values() for binding in bindings]

    def knows(self, device: str) -> bool:
        """Whether a device is in the table."""
        return device in self._by_device

    def readings(self, device: str, document: Any) -> list[Reading]:
        """Readings in a message; none of a device that is not in the table."""
        now = self._clock()
        time = moment(paths.pick(document, self._time_path), now) if self._time_path else now
        found = []
        for binding in self._by_device.get(device, ()):
            raw = paths.pick(document, binding.point.path)
            reading = binding.reading(raw, time) if raw is not None else None
            if reading is not None:
                found.append(reading)
        return found

    def named(self, device: str, values: Mapping[str, tuple[Any, int]]) -> list[Reading]:
        """Readings of values that have names and times of their own (epoch ms), the name being a point's path."""
        found = []
        for binding in self._by_device.get(device, ()):
            named = values.get(binding.point.path)
            reading = binding.reading(*named) if named is not None else None
            if reading is not None:
                found.append(reading)
        return found
