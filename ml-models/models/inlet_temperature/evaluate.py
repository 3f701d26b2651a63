"""Scores of a fitted model on racks and times it has not seen, by target and by how much past there was."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.definition import Definition
from models.metrics import score
from models.samples import Fitted, Samples

# Seconds of past: how the scores are broken down, since a forecast from one minute is not one from a whole window.
_PAST = ((0, 60), (60, 300), (300, 900), (900, 1800), (1800, 3600))
_LEAST_ROWS = 30


def evaluate(definition: Definition, fitted: Fitted, test: Samples) -> dict[str, Any]:
    """Scores in K: `overall`, `byTarget`, `byPast` (the latter only where there are enough rows)."""
    value, lo, hi = fitted.predict(test.inputs)

    def scores(rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> dict[str, float | int]:
        return score(test.truth[rows], value[rows], lo[rows], hi[rows], test.persistence[rows]).rounded()

    by_target = {}
    for column, target in enumerate(definition.targets):
        only = np.zeros_like(test.usable)
        only[:, column] = test.usable[:, column]
        if only.any():
            by_target[target.name] = scores(only)
    by_past = {}
    for least, most in _PAST:
        rows = test.usable & (test.filled_s > least) & (test.filled_s <= most)
        if np.count_nonzero(rows) >= _LEAST_ROWS:
            by_past[f"{least}-{most}"] = scores(rows)
    return {"overall": scores(test.usable), "byTarget": by_target, "byPast": by_past}
