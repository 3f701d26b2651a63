"""Faults that a simulated plant can be given: what breaks, where, by how much, and how fast. Pure data.

Next: :mod:`physics.plant` applies them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Kind = Literal[
    "unit-fails",
    "unit-stops",
    "unit-fan-degrades",
    "unit-deaf",
    "unit-refuses",
    "unit-coil-fouls",
    "rack-fan-degrades",
    "blanking-missing",
    "containment-opens",
    "leak",
    "sensor-sticks",
    "sensor-drifts",
    "sensor-drops",
    "disk-degrades",
    "disk-fails",
]

# What each takes: whose fault it is, what its magnitude means, and the magnitude when none is given.
KINDS: Final[Mapping[Kind, tuple[str, str, float]]] = {
    "unit-fails": ("unit", "share of its capacity that is lost, its fans go on", 1.0),
    "unit-stops": ("unit", "share of its capacity and of its air that is lost", 1.0),
    "unit-fan-degrades": ("unit", "share of its air that is lost (worn fan, clogged filter)", 0.3),
    "unit-deaf": ("unit", "not used; its controller does and answers no command", 1.0),
    "unit-refuses": ("unit", "not used; in local control at its panel, it refuses every command", 1.0),
    "unit-coil-fouls": ("unit", "share of the heat it removes per watt that is lost (fouled coil, low charge)", 0.3),
    "rack-fan-degrades": ("rack", "share of its air that is lost", 0.3),
    "blanking-missing": ("rack", "share of its inlet air that comes from behind in addition", 0.2),
    "containment-opens": ("room", "how far it stands open, 0 to 1", 1.0),
    "leak": ("room", "water that evaporates, kg/s", 0.001),
    "sensor-sticks": ("rack", "not used; it shows the last value for ever", 1.0),
    "sensor-drifts": ("rack", "K an hour", 0.2),
    "sensor-drops": ("rack", "share of its readings that are lost", 0.5),
    "disk-degrades": ("disk", "sectors that go bad in an hour", 60.0),
    "disk-fails": ("disk", "not used; it does not answer any more", 1.0),
}
# Of a unit's controller, not of its air: :mod:`gateway.controls` has them.
OF_CONTROLLERS: Final[tuple[Kind, ...]] = ("unit-deaf", "unit-refuses")
SENSORS: Final = ("bottom", "top")


def plain(thing: str) -> str:
    """A thing's id without site and kind, by which a fault's target may call it too; empty where it has none."""
    return thing.partition(":")[2].partition("-")[2]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``target`` is the id of a rack or unit, ``<server>/<disk>``, or empty for the room; ``sensor`` names a
    rack's sensor.

    It begins at ``start_s`` and ends at ``end_s`` (epoch seconds; None is never), and grows to its magnitude over
    ``ramp_s``.
    """

    kind: Kind
    target: str = ""
    magnitude: float = math.nan
    start_s: float = -math.inf
    end_s: float | None = None
    ramp_s: float = 0.0
    sensor: str = "top"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault {self.kind!r}: expected one of {', '.join(KINDS)}")
        whose, _meaning, usual = KINDS[self.kind]
        if whose != "room" and not self.target:
            raise ValueError(f"fault {self.kind}: target: expected the id of a {whose}")
        if self.sensor not in SENSORS:
            raise ValueError(f"fault {self.kind}: sensor {self.sensor!r}: expected one of {', '.join(SENSORS)}")
        if math.isnan(self.magnitude):
            object.__setattr__(self, "magnitude", usual)
        if not (math.isfinite(self.magnitude) and self.magnitude >= 0.0):
            raise ValueError(f"fault {self.kind}: magnitude {self.magnitude}: expected 0 or more")

    def at(self, time_s: float) -> float:
        """Its magnitude at a moment (epoch seconds); 0 before and after it."""
        if time_s < self.start_s or (self.end_s is not None and time_s >= self.end_s):
            return 0.0
        if self.ramp_s <= 0.0 or math.isinf(self.start_s):
            return self.magnitude
        return self.magnitude * min(1.0, (time_s - self.start_s) / self.ramp_s)

    def as_dict(self) -> dict[str, Any]:
        """Plain data without what is not set."""
        return {key: value for key, value in asdict(self).items() if value is not None and value != -math.inf}


def from_dict(data: Mapping[str, Any]) -> Fault:
    """A fault from plain data.

    Raises:
        ValueError: names the field that is unknown, missing or wrong.
    """
    unknown = set(data) - set(Fault.__dataclass_fields__)
    if unknown:
        raise ValueError(f"fault: unknown field {min(unknown)!r}; expected {', '.join(Fault.__dataclass_fields__)}")
    if "kind" not in data:
        raise ValueError(f"fault: kind: expected one of {', '.join(KINDS)}")
    numbers = {name: float(data[name]) for name in ("magnitude", "start_s", "end_s", "ramp_s") if name in data}
    texts = {name: str(data[name]) for name in ("target", "sensor") if name in data}
    return Fault(kind=data["kind"], **texts, **numbers)  # type: ignore[arg-type]
