"""Fitting of the inlet model; how is in `models.change.fit`."""

from __future__ import annotations

from models.change.fit import fit as fit_change
from models.change.graph import ChangeModel
from models.definition import Definition
from models.inlet_temperature.features import layout
from models.samples import Samples

# Errors below the sensors' resolution carry no information about the spread.
_SMALLEST_ERROR_K = 0.02


def fit(definition: Definition, train: Samples, calibration: Samples, seed: int) -> ChangeModel:
    """Fit on `train`; set the intervals' width on `calibration`.

    Raises:
        ValueError: too few rows of a target to fit or to calibrate.
    """
    return fit_change(definition, layout(definition), train, calibration, seed, smallest_error=_SMALLEST_ERROR_K)
