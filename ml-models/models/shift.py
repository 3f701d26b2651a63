"""How far inputs have moved from those that a model was trained on: the population stability index. Pure.

Each input's training values are cut into ten bins of equal share; the index of what is served now is the sum over the
bins of (share now - share then) * ln(share now / share then). 0 is alike; above 0.25 counts as moved in the trade. Rows
of one site are few things that change slowly, so that shares of an hour differ by chance: see `MOVED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.windows import FloatArray

BINS: Final = 10
# An input is reported beyond this index, and a model's inputs have moved when that many of them are.
MOVED: Final = 1.0
SHARE: Final = 0.25
_LEAST_SHARE: Final = 1e-3
# How much there is of the past, and the level that a forecast starts from: they say nothing of what was learnt.
_LEFT_OUT: Final = (".filled", ".last")


def edges_of(names: Sequence[str], inputs: FloatArray) -> dict[str, list[float]]:
    """By input, the inner edges of its bins, for the manifest; inputs that hardly vary have none."""
    found = {}
    for column, name in enumerate(names):
        values = inputs[:, column]
        values = values[np.isfinite(values)]
        if name.endswith(_LEFT_OUT) or len(values) < 100 * BINS:
            continue
        edges = np.quantile(values, np.arange(1, BINS) / BINS)
        if np.all(np.diff(edges) > 0):
            found[name] = [float(f"{edge:.6g}") for edge in edges]
    return found


class Shares:
    """Shares of bins, older rows fading: `keep` is what is left of the weight of those before at each `fade`."""

    def __init__(self, names: Sequence[str], edges: dict[str, list[float]]) -> None:
        self._columns = [(column, name) for column, name in enumerate(names) if name in edges]
        self._edges = [np.array(edges[name], dtype=np.float32) for _, name in self._columns]
        self._counts = np.zeros((len(self._columns), BINS))
        self.rows = 0.0

    def __len__(self) -> int:
        return len(self._columns)

    def add(self, inputs: FloatArray) -> None:
        """Rows [N, inputs] that were served."""
        self.rows += len(inputs)
        for number, (column, _) in enumerate(self._columns):
            values = inputs[:, column]
            where = np.searchsorted(self._edges[number], values[np.isfinite(values)], side="right")
            self._counts[number] += np.bincount(where, minlength=BINS)

    def fade(self, keep: float) -> None:
        """Let what came before count less."""
        self._counts *= keep
        self.rows *= keep

    def indices(self) -> dict[str, float]:
        """By input, its index; of those that had values."""
        then = 1.0 / BINS
        found = {}
        for number, (_, name) in enumerate(self._columns):
            total = self._counts[number].sum()
            if total <= 0:
                continue
            now: npt.NDArray[np.float64] = np.maximum(self._counts[number] / total, _LEAST_SHARE)
            found[name] = round(float(np.sum((now - then) * np.log(now / then))), 4)
        return found


def verdict(indices: dict[str, float]) -> str:
    """Which inputs have moved, in a sentence; empty when they have not as a whole."""
    moved = {name: index for name, index in indices.items() if index > MOVED}
    if not indices or len(moved) < SHARE * len(indices):
        return ""
    worst = sorted(moved, key=lambda name: -moved[name])[:3]
    named = ", ".join(f"{name} {moved[name]:.2f}" for name in worst)
    return f"{len(moved)} of {len(indices)} inputs are not as in training (stability index: {named})"


def edges_in(training: dict[str, Any]) -> dict[str, list[float]]:
    """The edges in a manifest's `training`; none where it was made before there were any."""
    found = training.get("inputs")
    return found if isinstance(found, dict) else {}
