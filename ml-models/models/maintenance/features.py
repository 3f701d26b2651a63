"""The model's inputs: how far a part has fallen from what it did, how fast, since when, and what moved beside it. Pure.

Of each part there is one series of which more is better, as a logarithm: air per fan speed, heat removed per watt
(divided by what the unit's supply temperature lets it remove, `physics.laws.chiller_cop`), a server's turns per percent
asked. It is looked at from the last repair on (a lasting step upwards), by means of five days over half a year and of
six hours over a week. Beside it stand the other part's same figures (a flow sensor that jumps moves both, worn fans
one), load and speed (what follows them is no wear), and the site's other units (what all do is the season).
Everything that is not known is NaN.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.windows import FloatArray, IntArray
from physics.laws import RHO_CP, chiller_cop

Floats = npt.NDArray[np.float64]

DAYS: Final = 180
HOURS: Final = 168
LIMIT_LOSS: Final = 0.25
CHANNELS: Final = {
    "airflow": ("cooling", "air", "airflow"),
    "supply": ("cooling", "air", "supplyTemperature"),
    "back": ("cooling", "air", "returnTemperature"),
    "speed": ("cooling", "control", "fanSpeed"),
    "power": ("cooling", "power", "power"),
    "turns": ("server", "fans", "fanSpeed"),
    "asked": ("server", "fans", "fanSpeedPercent"),
}
PARTS: Final = ("air", "refrigeration", "fan")
KIND_OF: Final = {"air": "cooling", "refrigeration": "cooling", "fan": "server"}
# How people call them in findings.
CALLED: Final = {"air": "fan or filter", "refrigeration": "refrigeration", "fan": "fan"}
_OTHER: Final = {"air": "refrigeration", "refrigeration": "air", "fan": ""}
_OWN: Final = (
    "span", "loss", "slope", "slope30", "slope7", "noise", "step", "stepAge", "surely", "bend", "life", "lately",
)  # fmt: skip
_CROSS: Final = ("other.loss", "other.slope", "other.slope7", "other.step", "other.lately")
_BESIDE: Final = ("load.change", "load.slope", "speed.change", "speed.slope")
_PEERS: Final = ("peers.loss", "peers.slope")
OF_PART: Final = (*_OWN, *_CROSS, *_BESIDE, *_PEERS)
_BLOCK_D: Final = 5
_BLOCK_H: Final = 6
_MONTH: Final = 30.0
_LEAST_SPEED, _LEAST_POWER_W = 5.0, 50.0
# A lasting step upwards of so much is a repair, or a part that was changed.
_REPAIR: Final = 0.04
_CHUNK: Final = 1024
_SLOWEST: Final = 1e-5
_LONGEST_LOG_H: Final = 11.4


@dataclass(frozen=True)
class Past:
    """What is known of N things of one kind: by channel means of days [N, DAYS] and of hours [N, HOURS], the newest
    last, NaN where nothing is known. `groups` [N]: things of one site have equal numbers."""

    days: Mapping[str, Floats]
    hours: Mapping[str, Floats]
    groups: IntArray

    def __len__(self) -> int:
        return len(self.groups)


def inputs() -> list[str]:
    """The model's inputs in column order: those of each part together."""
    return [f"{part}.{name}" for part in PARTS for name in OF_PART]


def compute(past: Past) -> FloatArray:
    """[N, inputs] float32; inputs of parts that a thing does not have, or of which nothing is known, are NaN."""
    found = np.full((len(past), len(PARTS) * len(OF_PART)), np.nan, dtype=np.float32)
    own = {part: _own(past, part) for part in PARTS if _has(past, part)}
    for number, part in enumerate(PARTS):
        if part not in own:
            continue
        mine, other = own[part], own.get(_OTHER[part])
        columns = [mine[name] for name in _OWN]
        nothing = np.full(len(past), np.nan)
        for name in _CROSS:
            columns.append(nothing if other is None else other[name.partition(".")[2]])
        columns += [mine[name] for name in _BESIDE]
        columns += [_of_peers(mine[name], past.groups) for name in ("loss", "slope")]
        begin = number * len(OF_PART)
        table = np.stack(columns, axis=1)
        # Nothing is to be said of a part of which nothing is known, whatever stands beside it.
        table[~np.isfinite(mine["span"])] = np.nan
        found[:, begin : begin + len(OF_PART)] = table
    return found


