"""The optimisation of one moment: a quadratic programme over the units' next moves, solved by OSQP. Pure but for time.

Condensed: the only unknowns are the moves of set-points and fans, now and a block later (half a horizon, or when the
price of energy changes), and how far an inlet may
exceed its limit. For unit m and block b, with settled slopes G and the share f(t) of a move that is felt after t:

    minimise    sum_b w_b (p'X_b + X_b' H X_b) + r |x|^2 + c sum(s) + C sum(e),   X_b = x_1 + ... + x_b
    subject to  y_z(t) + sum_b f(t - t_b) G_z x_b + D_z (lacking air at t) <= limit_z - margin_z + g(t) s_z + e_z
                for the hottest inlets z;  l_b >= share of the air asked for that is not offered after block b;
                sum(s) + R(x, l) <= budget + r,   0 <= s_z <= room_z,   e_z, r >= 0,   moves and settings within limits

``p`` and ``H`` are slope and curvature of power (the fans' cube law), ``w`` what a block's energy weighs. Without
prices that is 1 for where the last move leads and 0 before, so that nothing hurries. With a price for each block it is
the last one's price, and for the first by how much that is dearer, over its share of the horizon: what can wait for the
cheaper energy does. A cheaper block weighs nothing, never less: a reward for using energy would waste it. ``g`` is the
price of t's block as a share of the first one's, at least 1: what the index may lose is kept while energy is cheap and
spent once it is dear, and nothing is cooled at a high price because a lower one comes. Prices change weights, never
which of them are there.

The budget is what the rack cooling index may lose, R what all other inlets lose of it together; ``e`` and ``r`` are
what has to be given up beyond it, priced so that they are used only where nothing else is left: there is always a
solution. Next: :mod:`optimiser.controller`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import osqp
from scipy import sparse, special

from optimiser.prices import Ahead
from optimiser.response import Response
from physics.laws import Floats

BLOCKS: Final = 2
_EVEN: Final = Ahead()
# Prices in % of the room's cooling power per K: of excess within the budget, and beyond it.
_EXCESS: Final = 1e-3
_BEYOND: Final = 10.0
# The same for what all other inlets exceed together, for a room of one inlet: several times what a kelvin is worth.
_BEYOND_REST: Final = 60.0
# How well an inlet's end is known, for those that are counted together (K).
_NEAR_K: Final = 0.4
# Against restless moves: % of power for a whole step of all units.
_CALM: Final = 0.4


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
class Air:
    """What units offer, as a share of what racks ask for, and the share below which air lacks.

    ``per_k`` and ``per_fan`` (M,) are how the offered share changes with set-points and fans; ``starved`` (2N,) is by
    how much inlets rise per share that lacks (K).
    """

    offered: float
    wanted: float
    per_k: Floats
    per_fan: Floats
    starved: Floats

    def lack(self, more_k: Floats, faster: Floats) -> float:
        """Share that lacks after these changes (M,); below 0 where there is more than enough."""
        return self.wanted - self.offered - float(self.per_k @ more_k + self.per_fan @ faster)


@dataclass(frozen=True, slots=True)
class Moment:
    """What the programme is made of now.

    ``free`` (T, 2N): inlets at the looked-at times if nothing is moved; ``felt`` (T, BLOCKS): share of a move of each
    block that is felt at each time; ``limit`` (2N,): recommended limit less the margin; ``room`` (2N,): how far above
    it an inlet may go at all; ``budget``: sum of all excesses (K) that is allowed; ``air``: what is offered and asked
    for; ``ahead``: what energy costs in each block.
    """

    setpoint: Floats
    fan: Floats
    free: Floats
    felt: Floats
    limit: Floats
    room: Floats
    budget: float
    air: Air
    ahead: Ahead = _EVEN


@dataclass(frozen=True, slots=True)
class Solution:
    """Moves of the first block (M,), and what is given up: excess (K) by inlet index beyond what is allowed.

    ``allowed_k`` is the most that an inlet may exceed its limit by within the budget.
    """

    move_k: Floats
    move_fan: Floats
    given_up: dict[int, float]
    excess_k: float
    allowed_k: float
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
        within, beyond = np.maximum(x[2 * BLOCKS * m : -1 - BLOCKS], 0.0).reshape(2, -1)
        within = float(_allowed(moment).max()) * within
        given_up = {int(z): float(e) for z, e in zip(watched, beyond, strict=True) if e > 0.1}
        return Solution(
            move_k=bounds.step_k * np.clip(x[:m], -1.0, 1.0),
            move_fan=bounds.step_fan * np.clip(x[m : 2 * m], -1.0, 1.0),
            given_up=given_up,
            excess_k=float(within.sum() + beyond.sum()),
            allowed_k=float(within.max()) if moment.budget > 0.0 else 0.0,
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


def _of_the_rest(
    response: Response, moment: Moment, watched: Any, step: Floats, lacking: Floats
) -> tuple[float, Floats, Floats]:
    """What inlets that are not watched exceed together (K), on average over the looked-at times, and how that changes
    with each block's moves, and with what lacks after each: many inlets a little too warm weigh as much as few that
    are far too warm.

    An inlet near its limit counts in part, as one whose end is not known better than by :data:`_NEAR_K` does.
    """
    beyond = (moment.free - moment.limit) / _NEAR_K
    share = special.ndtr(beyond)
    excess = _NEAR_K * (beyond * share + np.exp(-0.5 * beyond**2) / np.sqrt(2.0 * np.pi))
    allowed = _allowed(moment)[:, None]
    share, excess = share / allowed, excess / allowed
    share[:, watched] = 0.0
    excess[:, watched] = 0.0
    gain = np.stack([np.concatenate([at @ response.per_k, at @ response.per_fan]) for at in share]) * step
    times = len(gain)
    slopes = [(moment.felt[:, b, None] * gain).sum(axis=0) / times for b in range(BLOCKS)]
    lacks = (share @ moment.air.starved) @ lacking / times
    return float(excess.sum()) / times, np.concatenate(slopes), lacks


def _allowed(moment: Moment) -> Floats:
    """What an excess may be at each looked-at time, as a share of what it may be in the first block (T,)."""
    block = np.maximum((moment.felt > 0.0).sum(axis=1) - 1, 0)
    prices = np.array(moment.ahead.prices)
    return np.asarray(np.maximum(prices[block] / prices[0], 1.0))


def _weights(ahead: Ahead) -> Floats:
    """What the energy of each block weighs, with all after it (BLOCKS,): see the module."""
    now, then = ahead.prices
    return np.array([then + ahead.first * max(0.0, now - then), then])


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
    percent = 100.0 / max(response.power, 1.0)
    gain = np.hstack([response.per_k[watched], response.per_fan[watched]]) * step

    # Cost: slope and curvature of where the moves end.
    slope = percent * step * np.concatenate([response.power_per_k, response.power_per_fan])
    # P = P_full v^3 for a unit's fans; a set-point's own curvature is small, so calm alone bounds it.
    bend = percent * step**2 * np.concatenate([np.zeros(m), 3.0 * response.fan_w * moment.fan])
    calm = np.full(2 * m, _CALM / m)
    diagonal = 2.0 * np.concatenate(
        [np.tile(calm, BLOCKS), np.full(k, 1e-3), np.full(k, 0.1), np.full(1 + BLOCKS, 1e-3)]
    )
    p = np.diag(diagonal)
    # A move is felt in its own block and in all later ones, so two share what weighs from the later one on.
    weights, allowed = _weights(moment.ahead), _allowed(moment)
    p[: BLOCKS * moves, : BLOCKS * moves] += np.kron(np.minimum.outer(weights, weights), np.diag(2.0 * bend))
    beyond_rest = _BEYOND_REST / moment.limit.size
    q = np.concatenate(
        [np.kron(weights, slope), np.full(k, _EXCESS), np.full(k, _BEYOND), [beyond_rest], [1e-3] * BLOCKS]
    )
    # Columns: moves of each block, excess within and beyond the budget by inlet, of the rest together, lacking air.
    size = BLOCKS * moves + 2 * k + 1 + BLOCKS
    within, beyond = slice(BLOCKS * moves, BLOCKS * moves + k), slice(BLOCKS * moves + k, BLOCKS * moves + 2 * k)
    rest, lacks = BLOCKS * moves + 2 * k, slice(BLOCKS * moves + 2 * k + 1, size)
    rows: list[Floats] = []
    low: list[Floats] = []
    high: list[Floats] = []

    def add(block: Floats, at_least: Floats | float, at_most: Floats | float) -> None:
        rows.append(block)
        low.append(np.broadcast_to(np.asarray(at_least, dtype=float), len(block)))
        high.append(np.broadcast_to(np.asarray(at_most, dtype=float), len(block)))

    # What lacks after a block is felt until the next one's is; it is counted in percent of the air asked for.
    air = moment.air
    lacking = 0.01 * (moment.felt - np.hstack([moment.felt[:, 1:], np.zeros((times, 1))]))
    for t in range(times):
        block = np.zeros((k, size))
        for b in range(BLOCKS):
            block[:, b * moves : (b + 1) * moves] = moment.felt[t, b] * gain
        block[:, within], block[:, beyond] = -allowed[t] * np.eye(k), -np.eye(k)
        block[:, lacks] = air.starved[watched, None] * lacking[t]
        add(block, -np.inf, moment.limit[watched] - moment.free[t, watched])
    # Excesses: each at least 0 and within its room, all together within the budget.
    budget = max(0.0, moment.budget)
    tail = np.eye(size)[BLOCKS * moves :]
    add(tail, 0.0, np.concatenate([moment.room[watched] / allowed.max(), np.full(k + 1 + BLOCKS, np.inf)]))
    total = np.zeros((1, size))
    total[:, within] = 1.0
    add(total, -np.inf, budget)
    if budget > 0.0:
        spent, slopes, hungry = _of_the_rest(response, moment, watched, step, lacking)
        total = total.copy()
        total[0, : BLOCKS * moves], total[0, rest], total[0, lacks] = slopes, -1.0, hungry
        add(total, -np.inf, budget - spent)
    offers = 100.0 * np.concatenate([air.per_k, air.per_fan]) * step
    lack = np.eye(size)[lacks]
    for b in range(BLOCKS):
        lack[b, : (b + 1) * moves] = np.tile(offers, b + 1)
    add(lack, 100.0 * (air.wanted - air.offered), np.inf)
    # Moves, and where they lead.
    add(np.eye(size)[: BLOCKS * moves], -1.0, 1.0)
    now = np.concatenate([moment.setpoint, moment.fan])
    least = (np.concatenate([bounds.setpoint_low, bounds.fan_low]) - now) / step
    most = (np.concatenate([bounds.setpoint_high, bounds.fan_high]) - now) / step
    for b in range(1, BLOCKS + 1):
        sums = np.hstack([np.tile(np.eye(moves), b), np.zeros((moves, size - b * moves))])
        reach = np.full(moves, float(b))
        # A setting that is outside its limits now may take as many moves as it needs to come back.
        add(sums, np.minimum(np.maximum(least, -reach), reach), np.maximum(np.minimum(most, reach), -reach))
    return _Programme(
        sparse.csc_matrix(p), q, sparse.csc_matrix(np.vstack(rows)), np.concatenate(low), np.concatenate(high)
    )
