"""Fitting: a small network for the change to come, another for how wrong the first will be, and conformal factors.

Per target and horizon, value = start + change; half-width = factor x spread. The spread network is fitted to the
logarithm of the first network's absolute errors. The factors are split-conformal (`models.metrics.conformal_factor`),
taken separately for short, middling and long windows, so that the interval keeps its promise when there is little past
to go by. Networks rather than trees: they were as good or better on held-out racks, and their graphs are a tenth of the
size and exact in float32.

Where physics is known for enough of the rows, a second, smaller set of networks is fitted on those rows alone: it
starts from what physics expects, sees it, and has intervals of its own.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.change.graph import ChangeModel, Head, Networks
from models.change.view import Layout, View
from models.definition import Definition
from models.metrics import conformal_factor
from models.samples import Samples
from models.windows import FloatArray

# Seconds of past that part short windows from middling from long ones.
FILLED_EDGES = (120.0, 600.0, 1800.0)
LEAST_ROWS = 100
# Inputs are kept within the range seen in training, widened by this share of it: outside, a network says anything.
_RANGE_MARGIN = 0.1
_CHANGE_QUANTILES = (0.0005, 0.9995)
# Physics is believed up to this many times the largest change that it expected in training.
_REACH = 3.0
_HIDDEN = (64, 32)
# What physics leaves over has less in it: half the size was as good (DECISIONS.md, "Residual of physics").
_HIDDEN_INFORMED = (32, 16)
# With fewer rows of which physics is known there is no second set.
_LEAST_INFORMED = 10 * LEAST_ROWS
_EPOCHS = 18


def fit(
    definition: Definition, layout: Layout, train: Samples, calibration: Samples, seed: int, *, smallest_error: float
) -> ChangeModel:
    """Fit on `train`; set the intervals' width on `calibration`. `smallest_error`: errors below it (in the target's
    unit, or as a share of the reference) carry no information about the spread.

    Raises:
        ValueError: too few rows of a target to fit or to calibrate.
    """
    plain = replace(layout, physics=None)
    parts = _parts(layout, train), _parts(layout, calibration)
    informed = None
    # One thread: results must not depend on the machine's number of cores.
    with threadpool_limits(limits=1):
        alone = _fit_networks(
            definition, plain, parts[0][0], parts[1][0], seed, hidden=_HIDDEN, smallest_error=smallest_error
        )
        if layout.physics is not None and min(len(part[1]) for part in parts) >= _LEAST_INFORMED:
            seeing = replace(
                layout,
                seen=[*layout.seen, *(column for columns in layout.physics for column in columns)],
                relative=layout.relative and layout.relative + [False] * sum(map(len, layout.physics)),
            )
            informed = _fit_networks(
                definition, seeing, parts[0][1], parts[1][1], seed + 1000, hidden=_HIDDEN_INFORMED,
                smallest_error=smallest_error,
            )  # fmt: skip
    return ChangeModel(alone, np.array(FILLED_EDGES, dtype=np.float32), train.inputs.shape[1], informed)


def _parts(layout: Layout, samples: Samples) -> tuple[Samples, Samples]:
    """Rows for networks that know readings only, and rows of which physics is known. The former are those of which it
    is not, unless they are few: rows picked because physics is known of them are of few rooms."""
    if layout.physics is None:
        return samples, samples.where(np.zeros(len(samples), dtype=np.bool_))
    columns = [column for columns in layout.physics for column in columns]
    known = np.isfinite(samples.inputs[:, columns]).any(axis=1)
    most = bool(np.mean(known) > 0.5)
    return samples if most else samples.where(np.logical_not(known)), samples.where(np.asarray(known))


def _fit_networks(
    definition: Definition,
    layout: Layout,
    train: Samples,
    calibration: Samples,
    seed: int,
    *,
    hidden: tuple[int, ...],
    smallest_error: float,
) -> Networks:
    see = _view(layout, train.inputs)
    horizons = len(definition.horizons)
    heads = []
    for number, target in enumerate(definition.targets):
        columns = slice(number * horizons, (number + 1) * horizons)
        head = _fit_head(
            target.name,
            columns,
            see=see,
            layout=layout,
            number=number,
            train=train,
            seed=seed + 2 * number,
            hidden=hidden,
            smallest_error=smallest_error,
        )
        heads.append(head.with_factors(_factors(head, columns, see, calibration, definition.coverage)))
    return Networks(see, heads)


def _view(layout: Layout, inputs: FloatArray) -> View:
    columns = np.array(layout.seen, dtype=np.int64)
    relative = np.array(layout.relative or [False] * len(columns), dtype=np.bool_)
    everything = np.full(len(columns), np.inf, dtype=np.float32)
    seen = View(columns, relative, layout.reference, -everything, everything).unbounded(inputs)
    # A column that was never filled has no range: it is held at 0. Quantiles, since one outlier is no range.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nan_to_num(np.nanquantile(seen, (0.0005, 0.9995), axis=0))
    margin = _RANGE_MARGIN * (high - low)
    return View(
        columns, relative, layout.reference, (low - margin).astype(np.float32), (high + margin).astype(np.float32)
    )


def _fit_head(
    target: str,
    columns: slice,
    *,
    see: View,
    layout: Layout,
    number: int,
    train: Samples,
    seed: int,
    hidden: tuple[int, ...],
    smallest_error: float,
) -> Head:
    rows = _rows(train, columns, None if layout.physics is None else layout.physics[number])
    if np.count_nonzero(rows) < LEAST_ROWS:
        raise ValueError(f"target {target!r}: {np.count_nonzero(rows)} training rows, at least {LEAST_ROWS} needed")
    raw = train.inputs[rows]
    horizons = columns.stop - columns.start
    nothing = np.zeros(horizons, dtype=np.float32)
    head = Head(
        mean=Pipeline([]),
        spread=Pipeline([]),
        base_column=layout.bases[number],
        filled_column=layout.filled[number],
        least=nothing,
        most=nothing,
        factors=np.ones((len(FILLED_EDGES) + 1, horizons), dtype=np.float32),
        physics=None if layout.physics is None else layout.physics[number],
        reach=None if layout.physics is None else _reach(raw[:, layout.physics[number]]),
    )
    inputs = see(raw)
    change = ((train.truth[rows, columns] - head.start(raw)) / see.scale(raw)[:, None]).astype(np.float64)
    least, most = np.quantile(change, _CHANGE_QUANTILES, axis=0)
    mean = _network(inputs, change, seed, hidden)
    error = np.abs(np.clip(mean.predict(inputs).reshape(change.shape), least, most) - change)
    spread = _network(inputs, np.log(np.maximum(error, smallest_error)), seed + 1, hidden)
    return Head(
        mean,
        spread,
        head.base_column,
        head.filled_column,
        least.astype(np.float32),
        most.astype(np.float32),
        head.factors,
        head.physics,
        head.reach,
    )


def _reach(expected: FloatArray) -> FloatArray:
    """How far physics is believed, [horizons]: it may foresee more than training saw, but not anything."""
    usual = np.abs(np.quantile(expected, _CHANGE_QUANTILES, axis=0)).max(axis=0)
    return np.asarray(_REACH * usual, dtype=np.float32)


def _rows(samples: Samples, columns: slice, physics: list[int] | None) -> npt.NDArray[np.bool_]:
    """Rows that a target can be fitted on."""
    usable = samples.usable[:, columns].all(axis=1)
    return np.asarray(usable if physics is None else usable & np.isfinite(samples.inputs[:, physics]).all(axis=1))


def _factors(head: Head, columns: slice, see: View, calibration: Samples, coverage: float) -> FloatArray:
    rows = _rows(calibration, columns, head.physics)
    raw = calibration.inputs[rows]
    change, spread = head.raw(see(raw))
    scale = see.scale(raw)[:, None]
    scores = np.abs(head.start(raw) + change * scale - calibration.truth[rows, columns]) / (spread * scale)
    group = np.searchsorted(FILLED_EDGES, raw[:, head.filled_column])
    factors = np.empty((len(FILLED_EDGES) + 1, scores.shape[1]), dtype=np.float32)
    for horizon in range(scores.shape[1]):
        score = scores[:, horizon]
        overall = conformal_factor(score, coverage)
        for number in range(len(factors)):
            mine = score[group == number]
            factors[number, horizon] = conformal_factor(mine, coverage) if len(mine) >= LEAST_ROWS else overall
    return factors


def _network(
    inputs: FloatArray, wanted: npt.NDArray[np.float64], seed: int, hidden: tuple[int, ...] = _HIDDEN
) -> Pipeline:
    network = MLPRegressor(
        hidden_layer_sizes=hidden,
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