def performance(values: Mapping[str, Floats], part: str) -> tuple[Floats, Floats, Floats]:
    """What the part does, of which more is better, and the load and the speed at which it does it: each of the values'
    shape, above 0 or NaN."""
    if part == "fan":
        turns, asked = values["turns"], _above(values["asked"], _LEAST_SPEED)
        return _above(turns / asked), asked, np.full_like(turns, np.nan)
    airflow, speed = _above(values["airflow"]), _above(values["speed"], _LEAST_SPEED)
    heat = _above(RHO_CP * airflow * (values["back"] - values["supply"]))
    if part == "air":
        return airflow / speed, heat, speed
    watts = _above(values["power"], _LEAST_POWER_W)
    return heat / watts / _above(chiller_cop(values["supply"])), heat, speed


def _above(values: Floats, least: float = 1e-9) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(values > least, values, np.nan))


def _has(past: Past, part: str) -> bool:
    return all(name in past.days for name, (kind, *_) in CHANNELS.items() if kind == KIND_OF[part])


def _own(past: Past, part: str) -> dict[str, Floats]:
    parts: list[dict[str, Floats]] = []
    for begin in range(0, max(1, len(past)), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        days = performance({name: series[chunk] for name, series in past.days.items()}, part)
        hours = performance({name: series[chunk] for name, series in past.hours.items()}, part)
        parts.append(_figures(*(np.log(series) for series in (*days, hours[0]))))
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}


def _figures(days: Floats, load: Floats, speed: Floats, hours: Floats) -> dict[str, Floats]:
    """Of logarithms: days, load, speed [N, DAYS], hours [N, HOURS]."""
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        daily = median(np.abs(np.diff(days, axis=1))) / 0.954
        days = _since_repair(days, daily)
        known = np.isfinite(days)
        first = np.where(known.any(axis=1), np.argmax(known, axis=1), np.nan)
        blocks = np.nanmean(days.reshape(len(days), -1, _BLOCK_D), axis=2)
        weekly = np.nanmean(hours.reshape(len(hours), -1, _BLOCK_H), axis=2)
        now = _newest(days, weekly)
        best = _upper(blocks)
        slope = slopes(blocks, float(_BLOCK_D))
        lately = slopes(blocks[:, -6:], float(_BLOCK_D))
        week = slopes(weekly, _BLOCK_H / 24.0)
        step, step_age = _worst_step(days)
        loss = best - now
        span = DAYS - first
        middle = median(blocks - slope[:, None] * (np.arange(blocks.shape[1]) * _BLOCK_D)[None, :])
        line = middle[:, None] + slope[:, None] * (np.arange(blocks.shape[1]) * _BLOCK_D)[None, :]
        noise = median(np.abs(blocks - line))
        rate = np.where(np.isfinite(lately), np.fmax(-lately, -0.5 * slope), np.fmax(-week, -slope))
        left = np.log(np.maximum(-np.log1p(-LIMIT_LOSS) - loss, 0.003) * 24.0 / np.maximum(rate, _SLOWEST))
        beside = {
            "load.change": _change(np.where(known, load, np.nan)),
            "load.slope": slopes(np.nanmean(load.reshape(len(load), -1, _BLOCK_D), axis=2), float(_BLOCK_D)) * _MONTH,
            "speed.change": _change(np.where(known, speed, np.nan)),
            "speed.slope": slopes(np.nanmean(speed.reshape(len(load), -1, _BLOCK_D), axis=2), float(_BLOCK_D)) * _MONTH,
        }
        return {
            "span": np.log1p(span),
            "loss": loss,
            "slope": slope * _MONTH,
            "slope30": lately * _MONTH,
            "slope7": week * _MONTH,
            "noise": np.log(np.maximum(np.fmax(noise, 0.2 * daily), 1e-5)),
            "step": step,
            "stepAge": step_age / _MONTH,
            "surely": np.clip(-slope * span / np.maximum(np.fmax(noise, 1e-4), 1e-4), -40.0, 40.0),
            "bend": (lately - slope) * _MONTH,
            "life": np.minimum(left, _LONGEST_LOG_H),
            "lately": np.nanmean(days[:, -10:-3], axis=1) - now,
            **beside,
        }


def _since_repair(days: Floats, noise: Floats) -> Floats:
    """Days before the last lasting step upwards are left out."""
    rise = _steps(days)
    limit = np.fmax(_REPAIR, 5.0 * np.nan_to_num(noise))[:, None]
    up = rise > limit
    last = np.where(up.any(axis=1), days.shape[1] - 1 - np.argmax(up[:, ::-1], axis=1), 0)
    return np.where(np.arange(days.shape[1])[None, :] >= last[:, None], days, np.nan)


