"""Scores of the model of server power, and beside them of the bar: a power law fitted to each window, plus a bias.

The law's input is the server's own utilisation; where none is known the law is the window's mean, and with its bias the
last reading. The bar is whichever way of using the law does best (`models.power_law`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models import power_law
from models.change.scores import evaluate as evaluate_change
from models.definition import Definition
from models.samples import Fitted, Samples
from models.server_power.features import INPUTS
from models.windows import FloatArray

MEAN = INPUTS.index("power.mean[0:3600]")


def rivals(definition: Definition, windows: FloatArray) -> FloatArray:
    """What the law says of windows [N, channels, cells], [N, outputs, ways], W."""
    power, load = windows[:, definition.target_channels()[0]], windows[:, definition.channel_names.index("load")]
    ahead = [horizon // definition.resolution_s for horizon in definition.horizons]
    return power_law.forecasts(load / np.float32(100.0), power, ahead)


def evaluate(definition: Definition, fitted: Fitted, test: Samples) -> dict[str, Any]:
    """Scores in W, as `models.change.scores`; `bar` as `models.power_law.compare`."""
    bar = power_law.compare(definition, fitted.predict(test.inputs)[0], test, MEAN)
    return evaluate_change(definition, fitted, test) | {"bar": bar}
