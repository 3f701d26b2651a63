"""Scores of a fitted model on racks and times it has not seen: by target, by horizon, by how much past there was."""

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
    """Scores in the target's unit: `overall` and `byTarget` at the model's own horizon, `byHorizon` over all targets,
    `byPast` (the latter only where there are enough rows).
    """
    value, lo, hi = fitted.predict(test.inputs)
    outputs = definition.outputs()

    def scores(rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> dict[str, float | int]:
        return score(test.truth[rows], value[rows], lo[rows], hi[rows], test.persistence[rows]).rounded()

    def only(columns: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        chosen = np.zeros_like(test.usable)
        chosen[:, columns] = test.usable[:, columns]
        return chosen

    main = only([c for c, output in enumerate(outputs) if output.horizon_s == definition.horizon_s])
    by_target = {}
    for number, target in enumerate(definition.targets):
        mine = only([c for c, o in enumerate(outputs) if o.target == number and o.horizon_s == definition.horizon_s])
        if mine.any():
            by_target[target.name] = scores(mine)
    by_horizon = {}
    for horizon in definition.horizons:
        mine = only([c for c, output in enumerate(outputs) if output.horizon_s == horizon])
        if mine.any():
            by_horizon[str(horizon)] = scores(mine)
    by_past = {}
    for least, most in _PAST:
        rows = main & (test.filled_s > least) & (test.filled_s <= most)
        if np.count_nonzero(rows) >= _LEAST_ROWS:
            by_past[f"{least}-{most}"] = scores(rows)
    return {"overall": scores(main), "byTarget": by_target, "byHorizon": by_horizon, "byPast": by_past}
