"""What wears, by series and their plain trend: all there is without a model, and what breaks within the hour. Pure.

A cooling unit moves air in proportion to its fan's speed; what it moves less than it did is a clogged filter or a worn
fan. What it removes of heat per watt goes with the coil and the compressor. A server's fan that turns slower at the
same command has worn bearings. A loss of a tenth within the hour is told too: that is no wear, but something broke or
was left shut.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Final

import numpy as np

from models.wear import WINDOW_H, Demand, Finding, Floats, trend
from upkeep.series import Thing

# Of means of two minutes: told soon, when it is much.
SUDDEN: Final = Demand(points=15, hours=0.5, loss=0.1)
_AIR_J_M3K: Final = 1196.0
_HOUR_MS: Final = 3_600_000

_AIR = ("fan or filter", "less air for its fan speed: a clogged filter or a worn fan")
_HEAT = ("refrigeration", "less heat removed per watt: fouled coil, low charge or a tired compressor")
_SERVER_FAN = ("fan", "turns slower at the same command: worn bearings or dust")


def findings(
    things: Mapping[str, Thing],
    end_ms: int,
    *,
    calm_hour: int,
    demand: Demand | None = None,
    parts: Container[str] | None = None,
) -> dict[str, Finding]:
    """The worst finding of each thing that has one. `calm_hour`: hour of the day (UTC) at which calm hours begin;
    `parts`: judge these alone, as others are a model's."""
    found: dict[str, Finding] = {}
    for name, thing in things.items():
        for (part, cause), times, values in _ratios(thing, sudden=demand is not None):
            if len(times) < 2 or (parts is not None and part not in parts):
                continue
            one = trend(
                name,
                part,
                cause,
                hours=(times - times[0]) / _HOUR_MS,
                values=values,
                end_ms=end_ms,
                begin_hour=calm_hour,
                demand=demand or Demand(),
            )
            if one is not None and (name not in found or one.score > found[name].score):
                found[name] = one
    return found


def calm_hour(things: Mapping[str, Thing]) -> int:
    """The hour of the day (UTC) at which the calmest hours begin, by what racks draw; 2 where that is not known."""
    by_hour: list[list[float]] = [[] for _ in range(24)]
    for thing in things.values():
        if thing.kind == "rack":
            for at, watts in thing.values["power", "power"].items():
                by_hour[at // _HOUR_MS % 24].append(watts)
    if not all(by_hour):
        return 2
    means = np.array([np.mean(values) for values in by_hour])
    return int(np.argmin([np.roll(means, -hour)[:WINDOW_H].mean() for hour in range(24)]))


def _ratios(thing: Thing, *, sudden: bool) -> Iterator[tuple[tuple[str, str], Floats, Floats]]:
    """(part and cause), times in epoch ms, and a series of which more is better."""
    if thing.kind == "cooling":
        times, (air, fan) = _together(thing, ("air", "airflow"), ("control", "fanSpeed"))
        yield _AIR, times, air / np.maximum(fan, 5.0)
        if not sudden:
            # Within an hour heat per watt follows the set-point and the weather.
            columns = (
                ("air", "airflow"),
                ("air", "returnTemperature"),
                ("air", "supplyTemperature"),
                ("power", "power"),
            )
            times, (air, back, supply, watts) = _together(thing, *columns)
            yield _HEAT, times, air * (back - supply) * _AIR_J_M3K / np.maximum(watts, 50.0)
    elif thing.kind == "server":
        times, (turns, asked) = _together(thing, ("fans", "fanSpeed"), ("fans", "fanSpeedPercent"))
        known = asked > 5.0
        yield _SERVER_FAN, times[known], turns[known] / asked[known]


def _together(thing: Thing, *wanted: tuple[str, str]) -> tuple[Floats, list[Floats]]:
    """The cells in which all of these are known, oldest first."""
    series = [thing.values.get(key, {}) for key in wanted]
    times = sorted(set(series[0]).intersection(*series[1:]))
    return np.array(times, dtype=float), [np.array([one[at] for at in times], dtype=float) for one in series]
