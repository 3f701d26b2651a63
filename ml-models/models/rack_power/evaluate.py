"""Scores of the power model, and beside them those of the bar: a power law fitted to each window anew, plus a bias.

Nobody tells a rack's utilisation: what stands for it is its power as a share of the window's largest. From that the law
held as it is says what persistence says, since the bias gives back what it missed; the bar is whichever way does best
(`models.power_law`).
"""

from __future__ import annotations

from typing import Any

from models import power_law
from models.change.scores import evaluate as evaluate_change
from models.definition import Definition
from models.rack_power.features import INPUTS
from models.samples import Fitted, Samples
from models.windows import FloatArray

MEAN = INPUTS.index("power.mean[0:3600]")


def rivals(definition: Definition, windows: FloatArray) -> FloatArray:
    """What the law says of windows [N, channels, cells], [N, outputs, ways], W."""
    power = windows[:, definition.target_channels()[0]]
    ahead = [horizon // definition.resolution_s for horizon in definition.horizons]
    return power_law.forecasts(power_law.shares(power), power, ahead)


def evaluate(definition: Definition, fitted: Fitted, test: Samples) -> dict[str, Any]:
    """Scores in W, as `models.change.scores`; `bar` as `models.power_law.compare`."""
    bar = power_law.compare(definition, fitted.predict(test.inputs)[0], test, MEAN)
    return evaluate_change(definition, fitted, test) | {"bar": bar}
