"""Fitting: a small network for the change to come, another for how wrong the first will be, and a conformal factor.

Per target, value = last + change; half-width = factor x spread. The spread network is fitted to the logarithm of the
first network's absolute errors. The factor is split-conformal (`models.metrics.conformal_factor`), taken separately
for short, middling and long windows, so that the interval keeps its promise when there is little past to go by.
Networks rather than trees: they were as good or better on held-out racks, and their graphs are a tenth of the size
and exact in float32.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.definition import Definition
from models.inlet_temperature.features import INPUTS, base, filled, of_networks
from models.inlet_temperature.graph import Head, InletTemperature, View
from models.metrics import conformal_factor
from models.samples import Samples
from models.windows import FloatArray

# Seconds of past that part short windows from middling from long ones.
FILLED_EDGES = (120.0, 600.0, 1800.0)
_LEAST_ROWS_PER_FACTOR = 100
# Errors below the sensors' resolution carry no information about the spread.
_SMALLEST_ERROR_K = 0.02
# Inputs are kept within the range seen in training, widened by this share of it: outside, a network says anything.
_RANGE_MARGIN = 0.1
_CHANGE_QUANTILES = (0.0005, 0.9995)
_HIDDEN = (64, 32)
_EPOCHS = 18


def fit(definition: Definition, train: Samples, calibration: Samples, seed: int) -> InletTemperature:
    """Fit on `train`; set the intervals' width on `calibration`.

    Raises:
        ValueError: too few rows of a target to fit or to calibrate.
    """
    columns = np.array(of_networks(), dtype=np.int64)
    seen = train.inputs[:, columns]
    # A column that was never filled has no range: it is held at 0.
    low = np.nan_to_num(np.fmin.reduce(seen, axis=0))
    high = np.nan_to_num(np.fmax.reduce(seen, axis=0))
    margin = _RANGE_MARGIN * (high - low)
    see = View(columns, (low - margin).astype(np.float32), (high + margin).astype(np.float32))
    heads = []
    # One thread: results must not depend on the machine's number of cores.
    with threadpool_limits(limits=1):
        for column, target in enumerate(definition.targets):
            heads.append(
                _fit_head(definition, target.name, column, see, train=train, calibration=calibration, seed=seed)
            )
    return InletTemperature(see, heads, np.array(FILLED_EDGES, dtype=np.float32))


def _fit_head(
    definition: Definition,
    target: str,
    column: int,
    see: View,
    *,
    train: Samples,
    calibration: Samples,
    seed: int,
) -> Head:
    rows = train.usable[:, column]
    if np.count_nonzero(rows) < _LEAST_ROWS_PER_FACTOR:
        raise ValueError(
            f"target {target!r}: {np.count_nonzero(rows)} training rows, at least {_LEAST_ROWS_PER_FACTOR} needed"
        )
    inputs = see(train.inputs[rows])
    base_column, filled_column = INPUTS.index(base(target)), INPUTS.index(filled(target))
    change = (train.truth[rows, column] - train.inputs[rows, base_column]).astype(np.float64)
    least, most = np.quantile(change, _CHANGE_QUANTILES)
    mean = _network(inputs, change, seed + 2 * column)
    error = np.abs(np.clip(mean.predict(inputs), least, most) - change)
    spread = _network(inputs, np.log(np.maximum(error, _SMALLEST_ERROR_K)), seed + 2 * column + 1)
    head = Head(mean, spread, base_column, filled_column, float(least), float(most), np.ones(len(FILLED_EDGES) + 1))
    return head.with_factors(_factors(head, column, see, calibration, definition.coverage))


def _factors(head: Head, column: int, see: View, calibration: Samples, coverage: float) -> FloatArray:
    rows = calibration.usable[:, column]
    raw = calibration.inputs[rows]
    change, spread = head.raw(see(raw))
    score = np.abs(raw[:, head.base_column] + change - calibration.truth[rows, column]) / spread
    group = np.searchsorted(FILLED_EDGES, raw[:, head.filled_column])
    overall = conformal_factor(score, coverage)
    factors = [
        conformal_factor(score[group == g], coverage)
        if np.count_nonzero(group == g) >= _LEAST_ROWS_PER_FACTOR
        else overall
        for g in range(len(FILLED_EDGES) + 1)
    ]
    return np.array(factors, dtype=np.float32)


def _network(inputs: FloatArray, wanted: np.ndarray[tuple[int, ...], np.dtype[np.float64]], seed: int) -> Pipeline:
    network = MLPRegressor(
        hidden_layer_sizes=_HIDDEN,
        alpha=1.0,
        learning_rate_init=1e-3,
        # About as many steps of descent whether the history is long or short.
        batch_size=int(np.clip(len(inputs) // 100, 32, 512)),
        max_iter=_EPOCHS,
        random_state=seed,
    )
    # Missing inputs become the column's mean, which the scaler then makes 0. A column that was never filled stays, as
    # 0.
    pipeline = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), network)
    with warnings.catch_warnings():
        # A fixed number of epochs is the regularisation here, so stopping before convergence is meant.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return pipeline.fit(inputs, wanted)
