"""Scores of a fitted model on racks and times it has not seen: by target, by horizon, by how much past there was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.definition import Definition
from models.metrics import score, skill_against
from models.samples import Fitted, Samples
from models.windows import FloatArray

# Seconds of past: how the scores are broken down, since a forecast from one minute is not one from a whole window.
_PAST = ((0, 60), (60, 300), (300, 900), (900, 1800), (1800, 3600))
_LEAST_ROWS = 30
# Inputs -> value, lo, hi.
Predict = Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]]


def evaluate(definition: Definition, fitted: Fitted, test: Samples) -> dict[str, Any]:
    """Scores in the target's unit: `overall` and `byTarget` at the model's own horizon, `byHorizon` over all targets,
    `byPast` (the latter only where there are enough rows), `physics` if the model knows any (`against_physics`).
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
    found = {"overall": scores(main), "byTarget": by_target, "byHorizon": by_horizon, "byPast": by_past}
    informed = getattr(fitted, "informed", None)
    if informed is not None:
        compared = against_physics(definition, fitted.predict, test, informed.expected)
        found |= {"physics": compared} if compared else {}
    return found


def against_physics(
    definition: Definition, predict: Predict, test: Samples, expected: list[int]
) -> dict[str, dict[str, float | int]]:
    """Scores at the model's own horizon, all on the same forecasts, those of which physics is known: of the model, of
    the model were physics not known (`alone`), and of physics (`pure`; its interval is left out). The first two have
    their skill against physics too (`skill_physics`: 1 - MSE / MSE of physics). Empty where there are too few.
    `expected`: for each output, the input with the change that physics expects.
    """
    change = test.inputs[:, expected]
    rows = test.usable & np.isfinite(change)
    rows[:, [c for c, output in enumerate(definition.outputs()) if output.horizon_s != definition.horizon_s]] = False
    if np.count_nonzero(rows) < _LEAST_ROWS:
        return {}
    unknown = test.inputs.copy()
    unknown[:, expected] = np.nan
    found = {}
    for name, inputs in (("model", test.inputs), ("alone", unknown)):
        value, lo, hi = predict(inputs)
        found[name] = score(test.truth[rows], value[rows], lo[rows], hi[rows], test.persistence[rows]).rounded()
    pure = (test.persistence + change)[rows]
    own = score(test.truth[rows], pure, pure, pure, test.persistence[rows]).rounded()
    for scores in found.values():
        scores["skill_physics"] = skill_against(scores, own)
    found["pure"] = {name: number for name, number in own.items() if name not in ("coverage", "width")}
    return found
