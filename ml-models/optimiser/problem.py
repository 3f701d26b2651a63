"""The optimisation of one moment: a quadratic programme over the units' next moves, solved by OSQP. Pure but for time.

Condensed: the only unknowns are the moves of set-points and fans, now and a block later, and how far an inlet may
exceed its limit. For unit m and block b, with settled slopes G and the share f(t) of a move that is felt after t:

    minimise    p'(x1 + x2) + (x1 + x2)' H (x1 + x2) + r |x|^2 + c sum(s) + C sum(e)
    subject to  y_z(t) + sum_b f(t - t_b) G_z x_b <= limit_z - margin_z + s_z + e_z     for the hottest inlets z
                sum(s) <= budget,   0 <= s_z <= room_z,   e_z >= 0,   moves and settings within their limits

``p`` and ``H`` are slope and curvature of power (the fans' cube law), or of cost where power has a price. The budget is
what the rack cooling index may lose; ``e`` is what has to be given up beyond it, and is priced so that it is used only
where nothing else is left: there is always a solution. Next: :mod:`optimiser.controller`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import osqp
from scipy import sparse

from optimiser.response import Response
from physics.laws import Floats

BLOCKS: Final = 2
# Prices in % of the room's cooling power per K: of excess within the budget, and beyond it.
_EXCESS: Final = 1e-3
_BEYOND: Final = 40.0
# Against restless moves: % of power for a whole step of a unit.
_CALM: Final = 0.1


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a move and a setting may be: °C, K, shares of full fan speed; arrays (M,)."""

    setpoint_low: Floats
    setpoint_high: Floats
    fan_low: Floats
    fan_high: Floats
    step_k: float
    step_fan: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What the programme is made of now.

    ``free`` (T, 2N): inlets at the looked-at times if nothing is moved; ``felt`` (T, BLOCKS): share of a move of each
    block that is felt at each time; ``limit`` (2N,): recommended limit less the margin; ``room`` (2N,): how far above
    it an inlet may go at all; ``budget``: sum of all excesses (K) that is allowed; ``price``: of a W, relative.
    """

    setpoint: Floats
    fan: Floats
    free: Floats
    felt: Floats
    limit: Floats
    room: Floats
    budget: float
    price: float = 1.0


@dataclass(frozen=True, slots=True)
class Solution:
    """Moves of the first block (M,), and what is given up: excess (K) by inlet index beyond what is allowed."""

    move_k: Floats
    move_fan: Floats
    given_up: dict[int, float]
    excess_k: float
    solve_ms: float
    status: str


class Solver:
    """Solves one moment after another, each from the last one's solution."""

    def __init__(self, *, watched: int = 120, time_limit_s: float = 2.0, iterations: int = 4000) -> None:
        """``watched``: how many of the hottest inlets are looked at."""
        self._watched, self._time_limit_s, self._iterations = watched, time_limit_s, iterations
        self._warm: tuple[tuple[int, int], Floats, Floats] | None = None

    def solve(self, response: Response, bounds: Bounds, moment: Moment) -> Solution:
        """The best first moves.

        Raises:
            SolverFailed: no solution within the time, or the numbers do not allow one.
        """
        began = time.perf_counter()
        m = moment.setpoint.size
        watched = _hottest(moment, self._watched)
        programme = _programme(response, bounds, moment, watched)
        solver: Any = osqp.OSQP()
        solver.setup(
            programme.p, programme.q, programme.a, programme.low, programme.high,
            verbose=False, eps_abs=2e-3, eps_rel=2e-3, max_iter=self._iterations, time_limit=self._time_limit_s,
            polishing=False, adaptive_rho_interval=50, check_termination=10,
        )  # fmt: skip
        shape = programme.a.shape
        if self._warm is not None and self._warm[0] == shape:
            solver.warm_start(x=self._warm[1], y=self._warm[2])
        result = solver.solve(raise_error=False)
        status = str(result.info.status)
        if result.x is None or not np.isfinite(result.x).all() or not status.startswith("solved"):
            self._warm = None
            raise SolverFailed(f"the solver ended with {status!r} after {int(result.info.iter)} iterations")
        self._warm = shape, result.x, result.y
        x = result.x
        within, beyond = np.maximum(x[2 * BLOCKS * m :], 0.0).reshape(2, -1)
        given_up = {int(z): float(e) for z, e in zip(watched, beyond, strict=True) if e > 0.1}
        return Solution(
            move_k=bounds.step_k * np.clip(x[:m], -1.0, 1.0),
            move_fan=bounds.step_fan * np.clip(x[m : 2 * m], -1.0, 1.0),
            given_up=given_up,
            excess_k=float(within.sum() + beyond.sum()),
            solve_ms=1000.0 * (time.perf_counter() - began),
            status=status,
        )


