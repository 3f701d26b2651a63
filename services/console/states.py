"""The state of a room, or of single things, at each step of a past time: which queries ask for it, and what is made of
their rows. Pure.

A state at a time T is what was known then: the means of the step that ends at T, and the last that was said of what
changes seldom (set-points, verdicts, scores). What was not heard of for `HELD_S` is not known, as in the present.
Predictions are those that had been issued within that time: when they expire is not looked at. Next: `console.history`
asks InfluxDB.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from physics import ashrae
from racktwin import catalogue_computed
from racktwin.catalogue import Property, feature_of, features_of
from racktwin.names import ThingId

MAX_STEPS: Final = 60
MAX_THINGS: Final = 80
# As the page judges the present: what is older is stale.
HELD_S: Final = 120
# The indices come every minute.
INDICES_HELD_S: Final = 180
# How far back the last word on what changes seldom is looked for.
LOOKBACK_S: Final = 86_400
HORIZON_S: Final = 900
STATE: Final = "indices/ashraeState"

Kind = Literal["mean", "last", "predicted"]
# Thing, feature/property, beginning of the step (epoch ms), value.
Row = tuple[str, str, int, str]


@dataclass(frozen=True, slots=True)
class Column:
    """One property of things of a kind over time."""

    kind: str
    measurement: str
    feature: str
    name: str
    how: Kind
    text: bool = False

    @property
    def key(self) -> str:
        """As the page knows it: feature/property."""
        return f"{self.feature}/{self.name}"


# What of a room's racks and units is shown of all of them at once.
_ROOM: Final = {
    "rack": {
        "environment.top": ("temperature", "relativeHumidity"),
        "environment.middle": ("temperature",),
        "environment.bottom": ("temperature", "relativeHumidity"),
        "power": ("power",),
        "cooling": ("deltaT", "supplyFraction"),
        "indices": ("ashraeState",),
        "anomaly": ("score", "expiresAt"),
    },
    "cooling": {
        "air": ("supplyTemperature", "returnTemperature"),
        "control": ("setpoint", "fanSpeed", "mode"),
    },
}


def _column(kind: str, feature: str, prop: Property) -> Column | None:
    found = catalogue_computed.resolve(kind, feature)
    if found is None or prop.type == "object":
        return None
    measured = found.cadence == "critical" and prop.type == "number" and prop.unit != "ms"
    return Column(kind, found.measurement, feature, prop.name, "mean" if measured else "last", prop.type == "string")


def room_columns() -> list[Column]:
    """What a room's frames hold, without predictions."""
    found = []
    for kind, features in _ROOM.items():
        for feature, names in features.items():
            known = catalogue_computed.resolve(kind, feature)
            assert known is not None
            found += [_column(kind, feature, known.by_name[name]) for name in names]
    return [each for each in found if each is not None]


def thing_columns(kinds: Iterable[str], sensors: Iterable[str]) -> list[Column]:
    """Everything that things of these kinds may have told; ``sensors``: features that their owners named."""
    found: dict[Column, None] = {}
    for kind in sorted(set(kinds)):
        features = list(features_of(kind).values())
        features += [each for each in (feature_of(kind, name) for name in sensors) if each is not None]
        own = ("indices", "anomaly", "maintenance", "sensing")
        features += [each for each in (catalogue_computed.resolve(kind, name) for name in own) if each is not None]
        for feature in features:
            for prop in feature.properties:
                column = _column(kind, feature.name, prop)
                if column is not None:
                    found[column] = None
    return list(found)


def condition(columns: Sequence[Column]) -> str:
    """A filter that storage can apply by itself: tags and field names, joined by and and or."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for column in columns:
        grouped.setdefault((column.kind, column.measurement, column.feature), []).append(column.name)
    return " or ".join(
        f'(r.kind == "{kind}" and r._measurement == "{measurement}" and r.feature == "{feature}" and ('
        + " or ".join(f'r._field == "{name}"' for name in names)
        + "))"
        for (kind, measurement, feature), names in grouped.items()
    )


PREDICTED: Final = (
    f'r.kind == "rack" and r._measurement == "prediction" and r._field == "value" and r.horizon == "{HORIZON_S}"'
    ' and (r.target == "environment.top/temperature" or r.target == "environment.bottom/temperature")'
)


def predicted_key(model: str, feature: str) -> str:
    """Where a twin holds what a model predicts of a place's temperature."""
    return f"prediction.{model}.{feature.removeprefix('environment.')}/value"


