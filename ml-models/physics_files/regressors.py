"""What a forecast may look at: features of every temperature sensor at every step, from the past alone. Pure.

A room is a few first-order lags deep, so its present motion is told by how far each quantity is from its own moving
averages: of the sensor, of the power under it and around it, of the supply air and its set-point, of the air flow. Each
feature is 0 where nothing is known, so that a hall without power or supply readings is served too. All run forward in
time with a state that is carried on, which is what keeps the future out. Next: `regression`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physics_files.grid import Grid
from physics_files.readings import Floats

_DAY_S: Final = 86_400
_OWN_S: Final = (180.0, 600.0, 1800.0, 7200.0)
_LONG_S: Final = 6 * 3600.0
_NEIGHBOURHOOD_M: Final = 3.0


class Ema:
    """Exponential moving averages of columns, each with its state; a missing value leaves it as it was."""

    def __init__(self, columns: int, seconds: float, step_s: float) -> None:
        self._keep = float(np.exp(-step_s / seconds))
        self._state = np.full(columns, np.nan)
        # So that the first hours average what there was, and not the first value for ever.
        self._weight = np.zeros(columns)

    def run(self, values: Floats) -> Floats:
        """The averages after each row of [cells, columns]."""
        made = np.empty_like(values)
        state, weight, keep = self._state, self._weight, self._keep
        for at, row in enumerate(values):
            known = np.isfinite(row)
            weight = np.where(known, keep * weight + (1.0 - keep), weight)
            share = np.where(known, (1.0 - keep) / np.maximum(weight, 1e-12), 0.0)
            before = np.where(np.isfinite(state), state, row)
            state = np.where(known, before + share * (row - before), state)
            made[at] = state
        self._state, self._weight = state, weight
        return made


class Regressors:
    """Makes features block by block; `names` in the order of the last axis."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._rack = np.array([rack for rack, _ in grid.targets], dtype=np.int64)
        racks, step = len(grid.layout.racks), float(grid.step_s)
        targets = len(grid.targets)
        capacity = np.array([rack.power_capacity_w for rack in grid.layout.racks])
        self._capacity = capacity
        self._near = _neighbours(grid)
        self._serves = _unit_weights(grid)
        self._flow_share = np.array([unit.airflow_m3s for unit in grid.layout.units])
        self._own = [Ema(targets, tau, step) for tau in _OWN_S if tau > step]
        self._power = [Ema(racks, tau, step) for tau in (300.0, 1200.0, 3600.0)]
        self._around = [Ema(racks, tau, step) for tau in (600.0, 2400.0)]
        self._total = [Ema(1, tau, step) for tau in (600.0, 3600.0)]
        self._supply = [Ema(targets, tau, step) for tau in (240.0, 900.0, 3600.0)]
        self._room = [Ema(1, tau, step) for tau in (300.0, 1200.0)]
        self._flow = [Ema(1, tau, step) for tau in (300.0, 1200.0, _LONG_S)]
        self._above_supply = Ema(targets, _LONG_S, step)
        self._above_room = Ema(targets, _LONG_S, step)
        self._per_watt = Ema(targets, _LONG_S, step)
        self.names = self._names()

    def _names(self) -> list[str]:
        own = [f"own-{n}" for n in range(len(self._own))]
        return [
            "cell-mean", *own, "power-0", "power-1", "power-2", "around-0", "around-1", "total-0", "total-1",
            "supply-0", "supply-1", "supply-2", "setpoint", "balance", "load-balance", "room-0", "room-1", "spread",
            "flow-0", "flow-1", "flow-2", "yesterday", "day-sin", "day-cos", "half-day-sin", "half-day-cos",
        ]  # fmt: skip

    def block(self, start: int, stop: int) -> Floats:
        """Features [cells, targets, features] of cells start to stop; blocks must be asked for in order."""
        g, rack = self._grid, self._rack
        now = g.temperature[start:stop]
        parts: list[Floats] = [g.mean[start:stop] - now]
        parts += [now - ema.run(now) for ema in self._own]
        share = g.power[start:stop] / self._capacity
        parts += [(share - ema.run(share))[:, rack] for ema in self._power]
        around = _weighted(share, self._near)
        parts += [(around - ema.run(around))[:, rack] for ema in self._around]
        total = _mean(share)
        parts += [self._wide(total - ema.run(total)) for ema in self._total]
        supply = _weighted(g.supply[start:stop], self._serves)[:, rack]
        parts += [supply - ema.run(supply) for ema in self._supply]
        wanted = _weighted(g.setpoint[start:stop], self._serves)[:, rack]
        parts.append(wanted - supply)
        above = now - supply
        usual = self._above_supply.run(above)
        parts.append(above - usual)
        load = share[:, rack] - self._per_watt.run(share[:, rack])
        parts.append(load)
        room = _mean(now)
        parts += [self._wide(room - ema.run(room)) for ema in self._room]
        over = now - room
        parts.append(over - self._above_room.run(over))
        flow = self._flow_of(start, stop)
        parts += [self._wide(flow - ema.run(flow)) for ema in self._flow]
        parts.append(self._yesterday(start, stop))
        parts += self._hours(start, stop)
        return np.nan_to_num(np.stack(parts, axis=2), nan=0.0, posinf=0.0, neginf=0.0)

    def _wide(self, column: Floats) -> Floats:
        return np.broadcast_to(column, (column.shape[0], self._rack.size))

    def _flow_of(self, start: int, stop: int) -> Floats:
        """Share of the rated air flow that moves."""
        g = self._grid
        measured = g.airflow[start:stop] / self._flow_share
        by_fan = g.fan[start:stop] / 100.0
        return _mean(np.where(np.isfinite(measured), measured, by_fan))

    def _yesterday(self, start: int, stop: int) -> Floats:
        """How far the sensor stands from where it stood a day ago: what repeats daily pulls it back."""
        g, day = self._grid, _DAY_S // self._grid.step_s
        made = np.zeros((stop - start, self._rack.size))
        first = max(start, day)
        if first < stop:
            made[first - start :] = g.temperature[first - day : stop - day] - g.temperature[first:stop]
        return made

    def _hours(self, start: int, stop: int) -> list[Floats]:
        """Time of day; nothing before a whole day was seen, when it would only say how far the record has come."""
        g = self._grid
        seconds = (g.time_ms[start:stop] // 1000) % _DAY_S
        seen = (g.time_ms[start:stop] - g.time_ms[0] >= _DAY_S * 1000).astype(float)
        parts = []
        for turns in (1, 2):
            angle = 2.0 * np.pi * turns * seconds / _DAY_S
            parts += [self._wide((function(angle) * seen)[:, None]) for function in (np.sin, np.cos)]
        return parts


def _mean(values: Floats) -> Floats:
    """Mean over the columns that are known, as one column."""
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True)
    sums = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    return np.asarray(np.where(count > 0, sums / np.maximum(count, 1), np.nan))


