"""What cooling's energy costs over time: a tariff, the carbon of its electricity, or both. Pure but for
:func:`file_of`.

A series holds from each of its times until the next. It comes from a file with lines of time and value: ISO 8601 times
with a zone (or epoch seconds), and a value per kWh; a heading may name its unit (``time,EUR/kWh``). Tariff and carbon
make one series of cost by a price of carbon. Next: :mod:`optimiser.controller`, for which what counts is by how much
each part of its horizon is dearer than the day ahead.
"""

from __future__ import annotations

import bisect
import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

Objective = Literal["energy", "cost", "carbon"]
Kind = Literal["tariff", "carbon"]
DAY_S: Final = 86_400.0
# However dear it is, the room is not driven further than by this factor from how it would be without a price.
LEAST, MOST = 0.25, 4.0
PER_KWH: Final = "per kWh"

_HEADINGS: Final = ("", "value", "price", "tariff", "intensity", "carbon")
_KWH: Final = {"wh": 1000.0, "kwh": 1.0, "mwh": 0.001}
_KG: Final = {"g": 0.001, "kg": 1.0, "t": 1000.0}
_UNIT: Final = re.compile(r"(?P<what>.*\S)\s*/\s*(?P<per>[kM]?Wh)", re.IGNORECASE)
_MASS: Final = re.compile(r"(?P<mass>g|kg|t)(?:\s*CO2\s*-?(?:e|eq)?)?", re.IGNORECASE)
_CARBON_PRICE: Final = re.compile(
    r"(?P<value>\d+(?:\.\d+)?)\s*(?P<currency>[^\s/\d]+)\s*/\s*(?P<mass>.+)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What energy costs in the two blocks of a horizon, as a share of its mean over the day ahead, and how much of the
    horizon the first one is: they part where the price changes most, in the middle where it does not change."""

    prices: tuple[float, float] = (1.0, 1.0)
    first: float = 0.5

    @property
    def changes(self) -> bool:
        """Whether the price changes within the horizon."""
        return self.prices[0] != self.prices[1]


class SeriesError(ValueError):
    """A series or a price that cannot be used; the text names series, line and field, and what was expected."""


@dataclass(frozen=True, slots=True)
class CarbonPrice:
    """What a kg of carbon costs."""

    per_kg: float
    currency: str


@dataclass(frozen=True, slots=True)
class Series:
    """Values per kWh from each time (epoch s, ascending) until the next; the last one holds on.

    ``ends_s`` is until when the last value is told: as long as the one before it holds, for ever if it is the only one.
    ``parts`` are the series that this one is made of.
    """

    times_s: tuple[float, ...]
    values: tuple[float, ...]
    unit: str = PER_KWH
    name: str = "series"
    objective: Objective = "cost"
    parts: tuple[Series, ...] = ()

    @property
    def ends_s(self) -> float:
        """Until when it is known (epoch s); of several parts the first one's end."""
        if self.parts:
            return min(part.ends_s for part in self.parts)
        return 2.0 * self.times_s[-1] - self.times_s[-2] if len(self.times_s) > 1 else float("inf")

    def at(self, time_s: float) -> float:
        """The value at a time; before the first one, the first."""
        return self.values[max(0, bisect.bisect_right(self.times_s, time_s) - 1)]

    def mean(self, from_s: float, to_s: float) -> float:
        """The mean over a time; exactly the value where there is but one."""
        cuts = [from_s, *(t for t in self.times_s if from_s < t < to_s), to_s]
        first = self.at(from_s)
        if all(self.at(cut) == first for cut in cuts[:-1]):
            return first
        return sum(self.at(begin) * (end - begin) for begin, end in itertools.pairwise(cuts)) / (to_s - from_s)

    def known_s(self, time_s: float, horizon_s: float = 0.0) -> float:
        """How much of the day from a time on is known (s), at least the horizon; a day where nothing of it is."""
        known = min(DAY_S, self.ends_s - time_s)
        return max(known, horizon_s) if known > 0.0 else DAY_S

    def relative(self, time_s: float) -> float:
        """Now, as a share of the mean of the day from now on, as far as that is known; 1 where that is not above 0."""
        mean = self.mean(time_s, time_s + self.known_s(time_s))
        return _within(self.at(time_s) / mean) if mean > 0.0 else 1.0

    def ahead(self, time_s: float, horizon_s: float, least_s: float = 0.0) -> Ahead:
        """What energy costs within a horizon, as :class:`Ahead`; the first block is as long as ``least_s`` at least."""
        mean = self.mean(time_s, time_s + self.known_s(time_s, horizon_s))
        if mean <= 0.0:
            return Ahead()
        until = time_s + horizon_s
        changes = [t for t in self.times_s if time_s < t < until]
        parting = max(changes, key=lambda t: abs(self.mean(t, until) - self.mean(time_s, t)), default=None)
        first_s = 0.5 * horizon_s if parting is None else max(least_s, parting - time_s)
        parts = self.mean(time_s, time_s + first_s), self.mean(time_s + first_s, until)
        if parts[0] == parts[1]:
            first_s = 0.5 * horizon_s
        return Ahead((_within(parts[0] / mean), _within(parts[1] / mean)), first_s / horizon_s)

    def assumed(self, from_s: float, to_s: float) -> tuple[str, ...]:
        """In words, what is assumed of the time between these because the series does not tell it."""
        if self.parts:
            return tuple(itertools.chain.from_iterable(part.assumed(from_s, to_s) for part in self.parts))
        found = []
        if self.times_s[0] > from_s:
            found.append(f"the {self.name} begins at {_told(self.times_s[0])}: its first value is taken before that")
        if self.ends_s < to_s:
            found.append(f"the {self.name} ends at {_told(self.ends_s)}: its last value is taken after that")
        return tuple(found)


def parse(text: str, name: Kind = "tariff") -> Series:
    """A series from CSV, or from JSON: a list of pairs, or of objects with `time` and `value`.

    Values per Wh or MWh become values per kWh.

    Raises:
        SeriesError: it is neither, is empty, or its times do not ascend.
    """
    text = text.removeprefix("\ufeff")
    times: list[float] = []
    values: list[float] = []
    unit = ""
    if text.lstrip().startswith("["):
        for where, time, value in _of_json(text, name):
            times.append(_time(time, where))
            values.append(_value(value, where, name))
            _ascending(times, where)
    else:
        for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
            cells, where = [cell.strip() for cell in row], f"{name}, line {number}"
            if not any(cells) or cells[0].startswith("#"):
                continue
            if len(cells) < 2:
                raise SeriesError(f"{where}: {cells[0]!r}: expected time and value, separated by a comma")
            if not times and not _is_number(cells[0]) and not _is_time(cells[0]) and not _is_number(cells[1]):
                unit = "" if cells[1].lower() in _HEADINGS else cells[1]
                continue
            times.append(_time(cells[0], where))
            values.append(_value(cells[1], where, name))
            _ascending(times, where)
    if not times:
        raise SeriesError(f"{name}: expected at least one time with a value")
    match = _UNIT.fullmatch(unit)
    if match:
        factor = _KWH[match["per"].lower()]
        unit, values = f"{match['what']}/kWh", [value * factor if factor != 1.0 else value for value in values]
    return Series(tuple(times), tuple(values), unit or PER_KWH, name, "cost" if name == "tariff" else "carbon")


def carbon_price(text: str) -> CarbonPrice:
    """The price of carbon: a number, a currency, and the mass that it is for, for instance ``80 EUR/t``.

    Raises:
        SeriesError: it is not that.
    """
    match = _CARBON_PRICE.fullmatch(text.strip())
    mass = _MASS.fullmatch(match["mass"].strip()) if match else None
    if match is None or mass is None:
        raise SeriesError(f"carbon price {text!r}: expected a number, a currency and g, kg or t, for instance 80 EUR/t")
    return CarbonPrice(float(match["value"]) / _KG[mass["mass"].lower()], match["currency"])


def together(tariff: Series | None, carbon: Series | None, price: CarbonPrice | None) -> Series | None:
    """What is kept low: cost by the tariff, carbon, or with a price of carbon the cost of both; None without a series.

    Raises:
        SeriesError: what is given does not fit together.
    """
    if price is not None and carbon is None:
        raise SeriesError("carbon price: expected a carbon series with it")
    if carbon is None or price is None:
        if tariff is not None and carbon is not None:
            raise SeriesError("tariff and carbon: expected a carbon price with them, for instance 80 EUR/t")
        return tariff or carbon
    per_kwh = price.per_kg * _kg_per_unit(carbon)
    priced = replace(carbon, values=tuple(per_kwh * value for value in carbon.values), unit=f"{price.currency}/kWh")
    if tariff is None:
        return replace(priced, objective="cost")
    if tariff.unit != PER_KWH and tariff.unit.lower() != priced.unit.lower():
        raise SeriesError(
            f"carbon price in {price.currency} and tariff in {tariff.unit}: expected one currency for both"
        )
    times = sorted({*tariff.times_s, *carbon.times_s})
    values = tuple(tariff.at(time) + priced.at(time) for time in times)
    return Series(tuple(times), values, priced.unit, "tariff with carbon", "cost", (tariff, carbon))


def file_of(path: Path | None, name: Kind) -> Callable[[], Series | None]:
    """Reads a series from a file, again when the file has changed; None where there is no path.

    The function raises SeriesError where the file cannot be read.
    """
    known: dict[int, Series] = {}

    def read() -> Series | None:
        if path is None:
            return None
        try:
            changed = path.stat().st_mtime_ns
            if changed not in known:
                series = parse(path.read_text(encoding="utf-8"), name)
                known.clear()
                known[changed] = series
        except (OSError, UnicodeDecodeError) as error:
            raise SeriesError(f"{name}, {path}: {error}") from error
        except SeriesError as error:
            raise SeriesError(f"{path}: {error}") from error
        return known[changed]

    return read


def _of_json(text: str, name: str) -> Sequence[tuple[str, str, str]]:
    """Where, time and value of each entry, as text."""
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise SeriesError(f"{name}: expected CSV, or JSON with pairs of time and value: {error}") from error
    found = []
    for number, entry in enumerate(entries, start=1):
        where = f"{name}, entry {number}"
        try:
            time, value = (entry["time"], entry["value"]) if isinstance(entry, dict) else (entry[0], entry[1])
        except (KeyError, IndexError, TypeError):
            raise SeriesError(
                f"{where}: {entry!r}: expected a pair of time and value, or an object with both"
            ) from None
        found.append((where, str(time), str(value)))
    return found


def _kg_per_unit(carbon: Series) -> float:
    mass = _MASS.fullmatch(carbon.unit.removesuffix("/kWh").strip()) if carbon.unit.endswith("/kWh") else None
    if mass is None:
        told = "no unit" if carbon.unit == PER_KWH else repr(carbon.unit)
        raise SeriesError(
            f"carbon, heading: {told}: expected time,g/kWh or time,kg/kWh, so that the carbon price can be applied"
        )
    return _KG[mass["mass"].lower()]


def _within(share: float) -> float:
    return min(MOST, max(LEAST, share))


def _ascending(times: Sequence[float], where: str) -> None:
    if len(times) > 1 and times[-1] <= times[-2]:
        raise SeriesError(f"{where}, time: {_told(times[-1])}: expected a time after the one before: times must ascend")


def _time(text: str, where: str) -> float:
    if _is_number(text):
        return float(text)
    if not _is_time(text):
        raise SeriesError(f"{where}, time: {text!r}: expected an ISO 8601 time, for instance 2025-11-03T00:00Z")
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise SeriesError(f"{where}, time: {text!r}: expected a zone with it, for instance Z or +01:00")
    return found.timestamp()


def _value(text: str, where: str, name: str) -> float:
    if not _is_number(text):
        raise SeriesError(f"{where}, value: {text!r}: expected a number, per kWh")
    if name == "carbon" and float(text) < 0.0:
        raise SeriesError(f"{where}, value: {text!r}: expected 0 or more")
    return float(text)


def _told(time_s: float) -> str:
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%MZ")
    except (ValueError, OverflowError, OSError):
        return f"{time_s:g} s"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text) and abs(float(text)) != float("inf")
    except ValueError:
        return False