def read_rows(lines: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """InfluxDB's CSV without annotations: a head again wherever its columns change."""
    head: list[str] | None = None
    for cells in csv.reader(lines):
        if not cells:
            head = None
        elif head is None:
            head = cells
        else:
            yield dict(zip(head, cells, strict=False))


@dataclass(frozen=True, slots=True)
class Asked:
    """Of whom states are asked: all racks and units of a room, and of them what all show at once; or of some ``things``
    (id -> its features), and of them everything. ``classes``: rack -> its ASHRAE class."""

    site: str
    room: str
    classes: Mapping[str, str]
    things: Mapping[str, Sequence[str]] | None = None

    def columns(self) -> list[Column]:
        """What is asked.

        Raises:
            ValueError: a thing's id is none.
        """
        if self.things is None:
            return room_columns()
        sensors = {name for features in self.things.values() for name in features}
        return thing_columns([kind_of(each) for each in self.things], sensors)

    def where(self, literal: Callable[[str], str]) -> str:
        """A filter by room or thing; ``literal`` quotes."""
        if self.things is None:
            return f"r.room == {literal(self.room)}"
        return " or ".join(f"r.thing == {literal(each)}" for each in self.things)


@dataclass
class Board:
    """States in the making: ``times`` (epoch ms), the ends of steps of ``step_s``."""

    times: list[int]
    step_s: int
    values: dict[str, dict[str, list[float | str | None]]] = field(default_factory=dict)

    @staticmethod
    def of(start: int, end: int, step_s: int) -> Board:
        """Steps that end in [start, end)."""
        step = step_s * 1000
        return Board(list(range(math.ceil(start / step) * step, end, step)), step_s)

    def begins(self, held_s: float) -> int:
        """From when (epoch ms) what is held so long must be read."""
        return self.times[0] - self.step_s * 1000 - self._steps(held_s) * self.step_s * 1000

    def _steps(self, held_s: float) -> int:
        return math.floor(held_s / self.step_s)

    def put(self, rows: Iterable[Row], held_s: Callable[[str], float], text: frozenset[str]) -> None:
        """Rows in any order, by the beginning of their step; each value is held on for ``held_s`` of its column."""
        step = self.step_s * 1000
        found: dict[tuple[str, str], dict[int, float | str]] = {}
        for thing, key, begin, value in rows:
            said = value if key in text else round(float(value), 3)
            found.setdefault((thing, key), {})[(begin + step - self.times[0]) // step] = said
        for (thing, key), by_step in found.items():
            row = self.values.setdefault(thing, {}).setdefault(key, [None] * len(self.times))
            most = self._steps(held_s(key))
            for position in sorted(by_step):
                last = min(position + most, len(row) - 1)
                for at in range(max(position, 0), last + 1):
                    row[at] = by_step[position]

    def judge(self, classes: Mapping[str, str]) -> None:
        """Where a rack's ASHRAE state is not recorded (a long time ago it is not kept), judge its air by its own
        class."""
        for thing, name in classes.items():
            columns = self.values.get(thing)
            if columns is None or name not in ashrae.CLASSES:
                continue
            limits = ashrae.limits(name)
            worst = np.full(len(self.times), -1)
            for place in ("top", "middle", "bottom"):
                air = _numbers(columns.get(f"environment.{place}/temperature"), len(self.times))
                wet = _numbers(columns.get(f"environment.{place}/relativeHumidity"), len(self.times))
                known = np.isfinite(air)
                dry = ashrae.verdicts(np.where(known, air, 20.0), limits)
                worst = np.where(known, np.maximum(worst, dry), worst)
                both = known & np.isfinite(wet) & (wet > 0)
                said = ashrae.verdicts(np.where(both, air, 20.0), limits, np.where(both, wet, 45.0))
                worst = np.where(both, np.maximum(worst, said), worst)
            row = columns.setdefault(STATE, [None] * len(self.times))
            for at, verdict in enumerate(worst.tolist()):
                if row[at] is None and verdict >= 0:
                    row[at] = ashrae.VERDICTS[verdict]

    def result(self) -> dict[str, Any]:
        """As the API gives it: texts by number, for they are few and come often."""
        texts: dict[str, list[str]] = {}
        values: dict[str, dict[str, list[float | None]]] = {}
        for thing, columns in self.values.items():
            values[thing] = {}
            for key, row in columns.items():
                if any(isinstance(each, str) for each in row):
                    known = texts.setdefault(key, [])
                    values[thing][key] = [_number(known, each) for each in row]
                else:
                    values[thing][key] = row  # type: ignore[assignment]
        return {"step_s": self.step_s, "times": self.times, "texts": texts, "values": values}


def held(columns: Sequence[Column], cell_s: int) -> Callable[[str], float]:
    """How long (s) each column holds, where history has a point in ``cell_s`` at best."""
    by_key = {column.key: column for column in columns}

    def of(key: str) -> float:
        column = by_key.get(key)
        if column is None or column.how != "last":
            return max(HELD_S, cell_s)
        return max(INDICES_HELD_S, cell_s) if column.feature == "indices" else LOOKBACK_S

    return of


def kind_of(thing: str) -> str:
    """Raises ValueError."""
    return ThingId.parse(thing).kind


def _numbers(row: Sequence[float | str | None] | None, count: int) -> Any:
    if row is None:
        return np.full(count, np.nan)
    return np.array([np.nan if value is None else value for value in row], dtype=float)


def _number(known: list[str], value: float | str | None) -> int | None:
    if value is None:
        return None
    text = str(value)
    if text not in known:
        known.append(text)
    return known.index(text)
