"""Where the level of a series changes, without knowing why: penalised least squares, solved exactly. Pure.

PELT: Killick, Fearnhead, Eckley, "Optimal detection of changepoints with a linear computational cost", JASA 107, 2012,
with the cost of a segment its squared distance from its mean. Next: :mod:`servertwin.analysis.phases`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
# Beyond so many samples neighbours are taken together, for the time it would take.
MOST: Final = 6000


def noise(values: Floats) -> float:
    """Standard deviation of what is no change of level: from the median of differences, which changes hardly move."""
    if values.size < 3:
        return 0.0
    steps = np.diff(values)
    return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / math.sqrt(2.0))


def changes(values: Floats, *, sigma: float, penalty: float, shortest: int) -> list[int]:
    """Indices at which another level begins, in order.

    Args:
        values: the series, without NaN.
        sigma: standard deviation of its noise.
        penalty: what one more change costs, in ``sigma**2 * ln n``.
        shortest: fewest samples of a level.
    """
    n = values.size
    shortest = max(1, shortest)
    if n < 2 * shortest:
        return []
    beta = penalty * max(sigma, 1e-12) ** 2 * math.log(n)
    total = np.concatenate(([0.0], np.cumsum(values)))
    squares = np.concatenate(([0.0], np.cumsum(values**2)))
    best = np.full(n + 1, np.inf)
    best[0] = -beta
    before = np.zeros(n + 1, dtype=int)
    starts = np.array([0])
    for end in range(shortest, n + 1):
        length = end - starts
        sums = total[end] - total[starts]
        cost = best[starts] + (squares[end] - squares[starts] - sums**2 / length)
        place = int(np.argmin(cost))
        best[end] = cost[place] + beta
        before[end] = starts[place]
        # A start that is worse by now than the best whole can never win again.
        starts = starts[cost <= best[end]]
        candidate = end - shortest + 1
        if candidate >= shortest:
            starts = np.append(starts, candidate)
    found = []
    at = n
    while at > 0:
        at = int(before[at])
        if at > 0:
            found.append(at)
    return found[::-1]


def merged(values: Floats, found: list[int], least: float) -> list[int]:
    """Without changes of less than ``least``: the smallest goes first, until all others are larger."""
    edges = [0, *found, values.size]
    while len(edges) > 2:
        means = [float(np.mean(values[a:b])) for a, b in pairwise(edges)]
        jumps = np.abs(np.diff(means))
        place = int(np.argmin(jumps))
        if jumps[place] >= least:
            break
        del edges[place + 1]
    return edges[1:-1]


def settled(values: Floats, found: list[int], longest: int) -> list[int]:
    """Without steps on the way: a level of at most ``longest`` samples between the levels beside it is their edge,
    since a change within a sample's time leaves a sample of both. The edge stays where the larger step is."""
    edges = [0, *found, values.size]
    place = 1
    while place < len(edges) - 2:
        around = (place - 1, place, place + 1)
        before, here, after = (float(np.mean(values[edges[n] : edges[n + 1]])) for n in around)
        between = min(before, after) < here < max(before, after)
        if edges[place + 1] - edges[place] <= longest and between:
            del edges[place + 1 if abs(here - before) >= abs(after - here) else place]
        else:
            place += 1
    return edges[1:-1]
