"""Which load to move where, so that the hottest inlet gets cooler: a mixed-integer programme, solved by HiGHS. Pure.

Load moves in blocks from rack to rack of one room. How an inlet answers to a block at another rack is the room
model's; the answer is taken as linear. At most some moves are proposed, because each costs somebody work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, sparse

from optimiser.response import Operation
from physics.laws import Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters

_TOLERANCE_K: Final = 2e-3
_TIME_LIMIT_S: Final = 10.0
# Racks that load is taken from and put to: those with the hottest and the coolest inlets.
_CANDIDATES: Final = 24


@dataclass(frozen=True, slots=True)
class Shift:
    """Blocks to move, and the hottest inlet (°C) before and after by the linear answer."""

    moves: tuple[tuple[str, str, float], ...]
    hottest_c: float
    hottest_then_c: float


def shift(
    layout: Layout,
    parameters: Parameters,
    at: Operation,
    *,
    block_w: float = 500.0,
    most_moves: int = 3,
) -> Shift:
    """The best moves of load between the room's racks."""
    n = len(layout.racks)
    candidates, inlet, answer = _answers(layout, parameters, at, block_w)
    k = len(candidates)
    room_w = np.array([rack.power_capacity_w for rack in layout.racks])[candidates] - at.it_power[candidates]
    give = np.floor(np.maximum(0.6 * at.it_power[candidates], 0.0) / block_w)
    take = np.floor(np.maximum(0.9 * room_w, 0.0) / block_w)
    # Unknowns: blocks off (k), blocks on (k), whether a rack gives (k), the hottest inlet.
    size = 3 * k + 1
    hottest = sparse.hstack([-answer, answer, sparse.csc_matrix((2 * n, k)), -np.ones((2 * n, 1))])
    even = np.concatenate([np.ones(k), -np.ones(k), np.zeros(k + 1)])
    gives = sparse.hstack([sparse.eye(k), sparse.csc_matrix((k, k)), -sparse.diags(np.maximum(give, 1.0)),
                           sparse.csc_matrix((k, 1))])  # fmt: skip
    few = np.concatenate([np.zeros(2 * k), np.ones(k), [0.0]])
    cost = np.concatenate([np.full(2 * k, 1e-3), np.zeros(k), [1.0]])
    result = optimize.milp(
        cost,
        integrality=np.concatenate([np.ones(3 * k), [0]]),
        bounds=optimize.Bounds(
            np.zeros(size) + np.concatenate([np.zeros(3 * k), [-100.0]]),
            np.concatenate([give, take, np.ones(k), [200.0]]),
        ),
        constraints=[
            optimize.LinearConstraint(hottest, -np.inf, -inlet),
            optimize.LinearConstraint(even[None, :], 0.0, 0.0),
            optimize.LinearConstraint(gives, -np.inf, 0.0),
            optimize.LinearConstraint(few[None, :], -np.inf, float(most_moves)),
        ],
        options={"time_limit": _TIME_LIMIT_S},
    )
    if result.x is None:
        return Shift((), float(inlet.max()), float(inlet.max()))
    off, on = np.round(result.x[:k]).astype(int), np.round(result.x[k : 2 * k]).astype(int)
    names = [layout.rack_ids[c] for c in candidates]
    then = inlet + answer @ (on - off)
    return Shift(_pairs(names, off, on, block_w), float(inlet.max()), float(then.max()))


def _answers(layout: Layout, parameters: Parameters, at: Operation, block_w: float) -> tuple[list[int], Floats, Floats]:
    """Candidates, settled inlets (2N,), and their answers (2N, k) to a block at each candidate, K."""
    n = len(layout.racks)
    first = RoomModel(layout, parameters)
    inputs = first.default_inputs(0.5)
    inputs.it_power[...], inputs.setpoint[...], inputs.fan[...] = at.it_power, at.setpoint, at.fan
    inputs.capacity[...] = at.capacity
    inlet = first.observe(first.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=60), inputs).inlet.reshape(-1)
    order = np.argsort(inlet.reshape(2, n).max(axis=0))
    half = _CANDIDATES // 2
    candidates = [int(c) for c in (order if n <= _CANDIDATES else np.concatenate([order[:half], order[-half:]]))]
    model = RoomModel(layout, parameters, scenarios=len(candidates))
    inputs = model.default_inputs(0.5)
    inputs.it_power[...], inputs.setpoint[...], inputs.fan[...] = at.it_power, at.setpoint, at.fan
    inputs.capacity[...] = at.capacity
    for row, candidate in enumerate(candidates):
        inputs.it_power[row, candidate] += block_w
    state = model.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=60)
    seen = model.observe(state, inputs).inlet.reshape(len(candidates), -1)
    return candidates, inlet, (seen - inlet).T


def _pairs(names: list[str], off: Floats, on: Floats, block_w: float) -> tuple[tuple[str, str, float], ...]:
    """Moves from rack to rack out of what is taken off and put on."""
    moves: list[tuple[str, str, float]] = []
    left, wanted = list(off - np.minimum(off, on)), list(on - np.minimum(off, on))
    for i, name in enumerate(names):
        for j, other in enumerate(names):
            blocks = min(left[i], wanted[j])
            if blocks > 0:
                moves.append((name, other, float(blocks) * block_w))
                left[i] -= blocks
                wanted[j] -= blocks
    return tuple(moves)
