"""Fitting of the model of server power; how is in `models.change.fit`."""

from __future__ import annotations

from models.change.fit import fit as fit_change
from models.change.graph import ChangeModel
from models.definition import Definition
from models.samples import Samples
from models.server_power.features import layout

# Errors below a meter's noise carry no information about the spread; a share of the past hour's mean.
_SMALLEST_ERROR = 0.003


def fit(definition: Definition, train: Samples, calibration: Samples, seed: int) -> ChangeModel:
    """Fit on `train`; set the intervals' width on `calibration`.

    Raises:
        ValueError: too few rows of a target to fit or to calibrate.
    """
    return fit_change(definition, layout(definition), train, calibration, seed, smallest_error=_SMALLEST_ERROR)
