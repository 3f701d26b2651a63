"""Fitting of a detector: components on normal windows, a network on labelled ones, limits on windows kept apart.

A limit is what `FALSE_SHARE` of the normal calibration windows of the plant that is hardest to tell exceed, so the
false alarm rate is chosen and not an accident, on plants of another kind too; what is found then, the card reports.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.detecting.graph import Detector, log_odds, standardised
from models.windows import FloatArray

FALSE_SHARE = 0.002
_UNUSUAL_FALSE_SHARE = 0.0005
_VARIANCE_KEPT = 0.9
_HIDDEN = (32, 16)
_EPOCHS = 40


@dataclass(frozen=True)
class LabelledRows:
    """Windows' inputs [N, inputs], what is wrong in each ("" for nothing), and which plant each is of."""

    inputs: FloatArray
    labels: npt.NDArray[np.str_]
    plants: npt.NDArray[np.int64]


def fit(
    logs: npt.NDArray[np.bool_], findings: list[str], train: LabelledRows, calibration: LabelledRows, seed: int
) -> Detector:
    """Fit on `train`; set limits on `calibration`. `findings`: the names that are labels; one for what is merely
    unusual comes after them.

    Raises:
        ValueError: a finding, or normal windows, do not occur in `train`.
    """
    for name in ("", *findings):
        if not (train.labels == name).any():
            raise ValueError(f"no training window is {name or 'normal'!r}; simulate more or longer")
    normal = train.inputs[train.labels == ""]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        logged = np.where(logs, np.log(np.maximum(normal, np.float32(1e-3))), normal)
        mean = np.nan_to_num(np.nanmean(logged, axis=0)).astype(np.float32)
        scale = np.maximum(np.nan_to_num(np.nanstd(logged, axis=0)), 1e-6).astype(np.float32)
    z = standardised(normal, logs, mean, scale)
    form = _form(z)
    network = MLPClassifier(hidden_layer_sizes=_HIDDEN, alpha=1e-1, batch_size=256, max_iter=_EPOCHS, random_state=seed)
    classes = np.array(["", *findings])
    wanted = np.searchsorted(np.sort(classes), train.labels)
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(standardised(train.inputs, logs, mean, scale), wanted)
    layers = [
        (weights.astype(np.float32), bias.astype(np.float32))
        for weights, bias in zip(network.coefs_, network.intercepts_, strict=True)
    ]
    if len(findings) == 1:
        # Of two classes the network gives one number: that of the second.
        weights, bias = layers[-1]
        layers[-1] = (np.concatenate([np.zeros_like(weights), weights], axis=1), np.append(np.float32(0.0), bias))
    else:
        # The network's classes are in alphabetical order, ours as the definition lists them; "" is first in both.
        order = np.searchsorted(np.sort(classes), classes)
        layers[-1] = (layers[-1][0][:, order], layers[-1][1][order])
    limits = []
    for plant in np.unique(calibration.plants):
        of_it = (calibration.labels == "") & (calibration.plants == plant)
        quiet = standardised(calibration.inputs[of_it], logs, mean, scale)
        phi = (quiet * (quiet @ form)).sum(axis=1)
        # Never less than even odds: what is told apart without effort would be reported at the first doubt.
        found = np.maximum(np.quantile(log_odds(quiet, layers), 1.0 - FALSE_SHARE, axis=0), 0.0)
        limits.append([*found, np.quantile(phi, 1.0 - _UNUSUAL_FALSE_SHARE)])
    return Detector(logs, mean, scale, form, layers, np.max(limits, axis=0).astype(np.float32))


def _form(z: FloatArray) -> npt.NDArray[np.float64]:
    """The quadratic form of the combined index: T2 over the components that carry most of the variance, Q outside."""
    _, singular, components = np.linalg.svd(z.astype(np.float64), full_matrices=False)
    variances = singular**2 / max(1, len(z) - 1)
    kept = int(np.searchsorted(np.cumsum(variances) / max(variances.sum(), 1e-12), _VARIANCE_KEPT)) + 1
    v = components[:kept].T
    inside = v @ np.diag(1.0 / np.maximum(variances[:kept], 1e-9)) @ v.T
    outside = np.eye(z.shape[1]) - v @ v.T
    t2 = np.einsum("ij,jk,ik->i", z, inside, z)
    q = np.einsum("ij,jk,ik->i", z, outside, z)
    limits = np.quantile(t2, 0.99), max(float(np.quantile(q, 0.99)), 1e-9)
    return np.asarray(inside / limits[0] + outside / limits[1])
