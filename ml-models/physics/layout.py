"""What stands where in a room: racks and cooling units, as plain data with one clear error for what is missing.

Pure. Made from resources, twins or a file by :mod:`physics.sources`; next :mod:`physics.geometry` turns it into arrays.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

Containment = Literal["none", "cold", "hot"]
CONTAINMENTS: Final = ("none", "cold", "hot")
# Of a rack that does not say how much power it may draw (W).
DEFAULT_CAPACITY_W: Final = 8000.0
DEFAULT_HEIGHT_M: Final = 2.0


class LayoutError(ValueError):
    """A room that cannot be modelled: the message names the thing and the field that is missing or wrong."""


@dataclass(frozen=True, slots=True)
class RackPlace:
    """A rack. ``x``, ``y``, ``z`` in m from a corner of the room; ``yaw_deg`` is where its front looks, from x on.

    ``id`` is the thing id where there is one. ``feeds`` maps feed name to the PDU it comes from.
    """

    id: str
    x: float
    y: float
    z: float = 0.0
    yaw_deg: float = 90.0
    row: str = ""
    height_m: float = DEFAULT_HEIGHT_M
    width_m: float = 0.6
    power_capacity_w: float = DEFAULT_CAPACITY_W
    cooling_capacity_w: float | None = None
    ashrae_class: str = "A2"
    feeds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnitPlace:
    """A cooling unit: ``capacity_w`` heat it can carry away, ``airflow_m3s`` at full fan speed, limits of commands.

    ``fan_power_w`` at full speed; ``fan_min`` and ``fan_max`` in %. ``racks`` are the ids that it mainly serves.
    """

    id: str
    x: float
    y: float
    capacity_w: float
    airflow_m3s: float
    fan_power_w: float = 0.0
    setpoint_c: float = 20.0
    setpoint_min_c: float = 14.0
    setpoint_max_c: float = 27.0
    fan_percent: float = 100.0
    fan_min: float = 30.0
    fan_max: float = 100.0
    type: str = "crah"
    racks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """A room (m) with its racks and cooling units, each in the order that all arrays of the model follow."""

    room: str
    width_m: float
    depth_m: float
    height_m: float
    racks: tuple[RackPlace, ...]
    units: tuple[UnitPlace, ...]
    containment: Containment = "none"

    def __post_init__(self) -> None:
        check(self)

    @property
    def rack_ids(self) -> list[str]:
        """Ids of the racks, in order."""
        return [rack.id for rack in self.racks]

    @property
    def unit_ids(self) -> list[str]:
        """Ids of the cooling units, in order."""
        return [unit.id for unit in self.units]

    def rack_index(self, rack: str) -> int:
        """Index of a rack by its id or the part of it after ``rack-``.

        Raises:
            LayoutError: there is none.
        """
        return _index(rack, self.rack_ids, "rack", self.room)

    def unit_index(self, unit: str) -> int:
        """Index of a cooling unit by its id or the part of it after ``cooling-``.

        Raises:
            LayoutError: there is none.
        """
        return _index(unit, self.unit_ids, "cooling", self.room)

    def with_racks(self, *racks: RackPlace) -> Layout:
        """The room with these racks added."""
        return replace(self, racks=(*self.racks, *racks))

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as :func:`from_dict` reads it."""
        return asdict(self)


def check(layout: Layout) -> None:
    """See that the room can be modelled.

    Raises:
        LayoutError: no rack, no cooling unit, an id twice, a size that is no positive number, a place that is no
            number.
    """
    where = f"room {layout.room}"
    if not layout.racks:
        raise LayoutError(f"{where}: no rack; add at least one Rack with this room")
    if not layout.units:
        raise LayoutError(f"{where}: no cooling unit, so nothing carries the heat away; add a CoolingUnit of this room")
    if layout.containment not in CONTAINMENTS:
        raise LayoutError(f"{where}: containment {layout.containment!r}: expected one of {', '.join(CONTAINMENTS)}")
    for name in ("width_m", "depth_m", "height_m"):
        _positive(where, name, getattr(layout, name))
    seen: set[str] = set()
    things: list[RackPlace | UnitPlace] = [*layout.racks, *layout.units]
    for thing in things:
        if thing.id in seen:
            raise LayoutError(f"{where}: {thing.id}: this id stands there twice")
        seen.add(thing.id)
        for name in ("x", "y"):
            if not math.isfinite(getattr(thing, name)):
                raise LayoutError(f"{where}: {thing.id}: position {name} is not a number")
    for rack in layout.racks:
        _positive(rack.id, "power capacity (W)", rack.power_capacity_w)
        _positive(rack.id, "height (m)", rack.height_m)
        _positive(rack.id, "width (m)", rack.width_m)
    for unit in layout.units:
        _positive(unit.id, "capacity (W)", unit.capacity_w)
        _positive(unit.id, "airflow (m3/s)", unit.airflow_m3s)


