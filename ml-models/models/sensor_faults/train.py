"""Fitting of the sensor model; how is in `models.detecting.fit`."""

from __future__ import annotations

import numpy as np

from models.definition import Definition
from models.detecting.fit import LabelledRows
from models.detecting.fit import fit as fit_detector
from models.detecting.graph import Detector
from models.sensor_faults.features import INPUTS, LOGARITHMS

# Faults of the simulated plant that it is trained and tested on.
FAULTS = ("sensor-sticks", "sensor-drifts")


def fit(definition: Definition, train: LabelledRows, calibration: LabelledRows, seed: int) -> Detector:
    """Fit on `train`; set limits on `calibration`.

    Raises:
        ValueError: a finding does not occur in `train`.
    """
    logs = np.array([name in LOGARITHMS for name in INPUTS])
    return fit_detector(logs, [finding.name for finding in definition.findings[:-1]], train, calibration, seed)
