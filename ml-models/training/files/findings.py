"""What is wrong in a recorded hall, when and where: each thing gets a score and a type at each moment. Pure.

Types of a rack: `inlet-hot` (warmer than supply, room and its own power explain), `inlet-cold`, `sensor-stuck`,
`sensor-drift` (the two sensors' dew points part, or one sensor alone walks off), `sensor-silent`, `power-unusual` (far
from what it ever drew). Of a unit: `supply-high` (it does not hold its set-point), `airflow-low` (less air than its fan
speed gave before), `power-high`. A score of 0.5 is the limit. Next: `report`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from physics_files.grid import Grid
from training.files.baseline import Baseline, Floats, robust_spread, smoothed

# What must be exceeded, whatever the spread: K of a sensor, K of dew point, K of a supply over its set-point, shares.
_LEAST_K: Final = 0.8
_LEAST_DEW_K: Final = 0.9
_LEAST_SUPPLY_K: Final = 1.0
_LEAST_SHARE: Final = 0.08
_SIGMAS: Final = 5.0
_SMOOTH_S: Final = 600.0
_STUCK_S: Final = 1800.0
_SILENT_S: Final = 1800.0
_HIGH: Final = 40.0  # limits are exceeded this many times at most, for a score below 1


@dataclass(frozen=True)
class Scores:
    """Scores of one type for some things: `score` [cells, things], `inputs` names what it rests on, per thing."""

    type: str
    things: list[str]
    score: Floats
    inputs: list[str]


def find(grid: Grid, baseline: Baseline) -> list[Scores]:
    """Scores of every type for every thing that has the data for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return [*_of_sensors(grid, baseline), *_of_power(grid), *_of_units(grid)]


def as_score(ratio: Floats) -> Floats:
    """0.5 where a limit is just reached, towards 1 beyond, 0 where nothing is known."""
    known = np.clip(np.where(np.isfinite(ratio), ratio, 0.0), 0.0, _HIGH)
    return np.asarray(known / (1.0 + known))


def _name(grid: Grid, target: int) -> tuple[str, str]:
    rack, place = grid.targets[target]
    return grid.layout.racks[rack].id, place


def _of_sensors(grid: Grid, baseline: Baseline) -> list[Scores]:
    calm = smoothed(baseline.residual, _SMOOTH_S / grid.step_s)
    calm = np.where(np.isfinite(baseline.residual), calm, np.nan)
    limit = np.maximum(_SIGMAS * baseline.spread, _LEAST_K)
    things = [_name(grid, k)[0] for k in range(len(grid.targets))]
    inputs = [f"temperature/{_name(grid, k)[1]}" for k in range(len(grid.targets))]
    stuck = _stuck(grid)
    drift, parted = _drift(grid, baseline, calm, limit)
    rests_on = [f"{name}{', dewPoint' if p else ''}" for name, p in zip(inputs, parted, strict=True)]
    # A sensor that is wrong says nothing of the air.
    trusted = (stuck < 0.5) & (drift < 0.5)
    hot, cold = as_score(calm / limit), as_score(-calm / limit)
    return [
        Scores("inlet-hot", things, np.where(trusted, hot, np.minimum(hot, 0.49)), inputs),
        Scores("inlet-cold", things, np.where(trusted, cold, np.minimum(cold, 0.49)), inputs),
        Scores("sensor-stuck", things, stuck, inputs),
        Scores("sensor-drift", things, drift, rests_on),
        Scores("sensor-silent", things, _silent(grid), inputs),
    ]  # fmt: skip


def _stuck(grid: Grid) -> Floats:
    """How long a value has stood still, over half an hour, where it usually moves more often than that."""
    values = grid.temperature
    cells = values.shape[0]
    run = np.zeros_like(values)
    for k in range(1, cells):
        same = np.isfinite(values[k]) & (values[k] == values[k - 1])
        run[k] = np.where(same, run[k - 1] + 1.0, 0.0)
    # What a sensor's steps and the room's calm make usual: a coarse one stands still for long, rightly.
    usual = np.nanquantile(run, 0.95, axis=0)
    moves = np.array([np.unique(v[np.isfinite(v)]).size for v in values.T]) > 3
    limit = np.maximum(_STUCK_S / grid.step_s, 3.0 * usual)
    # Where it is stuck for most of the record, that itself is its usual: then the others are the measure.
    others = np.nanmedian(usual)
    limit = np.where(usual > 5.0 * max(others, 1.0), np.maximum(_STUCK_S / grid.step_s, 3.0 * others), limit)
    return np.where(moves[None, :] | (run > limit), as_score(run / limit), 0.0)