def from_dict(data: Mapping[str, Any]) -> Layout:
    """A layout from plain data: ``{room, width_m, depth_m, height_m, containment, racks: [...], units: [...]}``.

    Racks need ``id``, ``x`` and ``y``; cooling units also ``capacity_w`` and ``airflow_m3s``. A room's size may be left
    out: what its things need and a metre and a half around is taken.

    Raises:
        LayoutError: names the thing and the field.
    """
    room = str(data.get("room") or "room")
    racks = tuple(_read(RackPlace, item, "rack", f"room {room}") for item in data.get("racks") or ())
    units = tuple(_read(UnitPlace, item, "cooling unit", f"room {room}") for item in data.get("units") or ())
    things = [*racks, *units]
    reach = [max((getattr(thing, axis) for thing in things), default=1.0) + 1.5 for axis in ("x", "y")]
    return Layout(
        room=room,
        width_m=_number(data.get("width_m", reach[0]), f"room {room}", "width_m"),
        depth_m=_number(data.get("depth_m", reach[1]), f"room {room}", "depth_m"),
        height_m=_number(data.get("height_m", 3.0), f"room {room}", "height_m"),
        containment=data.get("containment") or "none",
        racks=racks,
        units=units,
    )


def load(path: Path) -> Layout:
    """A layout from a JSON file, see :func:`from_dict`.

    Raises:
        LayoutError: it cannot be read, is not JSON, or does not describe a room.
    """
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise LayoutError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise LayoutError(f"{path}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise LayoutError(f"{path}: expected an object with room, racks and units")
    return from_dict(data)


_TEXTS: Final = frozenset({"id", "row", "ashrae_class", "type"})


def _read(kind: Any, item: Any, what: str, where: str) -> Any:
    if not isinstance(item, Mapping):
        raise LayoutError(f"{where}: each {what} must be an object, found {item!r}")
    name = item.get("id") or item.get("name")
    if not name:
        raise LayoutError(f"{where}: a {what} without id")
    values: dict[str, Any] = {"id": str(name)}
    needed = ("x", "y") if kind is RackPlace else ("x", "y", "capacity_w", "airflow_m3s")
    for key in needed:
        if item.get(key) is None:
            raise LayoutError(f"{where}: {what} {name}: {key} is missing")
    for key in kind.__dataclass_fields__:
        value = item.get(key)
        if value is None or key == "id":
            continue
        if key in _TEXTS:
            values[key] = str(value)
        elif key == "feeds":
            values[key] = dict(value)
        elif key == "racks":
            values[key] = tuple(value)
        else:
            values[key] = _number(value, f"{what} {name}", key)
    return kind(**values)


def _number(value: Any, where: str, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise LayoutError(f"{where}: {name}: expected a number, found {value!r}") from None
    if not math.isfinite(number):
        raise LayoutError(f"{where}: {name}: expected a finite number, found {value!r}")
    return number


def _positive(where: str, name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise LayoutError(f"{where}: {name} {value}: expected more than 0")


def _index(wanted: str, ids: list[str], kind: str, room: str) -> int:
    for at, thing in enumerate(ids):
        if thing == wanted or thing.endswith(f":{kind}-{wanted}"):
            return at
    raise LayoutError(
        f"room {room}: no {kind} {wanted!r}; there are {', '.join(ids[:5])}{' …' if len(ids) > 5 else ''}"
    )


def assumed(room: str, racks: Sequence[tuple[str, str, float, float]]) -> Layout:
    """A room for racks of which only ``(id, row, position along the row (m), power capacity (W))`` is known.

    Rows stand 2.4 m apart, fronts to cold aisles in pairs, and as many cooling units as carry the heat away with one
    to spare. For simulations where no room is described; never for a twin of a real one.
    """
    names = sorted({row for _id, row, _at, _w in racks})
    places = []
    for rack, row, at, watts in racks:
        number = names.index(row)
        yaw = 90.0 if number % 2 == 0 else 270.0
        places.append(RackPlace(rack, 2.0 + at, 2.4 + 2.4 * number, yaw_deg=yaw, row=row, power_capacity_w=watts))
    width = max((place.x for place in places), default=2.0) + 2.0
    depth = 2.4 * len(names) + 2.4
    heat = sum(place.power_capacity_w for place in places)
    count = max(2, math.ceil(heat / 150_000.0) + 1)
    each = 1.1 * heat / (count - 1)
    units = tuple(
        UnitPlace(
            id=f"{room}-unit-{number + 1}",
            x=0.6 if number % 2 == 0 else width - 0.6,
            y=depth * (number // 2 + 0.5) / math.ceil(count / 2),
            capacity_w=each,
            airflow_m3s=each * 0.065 / 1000.0,
            fan_power_w=each * 0.045,
            setpoint_c=19.0,
        )
        for number in range(count)
    )
    return Layout(room, width, depth, 3.2, tuple(places), units)
