"""Recorded readings of a hall, from a table in any of three shapes, as one series per thing, quantity and position.

Shapes that are understood:

* long: columns ``time``, ``rack``, ``position`` and one per quantity (``temperature``, ``relativeHumidity``, ``power``,
  ``utilization``). Rows of a cooling unit have its name under ``rack`` (or ``unit``) and ``supplyTemperature``,
  ``returnTemperature``, ``setpoint``, ``airflow``, ``fanSpeed``, ``power``;
* tidy: columns ``time``, ``rack``, ``position``, ``quantity``, ``value`` (and ``unit``);
* wide: ``time`` and one column per series, whose name has the thing's name, the quantity and the position in it, such
  as ``r01-03/top/temperature``, ``r01-03 power_kW`` or ``crac-1 supply``.

Values outside what is physically possible count as missing. Next: `grid`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from physics.layout import Layout
from physics_files import quantities, tables
from physics_files.problems import FileProblem

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Key = tuple[str, str, str]
"""(thing id, quantity, position): the position is empty for what has none."""

_THINGS: Final = ("rack", "unit", "thing", "name", "device", "cabinet", "coolingunit", "crac", "crah", "id", "sensor")
_POSITIONS: Final = ("position", "pos", "height", "level", "location", "place", "sensorposition")
_QUANTITIES: Final = ("quantity", "property", "variable", "metric", "measurement", "parameter")
_VALUES: Final = ("value", "reading", "measure")
_UNITS: Final = ("unit", "units", "uom")
# No hall is as hot as this on average: a median above it in °C is a temperature in °F.
_SURELY_FAHRENHEIT: Final = 50.0


@dataclass
class Readings:
    """Series by key, each in order of time without repeated times; `notes` says what was left out and why,
    `labels` how the file itself calls a position."""

    series: dict[Key, tuple[Times, Floats]]
    notes: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    def of(self, quantity: str) -> dict[tuple[str, str], tuple[Times, Floats]]:
        """Series of one quantity by (thing, position)."""
        return {(thing, place): data for (thing, name, place), data in self.series.items() if name == quantity}


def collect(
    table: pd.DataFrame, layout: Layout, name: str, *, units: Mapping[str, str] | None = None, timezone: str = "UTC"
) -> Readings:
    """The readings in a table of any of the shapes.

    Args:
        table: as `tables.read` gives it.
        layout: whose things may appear; others are left out and noted.
        name: of the file, for messages.
        units: quantity -> unit, where the file has another than ours (`{"temperature": "degF"}`).
        timezone: of times without one.

    Raises:
        FileProblem: no time, no known thing, no temperature; it names what is missing.
    """
    time_name = tables.time_column(table, name)
    times = tables.epoch_ms(table[time_name], name, timezone)
    body = table.drop(columns=[time_name])
    thing_column = _column(body, _THINGS)
    builder = _Builder(layout, name, dict(units or {}))
    if thing_column is None:
        builder.wide(times, body)
    elif _column(body, _QUANTITIES) and _column(body, _VALUES):
        builder.tidy(times, body, thing_column)
    else:
        builder.long(times, body, thing_column)
    return builder.done()


def _column(table: pd.DataFrame, names: Iterable[str]) -> str | None:
    by_name = {quantities.squeeze(str(column)): str(column) for column in reversed(table.columns)}
    return next((by_name[name] for name in names if name in by_name), None)


class _Builder:
    """Gathers series; conversion and checks in one place."""

    def __init__(self, layout: Layout, name: str, units: dict[str, str]) -> None:
        self._name = name
        self._units = units
        self._racks = _spellings(layout.rack_ids)
        self._cooling = _spellings(layout.unit_ids)
        self._series: dict[Key, list[tuple[Times, Floats]]] = {}
        self._unknown: Counter[str] = Counter()
        self._impossible: Counter[str] = Counter()
        self._ignored: list[str] = []
        self._converters: dict[tuple[str, str], tuple[float, float]] = {}
        self._heights: dict[str, str] = {}
        self._labels: dict[str, str] = {}

    def long(self, times: Times, table: pd.DataFrame, thing_column: str) -> None:
        """One row per time, thing and position; one column per quantity."""
        position_column = _column(table, _POSITIONS)
        things = _texts(table[thing_column])
        # Rows of cooling units have no position: without a text they would all be one group.
        places = _texts(table[position_column]) if position_column else None
        self._learn_heights(places)
        values = {
            str(column): pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
            for column in table.columns
            if column not in (thing_column, position_column)
        }
        keys: Any = things if places is None else things + "\0" + places
        order = np.argsort(pd.factorize(keys)[0], kind="stable")
        codes = pd.factorize(keys)[0][order]
        for rows in np.split(order, np.flatnonzero(np.diff(codes)) + 1):
            thing, place_text = things.iloc[rows[0]], "" if places is None else str(places.iloc[rows[0]])
            known, is_rack = self._known(thing)
            if known is None:
                self._unknown[thing] += len(rows)
                continue
            place = self._place(place_text)
            for column, all_values in values.items():
                words = quantities.tokens(column)
                quantity = self._quantity(column, words, is_rack=is_rack)
                if quantity is not None:
                    unit = quantities.unit_in_name(quantity, words)
                    self._add((known, quantity, place), times[rows], all_values[rows], unit)

    def tidy(self, times: Times, table: pd.DataFrame, thing_column: str) -> None:
        """One row per time, thing, position and quantity."""
        quantity_column, value_column = _column(table, _QUANTITIES) or "", _column(table, _VALUES) or ""
        position_column = _column(table, _POSITIONS)
        unit_column = next((c for c in (_column(table, _UNITS),) if c != thing_column), None)
        parts = [c for c in (thing_column, quantity_column, position_column, unit_column) if c is not None]
        numbers = pd.to_numeric(table[value_column], errors="coerce").to_numpy(dtype=float)
        names = {column: _texts(table[column]) for column in parts}
        self._learn_heights(names.get(position_column or ""))
        for _, rows in table.groupby(parts, sort=True, dropna=False).indices.items():
            first = {column: str(texts.iloc[rows[0]]) for column, texts in names.items()}
            thing = first[thing_column]
            known, is_rack = self._known(thing)
            if known is None:
                self._unknown[thing] += len(rows)
                continue
            text = first[quantity_column]
            quantity = self._quantity(text, quantities.tokens(text), is_rack=is_rack)
            place = "" if position_column is None else first[position_column]
            unit = (first[unit_column] or None) if unit_column is not None else None
            if quantity is not None:
                self._add((known, quantity, self._place(place)), times[rows], numbers[rows], unit)

    def wide(self, times: Times, table: pd.DataFrame) -> None:
        """One column per series, its name telling which."""
        for column in map(str, table.columns):
            found = self._named_in(column)
            if found is None:
                self._unknown[column] += 1
                continue
            thing, is_rack, rest = found
            words = quantities.tokens(rest)
            place = next((p for p in map(quantities.position_of, [rest, *words]) if p and len(p) > 1), None)
            single = [p for w in words if len(w) > 1 and (p := quantities.position_of(w))]
            place = single[-1] if single else place
            left = [w for w in words if len(w) == 1 or quantities.position_of(w) is None]
            unit = quantities.unit_in_name("temperature", ["", *left]) if is_rack else None
            quantity = self._quantity("".join(left), left, is_rack=is_rack)
            if quantity is None and is_rack and (place or not left):
                # "r01/top" alone is what such a sensor measures.
                quantity = "temperature"
            if quantity is None:
                self._ignored.append(column)
                continue
            unit = quantities.unit_in_name(quantity, ["", *left])
            values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
            self._add((thing, quantity, place or ""), times, values, unit)

    def done(self) -> Readings:
        """The series, and notes of what was left out.

        Raises:
            FileProblem: nothing of use is left.
        """
        notes = []
        if self._unknown:
            names = ", ".join(repr(name) for name, _ in self._unknown.most_common(5))
            notes.append(f"{len(self._unknown)} name(s) that the layout does not have were left out: {names}")
        if self._ignored:
            notes.append(f"column(s) of no known quantity were left out: {', '.join(self._ignored[:5])}")
        for quantity, count in self._impossible.items():
            low, high = quantities.RANGE[quantity]
            notes.append(f"{count} value(s) of {quantity} outside [{low:g}, {high:g}] count as missing")
        series = {key: _ordered(parts) for key, parts in self._series.items()}
        series = {key: data for key, data in series.items() if data[0].size}
        if not any(quantity == "temperature" for _, quantity, _ in series):
            known = list(dict.fromkeys(self._racks.values()))[:5]
            problem = f"{self._name}: no temperature of any rack of the layout"
            if self._unknown:
                problem += f"; it has {', '.join(repr(n) for n, _ in self._unknown.most_common(5))}"
            raise FileProblem(
                f"{problem}; the layout's racks are {', '.join(known)}",
                "name columns with --map rack=COLUMN, --map position=COLUMN, --map temperature=COLUMN",
            )
        self._demand_celsius(series)
        return Readings(series, notes, self._labels)

    def _demand_celsius(self, series: dict[Key, tuple[Times, Floats]]) -> None:
        for quantity in ("temperature", "supplyTemperature"):
            medians = [
                float(np.median(values)) for (_, name, place), (_, values) in series.items()
                if name == quantity and not place.startswith("rear")
            ]  # fmt: skip
            if medians and float(np.median(medians)) > _SURELY_FAHRENHEIT:
                raise FileProblem(
                    f"{self._name}: {quantity} has a median of {np.median(medians):.0f}, which is not degC",
                    f"say its unit: --unit {quantity}=degF",
                )

    def _known(self, text: str) -> tuple[str | None, bool]:
        key = quantities.squeeze(text)
        if key in self._racks:
            return self._racks[key], True
        return self._cooling.get(key), False

    def _named_in(self, column: str) -> tuple[str, bool, str] | None:
        """The thing whose name a column's name begins with or holds, and the rest of the column's name."""
        best: tuple[int, str, bool, str] | None = None
        for known, is_rack in ((self._racks, True), (self._cooling, False)):
            for spelling, thing in known.items():
                pattern = r"(?<![a-z0-9])" + r"[^a-z0-9]*".join(map(re.escape, spelling)) + r"(?![0-9])"
                match = re.search(pattern, column.lower())
                if match is not None and (best is None or len(spelling) > best[0]):
                    best = (len(spelling), thing, is_rack, column[: match.start()] + " " + column[match.end() :])
        return None if best is None else best[1:]

    def _quantity(self, text: str, words: list[str], *, is_rack: bool) -> str | None:
        names = quantities.RACK if is_rack else quantities.UNIT
        found = quantities.find(quantities.squeeze(text), names)
        for count in range(len(words), 0, -1):
            for start in range(len(words) - count + 1):
                found = found or quantities.find("".join(words[start : start + count]), names)
        return found

    def _learn_heights(self, places: pd.Series[str] | None) -> None:
        """Positions that are heights in whatever unit: the lowest is the bottom, the highest the top."""
        texts = [] if places is None else sorted(set(places) - {""})
        try:
            ordered = sorted(texts, key=float)
        except ValueError:
            return
        names = {1: ["middle"], 2: ["bottom", "top"], 3: ["bottom", "middle", "top"]}
        inner = [f"middle-{number}" for number in range(1, len(ordered) - 1)]
        self._heights = dict(zip(ordered, names.get(len(ordered), ["bottom", *inner, "top"]), strict=False))

    def _place(self, text: str) -> str:
        if not text:
            return ""
        place = self._heights.get(text) or quantities.position_of(text) or quantities.squeeze(text)
        self._labels.setdefault(place, text)
        return place

    def _add(self, key: Key, times: Times, values: Floats, unit: str | None) -> None:
        thing, quantity, place = key
        place = (place or quantities.DEFAULT_POSITION) if quantity in ("temperature", "relativeHumidity") else ""
        asked = self._units.get(quantity) or self._units.get(_FAMILY.get(quantity, "")) or unit
        factor, offset = (1.0, 0.0) if asked is None else self._convert(quantity, asked)
        converted = values * factor + offset
        low, high = quantities.RANGE[quantity]
        good = np.isfinite(converted)
        possible = good & (converted >= low) & (converted <= high)
        # Judged before the unit is known to be right, so °F up to 185 stays in range and is then named.
        if (wrong := int(good.sum() - possible.sum())) > 0:
            self._impossible[quantity] += wrong
        if possible.any():
            self._series.setdefault((thing, quantity, place), []).append((times[possible], converted[possible]))

    def _convert(self, quantity: str, unit: str) -> tuple[float, float]:
        key = (quantity, unit)
        if key not in self._converters:
            try:
                self._converters[key] = quantities.unit_of(quantity, unit)
            except ValueError as error:
                raise FileProblem(f"{self._name}: {error}", f"say --unit {quantity}=UNIT") from error
        return self._converters[key]


# `--unit temperature=degF` speaks of the cooling units' temperatures too, `--unit power=kW` of their power.
_FAMILY: Final = {
    "supplyTemperature": "temperature",
    "returnTemperature": "temperature",
    "setpoint": "temperature",
    "unitPower": "power",
}


def _spellings(ids: Iterable[str]) -> dict[str, str]:
    """Squeezed spelling -> id: the whole id, what follows its colon, and that without its kind."""
    found: dict[str, str] = {}
    for thing in ids:
        short = thing.rpartition(":")[2]
        bare = re.sub(r"^(rack|cooling)-", "", short)
        for spelling in (bare, short, thing):
            found[quantities.squeeze(spelling)] = thing
    return found


def _ordered(parts: list[tuple[Times, Floats]]) -> tuple[Times, Floats]:
    times = np.concatenate([part[0] for part in parts])
    values = np.concatenate([part[1] for part in parts])
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    # Of readings at one time the last one stands.
    last = np.append(times[1:] != times[:-1], True) if times.size else np.empty(0, dtype=bool)
    return times[last], values[last]


def _texts(column: pd.Series[Any]) -> pd.Series[str]:
    """Names as texts: a whole number as such, what is missing as the empty text."""
    if pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 == 0).all()):
        column = column.astype("Int64")
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()