def _steps(days: Floats, width: int = 5, least: int = 3) -> Floats:
    """[N, DAYS]: mean of the days from there on less that of the days before; NaN where too few are known."""
    known = np.isfinite(days)
    total = np.cumsum(np.pad(np.where(known, days, 0.0), ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(known, ((0, 0), (1, 0))), axis=1)
    length = days.shape[1]
    at = np.arange(length)
    low, high = np.maximum(at - width, 0), np.minimum(at + width, length)
    before, n_before = total[:, at] - total[:, low], count[:, at] - count[:, low]
    after, n_after = total[:, high] - total[:, at], count[:, high] - count[:, at]
    enough = (n_before >= least) & (n_after >= least)
    return np.asarray(np.where(enough, after / np.maximum(n_after, 1) - before / np.maximum(n_before, 1), np.nan))


def _worst_step(days: Floats) -> tuple[Floats, Floats]:
    """The largest lasting fall (0 or more), and how many days ago."""
    fall = np.nan_to_num(-_steps(days), nan=0.0)
    at = np.argmax(fall, axis=1)
    size = np.maximum(fall[np.arange(len(days)), at], 0.0)
    unknown = ~np.isfinite(days).any(axis=1)
    size[unknown] = np.nan
    return size, np.where(unknown, np.nan, float(days.shape[1] - 1) - at)


def _newest(days: Floats, weekly: Floats) -> Floats:
    """What it does now: the last day by blocks of six hours, else the last three days."""
    last_day = np.nanmean(weekly[:, -4:], axis=1)
    return np.asarray(np.where(np.isfinite(last_day), last_day, np.nanmean(days[:, -3:], axis=1)))


def _upper(blocks: Floats) -> Floats:
    """Mean of the three best blocks: what the part did when it was well."""
    top = -np.sort(-np.where(np.isfinite(blocks), blocks, -np.inf), axis=1)[:, :3]
    return np.asarray(np.nanmean(np.where(np.isfinite(top), top, np.nan), axis=1))


def _change(values: Floats) -> Floats:
    """What the last three days are above the median of all."""
    return np.asarray(np.nanmean(values[:, -3:], axis=1) - median(values))


def means(blocks: Floats, axis: int) -> Floats:
    """Mean of what is known along an axis; NaN where nothing is."""
    known = np.isfinite(blocks).sum(axis=axis)
    return np.asarray(np.where(known > 0, np.nansum(blocks, axis=axis) / np.maximum(known, 1), np.nan))


def whole_days(hours: Floats, over: int) -> Floats:
    """Means of whole days [N, days] from hours [N, any], of which the last `over` are of a day that is not over."""
    ended = hours[:, : hours.shape[1] - over]
    return means(ended[:, ended.shape[1] % 24 :].reshape(len(hours), -1, 24), axis=2)


def median(values: Floats) -> Floats:
    """Median of what is known of each row; NaN where nothing is."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    low, high = ordered[rows, np.maximum(count - 1, 0) // 2], ordered[rows, np.minimum(count // 2, values.shape[1] - 1)]
    return np.asarray(np.where(count > 0, 0.5 * (low + high), np.nan))


def slopes(blocks: Floats, step: float) -> Floats:
    """Theil-Sen slopes of rows of equally spaced values (`step` apart); NaN where fewer than three are known."""
    i, j = np.triu_indices(blocks.shape[1], 1)
    found = median((blocks[:, j] - blocks[:, i]) / ((j - i) * step)[None, :])
    return np.asarray(np.where(np.isfinite(blocks).sum(axis=1) >= 3, found, np.nan))


def _of_peers(values: Floats, groups: IntArray) -> Floats:
    """For each thing the median of the others of its site, where there are two of them or more."""
    found = np.full(len(values), np.nan)
    order = np.argsort(groups, kind="stable")
    for members in _runs(order, groups[order]):
        if len(members) < 3:
            continue
        mine = values[members]
        others = np.tile(mine, (len(mine), 1)) if len(mine) <= 64 else None
        if others is None:
            # One among so many does not move their median.
            found[members] = median(mine[None, :])[0]
            continue
        others[np.diag_indices(len(mine))] = np.nan
        enough = np.isfinite(others).sum(axis=1) >= 2
        found[members] = np.where(enough, median(others), np.nan)
    return found


def _runs(order: IntArray, keys: IntArray) -> Iterator[IntArray]:
    borders = np.flatnonzero(np.diff(keys)) + 1
    yield from np.split(order, borders)
