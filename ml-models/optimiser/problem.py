"""The optimisation of one moment: a quadratic programme over the units' next moves, solved by OSQP. Pure but for time.

Condensed: the only unknowns are the moves of set-points and fans, now and a block later, and how far an inlet may
exceed its limit. For unit m and block b, with settled slopes G and the share f(t) of a move that is felt after t:

    minimise    p'(x1 + x2) + (x1 + x2)' H (x1 + x2) + r |x|^2 + c sum(s) + C e
    subject to  y_z(t) + sum_b f(t - t_b) G_z x_b <= limit_z - margin_z + s_z         for the hottest inlets z
                sum(s) <= budget + e,   0 <= s_z <= room_z + e,   moves and settings within their limits

``p`` and ``H`` are slope and curvature of power (the fans' cube law), or of cost where power has a price. The budget is
what the rack cooling index may lose; ``e`` is what has to be given up beyond it, and is priced so that it is used only
where nothing else is left. Next: :mod:`optimiser.controller`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import osqp  # type: ignore[import-untyped]
from scipy import sparse

from optimiser.response import Response
from physics.laws import Floats

BLOCKS: Final = 2
# Prices in W (or its cost) per K: of excess within the budget, and beyond it.
_EXCESS_W_K: Final = 20.0
_BEYOND_W_K: Final = 2e5
# Against restless moves: W per K^2 and per (share of fan)^2, for each thousand W of power.
_CALM_K: Final = 4.0
_CALM_FAN: Final = 400.0


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

    def __init__(self, *, watched: int = 200, time_limit_s: float = 2.0, iterations: int = 4000) -> None:
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
        result = solver.solve()
        status = str(result.info.status)
        if result.x is None or not np.isfinite(result.x).all() or not status.startswith("solved"):
            self._warm = None
            raise SolverFailed(f"the solver ended with {status!r} after {int(result.info.iter)} iterations")
        self._warm = shape, result.x, result.y
        x = result.x
        beyond = float(x[-1])
        slack = np.maximum(x[2 * BLOCKS * m : -1], 0.0)
        given_up: dict[int, float] = {}
        if beyond > 0.05:
            given_up = {int(z): float(s) for z, s in zip(watched, slack, strict=True) if s > 0.05}
        return Solution(
            move_k=_within(x[:m], bounds.step_k),
            move_fan=_within(x[m : 2 * m], bounds.step_fan),
            given_up=given_up,
            excess_k=float(slack.sum()),
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
    n = BLOCKS * moves + k + 1
    gain = np.hstack([response.per_k[watched], response.per_fan[watched]])
    scale = moment.price * response.power / 1000.0

    # Cost: slope and curvature of where the moves end.
    slope = moment.price * np.concatenate([response.power_per_k, response.power_per_fan])
    # P = P_full v^3 for a unit's fans; a set-point's own curvature is small, so calm alone bounds it.
    bend = np.concatenate([np.zeros(m), moment.price * 3.0 * response.fan_w * moment.fan])
    calm = np.concatenate([np.full(m, _CALM_K), np.full(m, _CALM_FAN)]) * scale
    together = sparse.kron(np.ones((BLOCKS, BLOCKS)), sparse.diags(2.0 * bend))
    apart = sparse.kron(sparse.eye(BLOCKS), sparse.diags(2.0 * calm))
    tail = sparse.diags(np.concatenate([np.full(k, 1e-3), [1.0]]))
    p = sparse.block_diag([together + apart, tail], format="csc")
    excess = moment.price * np.full(k, _EXCESS_W_K)
    q = np.concatenate([np.tile(slope, BLOCKS), excess, [moment.price * _BEYOND_W_K]])

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
        add(sparse.hstack([felt, -sparse.eye(k), sparse.csc_matrix((k, 1))]), none(k, -np.inf), allowed)
    # Excesses: each at least 0 and within its room, all together within the budget.
    wide = sparse.csc_matrix((k, BLOCKS * moves))
    add(sparse.hstack([wide, sparse.eye(k), sparse.csc_matrix((k, 1))]), np.zeros(k), none(k, np.inf))
    minus = sparse.csc_matrix(-np.ones((k, 1)))
    add(sparse.hstack([wide, sparse.eye(k), minus]), none(k, -np.inf), moment.room[watched])
    # What is not watched is counted as it would be.
    unwatched = np.maximum(moment.free - moment.limit, 0.0).mean(axis=0)
    unwatched[watched] = 0.0
    total = sparse.csc_matrix(np.concatenate([np.zeros(BLOCKS * moves), np.ones(k), [-float(max(k, 1))]])[None, :])
    add(total, np.array([-np.inf]), np.array([moment.budget - unwatched.sum()]))
    add(sparse.csc_matrix(([1.0], ([0], [n - 1])), shape=(1, n)), np.zeros(1), np.array([np.inf]))
    # Moves, and where they lead.
    step = np.concatenate([np.full(m, bounds.step_k), np.full(m, bounds.step_fan)])
    rest = sparse.csc_matrix((BLOCKS * moves, k + 1))
    add(sparse.hstack([sparse.eye(BLOCKS * moves), rest]), -np.tile(step, BLOCKS), np.tile(step, BLOCKS))
    now = np.concatenate([moment.setpoint, moment.fan])
    least = np.concatenate([bounds.setpoint_low, bounds.fan_low]) - now
    most = np.concatenate([bounds.setpoint_high, bounds.fan_high]) - now
    for b in range(1, BLOCKS + 1):
        sums = sparse.hstack([sparse.eye(moves)] * b + [sparse.csc_matrix((moves, (BLOCKS - b) * moves))])
        reach = b * step
        # A setting that is outside its limits now may take as many moves as it needs to come back.
        add(
            sparse.hstack([sums, sparse.csc_matrix((moves, k + 1))]),
            np.minimum(np.maximum(least, -reach), reach),
            np.maximum(np.minimum(most, reach), -reach),
        )
    return _Programme(p, q, sparse.vstack(rows, format="csc"), np.concatenate(low), np.concatenate(high))


def _within(move: Floats, most: float) -> Floats:
    return np.asarray(np.clip(move, -most, most))
