"""How each sensor will have changed at each horizon: ridge regression that learns as readings come. Pure.

Every sensor has coefficients of its own, drawn towards those of all sensors at its position, which are drawn towards
nothing: a new sensor forecasts as the others do, a short record hardly at all. What was learnt is then weighed by how
well it did: each forecast made is compared with what came, and the share of a predicted change that is believed is the
one that would have served best (between 0, which is persistence, and 1). Old evidence fades.

Source of the form: ridge regression towards a common mean is an empirical Bayes shrinkage (Efron, Morris, JASA 1973);
the weight is the regression of observed on predicted change, kept within 0 and 1. Next: `intervals`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physics_files.readings import Floats

# In horizons that went by: how many of its own outweigh what the others say; how many of all it takes to say anything;
# how many make a forecast believed. Changes over a horizon overlap, and the sensors of a room move together, so that
# neither samples nor sensors count by their number.
_OWN: Final = 60.0
_ALL: Final = 12.0
_BELIEF: Final = 12.0
# How much harder it is for a sensor to be believed otherwise than those at its position.
_ALIKE: Final = 2.5
# In standard errors: how much of a weight is not believed for want of evidence.
_DOUBT: Final = 1.0
# Evidence fades with these half-lives (s).
_MEMORY_S: Final = 4 * 86_400.0
_BELIEF_MEMORY_S: Final = 86_400.0
# In standard deviations: a sensor that jumps teaches nothing by it.
_LIMIT: Final = 8.0


class Learner:
    """Coefficients [horizons, targets, features] of the changes, learnt forward in time.

    `groups` numbers the position of each target. Samples are rows of features with the changes that came after them.
    """

    def __init__(self, horizons: list[int], groups: np.ndarray[tuple[int], np.dtype[np.int64]], features: int) -> None:
        targets = groups.size
        self._cells = horizons
        self._members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
        count = len(horizons)
        self._gram = np.zeros((count, targets, features, features))
        self._moment = np.zeros((count, targets, features))
        self._count = np.zeros((count, targets))
        self._square = np.zeros((count, targets))
        self.coefficients = np.zeros((count, targets, features))

    def fade(self, seconds: float) -> None:
        """Let what was learnt count less after this time."""
        keep = 0.5 ** (seconds / _MEMORY_S)
        self._gram *= keep
        self._moment *= keep
        self._count *= keep
        self._square *= keep

    def learn(self, horizon: int, features: Floats, change: Floats) -> None:
        """Take samples in: [rows, targets, features] and the changes [rows, targets], NaN where not known."""
        known = np.isfinite(change)
        scale = np.sqrt(self._square[horizon] / np.maximum(self._count[horizon], 1.0))
        limit = np.where(self._count[horizon] > 60.0, _LIMIT * np.maximum(scale, 0.02), np.inf)
        y = np.clip(np.where(known, change, 0.0), -limit, limit)
        x = features * known[:, :, None]
        by_target = x.transpose(1, 0, 2)
        self._gram[horizon] += by_target.transpose(0, 2, 1) @ by_target
        self._moment[horizon] += (by_target.transpose(0, 2, 1) @ y.T[:, :, None])[:, :, 0]
        self._count[horizon] += known.sum(axis=0)
        self._square[horizon] += (y * y).sum(axis=0)

    def solve(self) -> None:
        """Bring the coefficients up to date."""
        eye = np.eye(self._gram.shape[-1])
        for h, cells in enumerate(self._cells):
            for members in self._members:
                count = float(self._count[h, members].sum())
                if count < 1.0:
                    continue
                gram, moment = self._gram[h, members].sum(axis=0), self._moment[h, members].sum(axis=0)
                # Features in units of their own size, and none that never moved.
                size = np.diag(gram) / count + 1e-9
                own = _OWN * cells * size
                common = np.linalg.solve(gram + np.diag(_ALL * cells * members.size * size) + 1e-9 * eye, moment)
                left = self._gram[h, members] + np.diag(own)
                right = self._moment[h, members] + own * common
                self.coefficients[h, members] = np.linalg.solve(left, right[:, :, None])[:, :, 0]

    def predict(self, features: Floats) -> Floats:
        """Changes [rows, horizons, targets] that are expected after rows of features [rows, targets, features]."""
        return np.asarray(np.einsum("ktf,htf->kht", features, self.coefficients, optimize=True))


class Belief:
    """How much of a predicted change to believe, [horizons, targets], from how past predictions did."""

    def __init__(self, horizons: list[int], groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        shape = (len(horizons), groups.size)
        self._cells = np.array(horizons, dtype=float)
        self._members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
        self._both = np.zeros(shape)
        self._own = np.zeros(shape)
        self._seen = np.zeros(shape)
        # Of each position: squares and products of what each block says, which tell how sure their sum is.
        self._spread = np.zeros((3, len(horizons), len(self._members)))
        self._block = 1.0
        self.weight = np.zeros(shape)

    def fade(self, seconds: float) -> None:
        """Let old successes count less after this time."""
        keep = 0.5 ** (seconds / _BELIEF_MEMORY_S)
        self._both *= keep
        self._own *= keep
        self._seen *= keep
        self._spread *= keep

    def learn(self, horizon: int, predicted: Floats, change: Floats) -> None:
        """Take in what was predicted and what came, both [rows, targets]."""
        known = np.isfinite(change) & np.isfinite(predicted)
        p, c = np.where(known, predicted, 0.0), np.where(known, change, 0.0)
        # One wild reading must not decide.
        c = np.clip(c, -10.0 * np.abs(p) - 1.0, 10.0 * np.abs(p) + 1.0)
        both, own = (p * c).sum(axis=0), (p * p).sum(axis=0)
        self._both[horizon] += both
        self._own[horizon] += own
        self._seen[horizon] += (known & (p != 0.0)).sum(axis=0)
        self._block = float(max(p.shape[0], 1))
        for group, members in enumerate(self._members):
            b, o = float(both[members].sum()), float(own[members].sum())
            self._spread[:, horizon, group] += (b * b, b * o, o * o)

    def solve(self) -> None:
        """Bring the weights up to date."""
        for group, members in enumerate(self._members):
            both, own = self._both[:, members].sum(axis=1), self._own[:, members].sum(axis=1)
            seen = self._seen[:, members].sum(axis=1)
            # In the beginning the doubt outweighs what was seen.
            mean = _BELIEF * self._cells * own / np.maximum(seen, 1.0)
            weight = both / np.maximum(own + members.size * mean, 1e-12)
            common = np.clip(weight - self._doubt(group, own), 0.0, 1.0)[:, None]
            doubt = _ALIKE * mean[:, None]
            weight = (self._both[:, members] + doubt * common) / np.maximum(self._own[:, members] + doubt, 1e-12)
            self.weight[:, members] = np.clip(weight, 0.0, 1.0)

    def _doubt(self, group: int, own: Floats) -> Floats:
        """How far the weight of a position may be too high: its standard error, blocks that overlap counted once."""
        bb, bo, oo = self._spread[:, :, group]
        weight = np.clip(bo / np.maximum(oo, 1e-12), 0.0, 1.0)
        variance = np.maximum(bb - 2.0 * weight * bo + weight**2 * oo, 0.0)
        overlap = np.maximum(1.0, self._cells / self._block)
        return np.asarray(_DOUBT * np.sqrt(variance * overlap) / np.maximum(own, 1e-12))