def _weighted(values: Floats, weights: Floats) -> Floats:
    """[cells, columns] by [rows, columns] -> [cells, rows], over what is known."""
    known = np.isfinite(values).astype(float)
    sums = np.nan_to_num(values) @ weights.T
    total = known @ weights.T
    return np.asarray(np.where(total > 1e-9, sums / np.maximum(total, 1e-9), np.nan))


def _neighbours(grid: Grid) -> Floats:
    """Weight [racks, racks] of the load of each other rack, falling with its distance."""
    places = np.array([(rack.x, rack.y) for rack in grid.layout.racks])
    distance = np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    weight = np.exp(-distance / _NEIGHBOURHOOD_M)
    np.fill_diagonal(weight, 0.0)
    return np.asarray(weight + 1e-12)


def _unit_weights(grid: Grid) -> Floats:
    """Weight [racks, units] of each unit's supply air at each rack: nearer and larger count more."""
    racks = np.array([(rack.x, rack.y) for rack in grid.layout.racks])
    units = np.array([(unit.x, unit.y) for unit in grid.layout.units])
    distance = np.hypot(*(racks[:, None, :] - units[None, :, :]).transpose(2, 0, 1))
    flow = np.array([unit.airflow_m3s for unit in grid.layout.units])
    return np.asarray(flow / (_NEIGHBOURHOOD_M + distance))
