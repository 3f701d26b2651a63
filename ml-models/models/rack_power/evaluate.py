"""Scores of the power model, and beside them those of the bar: a rolling power law of three parameters plus bias.

From power alone the law P = idle + (busy - idle)(2u - u^r) (Fan, Weber, Barroso 2007) gives back, with the utilisation
kept as it is and the bias of the moment, the present power; what a rolling fit adds is the return to the window's mean.
The bar is therefore the better of persistence and of an exponential return to the mean of the past hour, whose rate is
fitted on the test rows themselves: a bar that knows more than it could.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.change.scores import evaluate as evaluate_change
from models.definition import Definition
from models.rack_power.features import INPUTS
from models.samples import Fitted, Samples


def evaluate(definition: Definition, fitted: Fitted, test: Samples) -> dict[str, Any]:
    """Scores in W, as `models.change.scores`; `bar` is the RMSE and the skill of the bar at the model's horizon."""
    scores = evaluate_change(definition, fitted, test)
    column = [o.horizon_s for o in definition.outputs()].index(definition.horizon_s)
    rows = test.usable[:, column] & np.isfinite(test.inputs[:, INPUTS.index("power.mean[0:3600]")])
    last = test.persistence[rows, column].astype(np.float64)
    towards = test.inputs[rows, INPUTS.index("power.mean[0:3600]")] - last
    change = test.truth[rows, column] - last
    rate = float(np.clip(np.dot(towards, change) / max(np.dot(towards, towards), 1e-9), 0.0, 1.0))
    mse, naive = float(np.mean((rate * towards - change) ** 2)), float(np.mean(change**2))
    scores["bar"] = {"rmse": round(mse**0.5, 2), "skill": round(1.0 - mse / naive, 4) if naive else 0.0}
    return scores