class SolverFailed(Exception):
    """There is no usable solution; the settings stay as they are, and the guard's stale rule takes over in time."""


@dataclass(frozen=True, slots=True)
class _Programme:
    p: Any
    q: Floats
    a: Any
    low: Floats
    high: Floats


def _hottest(moment: Moment, count: int) -> Floats:
    """Indices of the inlets nearest to their limits, in a fixed order."""
    near = (moment.free - moment.limit).max(axis=0)
    count = min(count, near.size)
    return np.sort(np.argpartition(-near, count - 1)[:count])


def _programme(response: Response, bounds: Bounds, moment: Moment, watched: Any) -> _Programme:
    m, k = moment.setpoint.size, len(watched)
    times = moment.free.shape[0]
    moves = 2 * m
    # Moves are counted in steps, power in percent: numbers near one are what the solver likes.
    step = np.concatenate([np.full(m, bounds.step_k), np.full(m, bounds.step_fan)])
    percent = moment.price * 100.0 / max(response.power, 1.0)
    gain = np.hstack([response.per_k[watched], response.per_fan[watched]]) * step

    # Cost: slope and curvature of where the moves end.
    slope = percent * step * np.concatenate([response.power_per_k, response.power_per_fan])
    # P = P_full v^3 for a unit's fans; a set-point's own curvature is small, so calm alone bounds it.
    bend = percent * step**2 * np.concatenate([np.zeros(m), 3.0 * response.fan_w * moment.fan])
    calm = np.full(2 * m, _CALM)
    together = sparse.kron(np.ones((BLOCKS, BLOCKS)), sparse.diags(2.0 * bend))
    apart = sparse.kron(sparse.eye(BLOCKS), sparse.diags(2.0 * calm))
    tail = sparse.diags(np.concatenate([np.full(k, 1e-3), np.full(k, 0.1)]))
    p = sparse.block_diag([together + apart, tail], format="csc")
    q = np.concatenate([np.tile(slope, BLOCKS), np.full(k, _EXCESS), np.full(k, _BEYOND)])

    rows: list[Any] = []
    low: list[Floats] = []
    high: list[Floats] = []

    def add(block: Any, at_least: Floats, at_most: Floats) -> None:
        rows.append(block)
        low.append(at_least)
        high.append(at_most)

    none = np.full
    for t in range(times):
        felt = sparse.csc_matrix(np.hstack([moment.felt[t, b] * gain for b in range(BLOCKS)]))
        allowed = moment.limit[watched] - moment.free[t, watched]
        add(sparse.hstack([felt, -sparse.eye(k), -sparse.eye(k)]), none(k, -np.inf), allowed)
    # Excesses: each at least 0 and within its room, all together within the budget.
    wide = sparse.csc_matrix((2 * k, BLOCKS * moves))
    most_excess = np.concatenate([moment.room[watched], none(k, np.inf)])
    add(sparse.hstack([wide, sparse.eye(2 * k)]), np.zeros(2 * k), most_excess)
    # What is not watched is counted as it would be.
    unwatched = np.maximum(moment.free - moment.limit, 0.0).mean(axis=0)
    unwatched[watched] = 0.0
    total = sparse.csc_matrix(np.concatenate([np.zeros(BLOCKS * moves), np.ones(k), np.zeros(k)])[None, :])
    add(total, np.array([-np.inf]), np.array([max(0.0, moment.budget - unwatched.sum())]))
    # Moves, and where they lead.
    one = np.ones(BLOCKS * moves)
    rest = sparse.csc_matrix((BLOCKS * moves, 2 * k))
    add(sparse.hstack([sparse.eye(BLOCKS * moves), rest]), -one, one)
    now = np.concatenate([moment.setpoint, moment.fan])
    least = (np.concatenate([bounds.setpoint_low, bounds.fan_low]) - now) / step
    most = (np.concatenate([bounds.setpoint_high, bounds.fan_high]) - now) / step
    for b in range(1, BLOCKS + 1):
        sums = sparse.hstack([sparse.eye(moves)] * b + [sparse.csc_matrix((moves, (BLOCKS - b) * moves))])
        reach = np.full(moves, float(b))
        # A setting that is outside its limits now may take as many moves as it needs to come back.
        add(
            sparse.hstack([sums, sparse.csc_matrix((moves, 2 * k))]),
            np.minimum(np.maximum(least, -reach), reach),
            np.maximum(np.minimum(most, reach), -reach),
        )
    return _Programme(p, q, sparse.vstack(rows, format="csc"), np.concatenate(low), np.concatenate(high))