def _drift(grid: Grid, baseline: Baseline, calm: Floats, limit: Floats) -> tuple[Floats, list[bool]]:
    """Sensors whose dew point parts from their rack's others, or, without humidity, that walk off alone."""
    score = np.zeros_like(calm)
    with_dew = [False] * calm.shape[1]
    dew = smoothed(baseline.dew, 2.0 * _SMOOTH_S / grid.step_s)
    for target, (rack, _place) in enumerate(grid.targets):
        others = [k for k, (r, p) in enumerate(grid.targets) if r == rack and k != target and "rear" not in p]
        if np.isfinite(dew[:, target]).any():
            # Against the whole room: of two that differ, the one that is off is the one far from the rest.
            room = np.nanmedian(dew, axis=1)
            apart = dew[:, target] - room
            apart = apart - np.nanmedian(apart)
            usual = robust_spread(apart)
            score[:, target] = as_score(np.abs(apart) / max(_LEAST_DEW_K, _SIGMAS * usual))
            with_dew[target] = True
        elif others:
            # Slowly, and its neighbour in the same air does not follow.
            mate = np.nanmean(calm[:, others], axis=1)
            alone = calm[:, target] - mate
            hours = max(1, round(3600.0 / grid.step_s))
            before = np.concatenate([np.full(hours, np.nan), calm[:-hours, target]])
            slow = np.abs(calm[:, target] - before) < np.abs(calm[:, target])
            ratio = np.where(slow & (np.abs(mate) < 0.5 * limit[target]), np.abs(alone) / (1.5 * limit[target]), 0.0)
            # A walk takes hours; what jumps is air.
            steep = np.abs(calm[:, target] - before) > 0.7 * np.abs(calm[:, target])
            score[:, target] = as_score(np.where(steep, 0.0, ratio))
    return score, with_dew


def _silent(grid: Grid) -> Floats:
    """How long nothing came of a sensor that others of the hall outlived."""
    missing = np.isnan(grid.temperature)
    alive = np.asarray((~missing).any(axis=1)).tolist()
    run = np.zeros(missing.shape)
    for k in range(1, len(missing)):
        run[k] = np.where(missing[k] & alive[k], run[k - 1] + 1.0, 0.0)
    return as_score(run * grid.step_s / _SILENT_S)


def _of_power(grid: Grid) -> list[Scores]:
    if not np.isfinite(grid.power).any():
        return []
    low, high = np.nanquantile(grid.power, (0.005, 0.995), axis=0)
    span = np.maximum(high - low, np.maximum(0.1 * np.abs(high), 50.0))
    beyond = np.maximum(grid.power - high, low - grid.power) / (0.75 * span)
    return [Scores("power-unusual", grid.layout.rack_ids, as_score(beyond), ["power"] * len(grid.layout.racks))]


def _of_units(grid: Grid) -> list[Scores]:
    found = []
    ids = grid.layout.unit_ids
    over = smoothed(grid.supply, _SMOOTH_S / grid.step_s) - smoothed(grid.setpoint, _SMOOTH_S / grid.step_s)
    if np.isfinite(over).any():
        usual = np.nanmedian(over, axis=0)
        spread = np.array([robust_spread(column) for column in over.T])
        limit = np.maximum(_LEAST_SUPPLY_K, _SIGMAS * np.nan_to_num(spread))
        score = as_score((over - usual) / limit)
        found.append(Scores("supply-high", ids, score, ["supplyTemperature, setpoint"] * len(ids)))
    elif np.isfinite(grid.supply).any():
        calm = smoothed(grid.supply, _SMOOTH_S / grid.step_s)
        spread = np.array([robust_spread(column) for column in calm.T])
        limit = np.maximum(2.0 * _LEAST_SUPPLY_K, 6.0 * np.nan_to_num(spread))
        score = as_score((calm - np.nanmedian(calm, axis=0)) / limit)
        found.append(Scores("supply-high", ids, score, ["supplyTemperature"] * len(ids)))
    found += _less_than_usual(grid, grid.airflow, grid.fan, "airflow-low", "airflow, fanSpeed")
    return found


def _less_than_usual(grid: Grid, what: Floats, per: Floats, name: str, inputs: str) -> list[Scores]:
    """What a unit gives for what it is told, against its own usual."""
    ratio = what / np.maximum(per, 5.0) if np.isfinite(per).any() else what
    if not np.isfinite(ratio).any():
        return []
    calm = smoothed(ratio, _SMOOTH_S / grid.step_s)
    # The usual is what it gave at its best times: a slow loss must not become the usual.
    usual = np.nanquantile(calm, 0.75, axis=0)
    lost = 1.0 - calm / np.maximum(usual, 1e-9)
    spread = np.array([robust_spread(column) for column in lost.T])
    limit = np.maximum(_LEAST_SHARE, 4.0 * np.minimum(np.nan_to_num(spread), _LEAST_SHARE))
    return [Scores(name, grid.layout.unit_ids, as_score(lost / limit), [inputs] * len(grid.layout.units))]


def state_of(score: float) -> str:
    """normal, suspect or anomalous, as on a twin."""
    return "anomalous" if score >= 0.75 else ("suspect" if score >= 0.5 else "normal")


def by_thing(found: list[Scores]) -> dict[str, tuple[Floats, npt.NDArray[np.intp], list[tuple[str, str]]]]:
    """For each thing: its highest score [cells], which (type, inputs) that is [cells], and those."""
    grouped: dict[str, list[tuple[str, str, Floats]]] = {}
    for scores in found:
        for column, thing in enumerate(scores.things):
            grouped.setdefault(thing, []).append((scores.type, scores.inputs[column], scores.score[:, column]))
    result = {}
    for thing, parts in sorted(grouped.items()):
        stacked = np.stack([part[2] for part in parts], axis=1)
        result[thing] = (stacked.max(axis=1), stacked.argmax(axis=1), [(part[0], part[1]) for part in parts])
    return result
